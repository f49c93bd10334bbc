//! The state of the service, for people and monitors.

use hufu_core::Error;
use hufu_core::policy::Action;

use crate::alarms::QUARANTINE;
use crate::api::{BackendStatus, Caller, Status};
use crate::engine::Engine;

impl Engine {
    /// The state of the service.
    ///
    /// # Errors
    /// [`hufu_core::Reason::PermissionDenied`].
    pub async fn status(&self, caller: &Caller) -> Result<Status, Error> {
        let tenant = &caller.principal.record.tenant;
        let result = match self.authorize(caller, Action::ReadStatus, tenant, None) {
            Ok(_) => self.status_now().await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::ReadStatus, || "status".to_owned(), result).await
    }

    /// The state of the service, for the service's own monitors.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn status_now(&self) -> Result<Status, Error> {
        let backends = self.backends.values().map(|backend| BackendStatus {
            name: backend.name().to_owned(),
            protection: backend.protection(),
            health: backend.health(),
            capabilities: backend.capabilities(),
            devices: backend.devices(),
        });
        let progress = self.journal.progress().borrow().clone();
        let (taken, all) = self.journal.slots();
        let slots = (u32::try_from(taken).unwrap_or(u32::MAX), u32::try_from(all).unwrap_or(u32::MAX));
        let reconciler = self.reconciler.state.lock().clone();
        let ledger = self.ledger.overview().await?;
        let alarms = self.alarms.all();
        Ok(Status {
            development: self.deployment.development,
            backends: backends.collect(),
            roots: self.roots_now().await?,
            writer: self.writer.clone(),
            audit_sequence: progress.next_seq,
            slots,
            journal_serving: !self.journal.has_ended() && progress.is_committing(),
            ledger_origin: self.deployment.log_origin.clone(),
            ledger_size: ledger.size,
            ledger_at: ledger.at,
            ledger_pending: ledger.pending,
            ledger_halted: ledger.halted,
            reconciled_at: reconciler.ran_at,
            intents_open: reconciler.intents_open,
            unknown_objects: reconciler.unknown_objects,
            levelling: self.levelling(),
            rotations: self.rotations(),
            quarantined: alarms.iter().filter(|a| a.kind == QUARANTINE).map(|a| a.resource.clone()).collect(),
            alarms,
            started_at: self.started_at,
            now: self.clock.now_ms(),
        })
    }
}
