//! The reconciler: settles abandoned intents, destroys what is due, forgets old requests, reports unknown objects.

mod destroy;
mod intents;
mod inventory;
mod level;
mod time;

use hufu_core::Error;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::policy::Action;
use parking_lot::Mutex;

use crate::engine::Engine;
use crate::fault;
pub(crate) use time::TimeGuard;

/// Rows handled in one run, of each kind: a run is short, and there is a next one.
const ROWS_MAX: u32 = 256;
/// Pages of request ids that one run forgets at most.
const FORGOTTEN_PAGES_MAX: u32 = 64;

/// What the reconciler remembers between runs.
#[derive(Default)]
pub(crate) struct Reconciler {
    pub(crate) state: Mutex<State>,
    time: Mutex<TimeGuard>,
    level: Mutex<level::Level>,
    /// Held while material is brought to a token, and while it is deleted from all.
    material: tokio::sync::Mutex<()>,
}

/// What the status shows of it.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) ran_at: u64,
    pub(crate) intents_open: u64,
    pub(crate) unknown_objects: u64,
    settled_at_start: bool,
}

impl Engine {
    /// One run. Call it at start, before serving, and then every second.
    ///
    /// # Errors
    /// The first failure; what was left undone is done by a later run.
    pub async fn reconcile_once(&self) -> Result<(), Error> {
        self.probe_journal().await?;
        self.audit_alarms().await?;
        self.settle_intents().await?;
        if self.time_is_sound() {
            self.destroy_due().await?;
            self.settle_jobs(ROWS_MAX).await?;
            self.settle_targets(ROWS_MAX).await?;
            self.settle_deposits(ROWS_MAX).await?;
            self.settle_releases(ROWS_MAX).await?;
            self.forget_requests().await?;
        }
        self.reconciler.state.lock().ran_at = self.clock.now_ms();
        Ok(())
    }

    /// Compares what is on the tokens with what the database knows. Slow on a full token: call it at start and now and
    /// then.
    ///
    /// # Errors
    /// When a token or the database does not answer.
    pub async fn take_inventory(&self) -> Result<(), Error> {
        self.look_for_unknown_objects().await
    }

    /// Delays that guard something are served only while the clock has not jumped.
    fn time_is_sound(&self) -> bool {
        let sound = self.reconciler.time.lock().observe(self.clock.now_ms(), self.clock.uptime());
        if !sound {
            self.alarms.raise(
                "clock",
                "system",
                "the clock jumped: destructions wait until the service is restarted",
            );
        }
        sound
    }

    /// Tries again when groups have failed: without it a server to which nobody is sent would never notice that it could
    /// serve again.
    async fn probe_journal(&self) -> Result<(), Error> {
        let failed = self.journal.progress().borrow().failed.clone();
        let Some((_, cause)) = failed else { return Ok(()) };
        let audit = vec![self.lifecycle("storage", &format!("committing again after: {cause}"))];
        self.commit_lifecycle(Changeset { audit, ..Changeset::default() }).await
    }

    /// Writes alarms that were raised where nothing could be committed to the audit trail.
    async fn audit_alarms(&self) -> Result<(), Error> {
        let alarms = self.alarms.unaudited();
        if alarms.is_empty() {
            return Ok(());
        }
        let entry = |alarm: &crate::api::Alarm| {
            let detail = Some(format!("{}: {}", alarm.kind, alarm.detail));
            let entry = AuditEntry::done(alarm.at, AuditEntry::system(), Action::Quarantine, alarm.resource.as_str());
            AuditEntry { detail, ..entry }
        };
        let changeset = Changeset { audit: alarms.iter().map(entry).collect(), ..Changeset::default() }.urgent();
        self.reserve()?.commit(changeset).await.map_err(fault::journal)?;
        self.alarms.audited(alarms.len());
        Ok(())
    }

    /// Forgets what is due, page after page: ids come as fast as calls do.
    async fn forget_requests(&self) -> Result<(), Error> {
        for _ in 0..FORGOTTEN_PAGES_MAX {
            if !self.forget_some_requests().await? {
                break;
            }
        }
        Ok(())
    }

    /// Forgets a page; whether there may be another one.
    async fn forget_some_requests(&self) -> Result<bool, Error> {
        let now = self.clock.now_ms();
        let rows = self.store.due(Collection::Request, now, ROWS_MAX).await.map_err(fault::store)?;
        if rows.is_empty() {
            return Ok(false);
        }
        let entry = AuditEntry::done(now, AuditEntry::system(), Action::Reconcile, "requests");
        let changeset = Changeset {
            guards: Vec::<Guard>::new(),
            writes: rows.iter().map(|row| Write::Delete(Collection::Request, row.id.clone())).collect(),
            ..Changeset::audit_only(AuditEntry { detail: Some(format!("{} forgotten", rows.len())), ..entry })
        };
        self.reserve()?.commit(changeset).await.map_err(fault::journal)?;
        Ok(u32::try_from(rows.len()).is_ok_and(|len| len >= ROWS_MAX))
    }
}
