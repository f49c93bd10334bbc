//! How a group is committed.

use std::time::Duration;

use hufu_core::changeset::Changeset;
use hufu_core::store::{CommitError, Committed, Sealer, Verdict};

use super::PostgresStore;
use super::failure::Failure;
use super::session::Session;
use super::writer::{self, Writer, limited};
use crate::limits::{check_batch, check_segment};
use crate::plan::{Plan, RowKey, guarded, is_audit_only};

impl PostgresStore {
    pub(super) async fn commit_group(
        &self,
        batch: &[Changeset],
        sealer: &mut dyn Sealer,
    ) -> Result<Committed, CommitError> {
        check_batch(batch)?;
        let mut writer = self.writer.lock().await;
        if !batch.is_empty() && is_audit_only(batch) {
            commit_audit(&mut writer, batch, sealer).await
        } else {
            commit_state(&mut writer, batch, sealer).await
        }
    }
}

/// One statement, which commits itself.
async fn commit_audit(
    writer: &mut Writer,
    batch: &[Changeset],
    sealer: &mut dyn Sealer,
) -> Result<Committed, CommitError> {
    let mut session = writer.take().await?;
    let segment = sealer.seal(&vec![true; batch.len()]);
    if let Err(unstorable) = check_segment(&segment) {
        writer.give_back(session);
        return Err(unstorable.into());
    }
    let appended = limited(writer.wait_max(), writer::append(&mut session.connection, &segment)).await;
    let order = appended.map_err(Failure::at_commit)?;
    writer.give_back(session);
    Ok(Committed { order, verdicts: vec![Verdict::Accepted; batch.len()] })
}

/// A transaction of its own under the exclusive lock.
async fn commit_state(
    writer: &mut Writer,
    batch: &[Changeset],
    sealer: &mut dyn Sealer,
) -> Result<Committed, CommitError> {
    let mut session = writer.take().await?;
    let committed = group(&mut session, batch, sealer, writer.wait_max()).await?;
    writer.give_back(session);
    Ok(committed)
}

async fn group(
    session: &mut Session,
    batch: &[Changeset],
    sealer: &mut dyn Sealer,
    wait_max: Duration,
) -> Result<Committed, CommitError> {
    let plan = limited(wait_max, begin(session, batch)).await.map_err(Failure::before_commit)?;
    if plan.is_refused() {
        let order = limited(wait_max, leave(session)).await.map_err(Failure::before_commit)?;
        return Ok(Committed { order, verdicts: plan.verdicts });
    }
    let segment = sealer.seal(&plan.accepted());
    check_segment(&segment)?;
    let written = limited(wait_max, writer::write(&mut session.connection, &plan, &segment)).await;
    let order = written.map_err(Failure::before_commit)?;
    limited(wait_max, writer::end(&mut session.connection, "COMMIT")).await.map_err(Failure::at_commit)?;
    Ok(Committed { order, verdicts: plan.verdicts })
}

async fn begin<'a>(session: &mut Session, batch: &'a [Changeset]) -> Result<Plan<'a>, sqlx::Error> {
    writer::begin(&mut session.connection).await?;
    let keys: Vec<RowKey<'a>> = guarded(batch).into_iter().collect();
    let mut revisions = vec![None; keys.len()];
    if !keys.is_empty() {
        for (place, revision) in writer::revisions(&mut session.connection, &keys).await? {
            if let Some(slot) = revisions.get_mut(place) {
                *slot = Some(revision);
            }
        }
    }
    // The keys come sorted from a set.
    Ok(Plan::new(batch, |key| keys.binary_search(key).ok().and_then(|at| revisions.get(at).copied().flatten())))
}

async fn leave(session: &mut Session) -> Result<u64, sqlx::Error> {
    let order = writer::order(&mut session.connection).await?;
    writer::end(&mut session.connection, "ROLLBACK").await?;
    Ok(order)
}
