//! What time brings: deposits that are given up, and what was released of them.

use std::time::Duration;

use hufu_core::Error;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::policy::Action;
use hufu_core::record::{Deletion, Deposit, DepositRelease, Record as _};

use super::read::Deposited;
use crate::alarms::QUARANTINE;
use crate::engine::Engine;
use crate::fault;
use crate::keys::Staging;

/// So long a server has run before it gives a deposit up, where the delay is longer: as for destructions.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

impl Engine {
    /// Gives up deposits whose delay is over: their shares are deleted here, and what custodians have is refused from then on.
    pub(crate) async fn settle_deposits(&self, limit: u32) -> Result<(), Error> {
        let due = self.store.due(Collection::Deposit, self.clock.now_ms(), limit).await.map_err(fault::store)?;
        for row in due {
            let Ok(record) = self.keyring.integrity().open::<Deposit>(&row) else {
                self.alarms.raise(QUARANTINE, &row.id, "the deposit row was forged");
                continue;
            };
            if let Err(error) = self.give_up_if_due(Deposited { record, revision: row.revision }).await {
                tracing::warn!(?error, id = row.id, "a deposit is not given up: it will be tried again");
            }
        }
        Ok(())
    }

    async fn give_up_if_due(&self, of: Deposited) -> Result<(), Error> {
        let set = self.share_set(of.record.set).await?;
        let (id, now) = (of.record.id(), self.clock.now_ms());
        let deletion = of.deletion(&set);
        if deletion.is_some_and(|deletion| !self.has_run_for(&deletion)) {
            return Ok(());
        }
        let entry = AuditEntry::done(now, AuditEntry::system(), Action::DeleteDeposit, id.as_str());
        let detail = if deletion.is_some() { "given up" } else { "not given up: its set went on since" };
        let detail = Some(format!("{detail}; share set {}", of.record.set));
        let mut staging = Staging::new(self, AuditEntry { detail, ..entry });
        staging.guard(Guard::Revision(Collection::Deposit, id.clone(), of.revision));
        if deletion.is_some() {
            staging.write(Write::Delete(Collection::Deposit, id));
            self.stage_set_gone(&mut staging, &set)?;
        } else {
            let record = Deposit { deletion: None, ..of.record };
            staging.write(Write::Put(self.keyring.integrity().row(&record, of.revision + 1)));
        }
        self.commit_unless_guarded(staging.finish_urgent()).await.map(drop)
    }

    /// Whether this server has been up for the delay, or for an hour of it: a clock set forward while none ran gives nothing up.
    fn has_run_for(&self, deletion: &Deletion) -> bool {
        let delay = Duration::from_millis(deletion.at.saturating_sub(deletion.scheduled_at));
        self.clock.uptime() >= self.started_uptime + delay.min(WAIT_MAX)
    }

    /// Forgets what was released once nobody needs it any more.
    pub(crate) async fn settle_releases(&self, limit: u32) -> Result<(), Error> {
        let due = self.store.due(Collection::CeremonyFile, self.clock.now_ms(), limit).await.map_err(fault::store)?;
        for row in due {
            let Ok(release) = self.keyring.integrity().open::<DepositRelease>(&row) else {
                self.alarms.raise(QUARANTINE, &row.id, "the row of a release was forged");
                continue;
            };
            let entry = AuditEntry::done(
                self.clock.now_ms(),
                AuditEntry::system(),
                Action::Reconcile,
                release.name().to_string(),
            );
            let detail = Some(format!("what ceremonies/{} released is deleted", release.number));
            let changeset = Changeset {
                guards: vec![Guard::Revision(Collection::CeremonyFile, row.id.clone(), row.revision)],
                writes: self.release_gone(&release),
                ..Changeset::audit_only(AuditEntry { detail, ..entry })
            };
            self.commit_unless_guarded(changeset.urgent()).await?;
        }
        Ok(())
    }
}
