//! How a group is committed.

use hufu_core::changeset::Changeset;
use hufu_core::store::{CommitError, Committed, Sealer, Segment, Verdict};

use super::SqliteStore;
use super::failure::Failure;
use super::writer::Writer;
use crate::limits::{check_batch, check_segment};
use crate::plan::{Plan, guarded, is_audit_only};

impl SqliteStore {
    pub(super) async fn commit_group(
        &self,
        batch: &[Changeset],
        sealer: &mut dyn Sealer,
    ) -> Result<Committed, CommitError> {
        check_batch(batch)?;
        if !self.place.is_held() {
            return Err(CommitError::NotCommitted(
                "the database file was removed or replaced: restart on the right one".into(),
            ));
        }
        let mut writer = self.writer.lock().await;
        let urgent = batch.iter().any(|changeset| changeset.urgent);
        if !urgent && self.reserve.is_released() && !self.reserve.try_restore() {
            return Err(CommitError::NotCommitted("the disk is full, what is left is kept for revocations".into()));
        }
        if !batch.is_empty() && !urgent && is_audit_only(batch) {
            self.commit_audit(&mut writer, batch, sealer).await
        } else {
            self.commit_state(&mut writer, batch, sealer, urgent).await
        }
    }

    /// One statement, which commits itself.
    async fn commit_audit(
        &self,
        writer: &mut Writer,
        batch: &[Changeset],
        sealer: &mut dyn Sealer,
    ) -> Result<Committed, CommitError> {
        let segment = sealer.seal(&vec![true; batch.len()]);
        check_segment(&segment)?;
        let appended = writer.append(&segment).await;
        let order = Self::or_discard(writer, appended).await?;
        Ok(Committed { order, verdicts: vec![Verdict::Accepted; batch.len()] })
    }

    /// A transaction. If the disk is full and the group is urgent, the reserve is given up and the same group written once more.
    async fn commit_state(
        &self,
        writer: &mut Writer,
        batch: &[Changeset],
        sealer: &mut dyn Sealer,
        urgent: bool,
    ) -> Result<Committed, CommitError> {
        let begun = begin(writer, batch).await;
        let plan = Self::or_discard(writer, begun).await?;
        if plan.is_refused() {
            let left = leave(writer).await;
            let order = Self::or_discard(writer, left).await?;
            return Ok(Committed { order, verdicts: plan.verdicts });
        }
        let segment = sealer.seal(&plan.accepted());
        if let Err(unstorable) = check_segment(&segment) {
            writer.discard().await;
            return Err(unstorable.into());
        }
        let mut finished = finish(writer, &plan, &segment).await;
        if finished.as_ref().is_err_and(Failure::is_full) && urgent && self.reserve.release() {
            finished = again(writer, &plan, &segment).await;
        }
        let order = Self::or_discard(writer, finished).await?;
        Ok(Committed { order, verdicts: plan.verdicts })
    }

    async fn or_discard<T>(writer: &mut Writer, outcome: Result<T, Failure>) -> Result<T, CommitError> {
        if outcome.is_err() {
            writer.discard().await;
        }
        outcome.map_err(CommitError::from)
    }
}

async fn begin<'a>(writer: &mut Writer, batch: &'a [Changeset]) -> Result<Plan<'a>, Failure> {
    writer.begin().await?;
    let mut stored = std::collections::BTreeMap::new();
    for key in guarded(batch) {
        if let Some(revision) = writer.revision(&key).await? {
            stored.insert(key, revision);
        }
    }
    Ok(Plan::new(batch, |key| stored.get(key).copied()))
}

async fn leave(writer: &mut Writer) -> Result<u64, Failure> {
    let order = writer.order().await?;
    writer.roll_back().await?;
    Ok(order)
}

async fn finish(writer: &mut Writer, plan: &Plan<'_>, segment: &Segment) -> Result<u64, Failure> {
    let order = writer.write(plan, segment).await?;
    writer.commit(order).await?;
    Ok(order)
}

/// The plan and the segment still hold: nobody else writes, and the first attempt came to nothing.
async fn again(writer: &mut Writer, plan: &Plan<'_>, segment: &Segment) -> Result<u64, Failure> {
    writer.discard().await;
    writer.begin().await?;
    finish(writer, plan, segment).await
}
