//! Destruction: commit `destroying`, delete, confirm absence, commit `destroyed`. Each step survives a crash after any other.

use std::time::Duration;

use hufu_core::Error;
use hufu_core::audit::AuditEntry;
use hufu_core::backend::BackendError;
use hufu_core::changeset::{Changeset, Collection, Row, Write};
use hufu_core::policy::Action;
use hufu_core::record::{Attestation, KeyState, Locator, VersionRecord};
use hufu_core::rules::{Event, transition};
use hufu_journal::JournalError;
use hufu_verify::Event as LedgerEvent;

use super::ROWS_MAX;

use crate::alarms::{QUARANTINE, SHARE_LEFT};
use crate::engine::Engine;
use crate::fault;
use crate::keys::Staging;
use crate::leaf::{EventDetail, PolicyDetail};

/// Longest time that a server must have been up before it begins a destruction.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

impl Engine {
    pub(super) async fn destroy_due(&self) -> Result<(), Error> {
        let now = self.clock.now_ms();
        let rows = self.store.due(Collection::Version, now, ROWS_MAX).await.map_err(fault::store)?;
        for row in rows {
            if let Err(error) = self.destroy_one(&row).await {
                tracing::warn!(?error, version = row.id, "a destruction is not finished: it will be tried again");
            }
        }
        Ok(())
    }

    async fn destroy_one(&self, row: &Row) -> Result<(), Error> {
        let Ok(record) = self.directory.open_version(row) else {
            self.alarms.raise(QUARANTINE, &row.id, "the version row is not as the service wrote it");
            return Ok(());
        };
        // The tag alone does not tell an older copy: a row that disagrees with the ledger must not destroy anything.
        let version = self.directory.read_version(&record.name()).await?;
        if version.revision != row.revision {
            return Ok(());
        }
        if !self.has_waited(&record) {
            return Ok(());
        }
        let begun = match record.state {
            KeyState::Destroying => Some((record, row.revision)),
            _ => self.begin_destroy(record, row.revision).await?,
        };
        match begun {
            Some((record, revision)) => self.finish_destroy(record, revision).await,
            None => Ok(()),
        }
    }

    /// Whether this server has been up for the delay, or for an hour of it: a clock set forward while no server ran must
    /// not destroy anything before a person can notice.
    fn has_waited(&self, record: &VersionRecord) -> bool {
        let delay = match (record.destroy_at, record.destroy_scheduled_at) {
            (Some(at), Some(scheduled)) => Duration::from_millis(at.saturating_sub(scheduled)),
            _ => WAIT_MAX,
        };
        record.state == KeyState::Destroying || self.clock.uptime() >= self.started_uptime + delay.min(WAIT_MAX)
    }

    async fn begin_destroy(
        &self,
        mut record: VersionRecord,
        revision: u64,
    ) -> Result<Option<(VersionRecord, u64)>, Error> {
        record.state = transition(record.state, Event::BeginDestroy)?;
        let mut staging = Staging::new(self, self.destruction(&record, "destroying"));
        let detail = EventDetail::policy(PolicyDetail::Destroying);
        staging.append(&mut record, LedgerEvent::Policy, self.clock.now_ms(), detail)?;
        staging.update_version(&record, revision);
        let committed = self.commit_unless_guarded(staging.finish_urgent()).await?;
        Ok(committed.then_some((record, revision + 1)))
    }

    async fn finish_destroy(&self, mut record: VersionRecord, revision: u64) -> Result<(), Error> {
        {
            let _alone = self.reconciler.material.lock().await;
            if !matches!(record.locator, Locator::Shares { .. }) {
                self.erase(record.protection, record.uid).await?;
            }
        }
        let unconfirmed = self.erase_at_holders(&record).await?;
        let set = self.set_to_destroy(&record).await?;
        let now = self.clock.now_ms();
        record.state = transition(record.state, Event::ConfirmDestroy)?;
        record.destroyed_at = Some(now);
        record.destroy_at = None;
        record.locator = Locator::Gone;
        let mut what = "destroyed".to_owned();
        if !unconfirmed.is_empty() {
            what = format!("destroyed; not confirmed by {}, who are too few to sign", unconfirmed.join(", "));
            record.unconfirmed = Some(unconfirmed);
        }
        let mut staging = Staging::new(self, self.destruction(&record, &what));
        staging.append(&mut record, LedgerEvent::Destroy, now, EventDetail::default())?;
        staging.write(Write::Delete(Collection::Material, record.uid.to_string()));
        staging.write(Write::Delete(Collection::Usage, record.uid.to_string()));
        staging.update_version(&record, revision);
        if let Some(set) = &set {
            self.stage_set_gone(&mut staging, set)?;
        }
        self.commit_unless_guarded(staging.finish_urgent()).await.map(drop)
    }

    /// Deletes the shares of a key of holders. Who has not deleted its share is told once: its policy may wait for a person, or it is
    /// gone for good. The answer names those that are waited for no longer.
    async fn erase_at_holders(&self, record: &VersionRecord) -> Result<Vec<String>, Error> {
        let holders = self.holders(record).await?;
        let Some(error) = self.delete_among(record, &holders).await? else { return Ok(Vec::new()) };
        let left: Vec<String> = error.faults.iter().map(|fault| fault.holder.clone()).collect();
        let error = fault::backend(BackendError::Holders(error));
        self.alarms.raise(SHARE_LEFT, &record.name().to_string(), error.message());
        if self.may_end_without(record, &left) { Ok(left) } else { Err(error) }
    }

    /// Whether a key of holders is destroyed although some have not confirmed it: they have been waited for, and what they may
    /// have is too little to sign.
    fn may_end_without(&self, record: &VersionRecord, left: &[String]) -> bool {
        let Attestation::Holders { threshold, .. } = record.attestation else { return false };
        let has_waited =
            record.destroy_at.is_some_and(|due| self.clock.now_ms() >= due.saturating_add(self.holders_awaited_ms));
        has_waited && !left.is_empty() && left.len() < usize::from(threshold)
    }

    /// False when another server was faster.
    pub(crate) async fn commit_unless_guarded(&self, changeset: Changeset) -> Result<bool, Error> {
        match self.reserve()?.commit(changeset).await {
            Ok(_) => Ok(true),
            Err(JournalError::Guarded(_)) => Ok(false),
            Err(error) => Err(fault::journal(error)),
        }
    }

    fn destruction(&self, record: &VersionRecord, what: &str) -> AuditEntry {
        let now = self.clock.now_ms();
        let entry = AuditEntry::done(now, AuditEntry::system(), Action::Destroy, record.name().to_string());
        AuditEntry { detail: Some(what.to_owned()), simulated: record.attestation.is_simulated(), ..entry }
    }
}
