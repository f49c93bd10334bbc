//! The end of import jobs: closed, the import key destroyed, and at last forgotten.

use hufu_core::Error;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::name::ImportJobName;
use hufu_core::policy::Action;
use hufu_core::record::{ImportJob, ImportState, Locator, Protection, Record};
use hufu_journal::JournalError;

use crate::alarms::QUARANTINE;
use crate::engine::Engine;
use crate::fault;

impl Engine {
    /// Import jobs that want attention: expired ones are closed, import keys of closed ones destroyed, old ones forgotten.
    pub(crate) async fn settle_jobs(&self, limit: u32) -> Result<(), Error> {
        let now = self.clock.now_ms();
        let rows = self.store.due(Collection::ImportJob, now, limit).await.map_err(fault::store)?;
        for row in rows {
            let Ok(job) = self.keyring.integrity().open::<ImportJob>(&row) else {
                self.alarms.raise(QUARANTINE, &row.id, "the import job row was forged");
                continue;
            };
            let name = job.name();
            if let Err(error) = self.settle_job(job, row.revision).await {
                tracing::warn!(?error, %name, "an import job is not settled: it will be tried again");
            }
        }
        Ok(())
    }

    async fn settle_job(&self, job: ImportJob, revision: u64) -> Result<(), Error> {
        match (job.closed_at, &job.locator) {
            (None, _) => self.close_job(job, revision, ImportState::Expired).await,
            (Some(_), Locator::Gone) => self.forget_job(&job.name(), revision).await,
            (Some(_), _) => self.retire_import_key(job, revision).await,
        }
    }

    async fn forget_job(&self, name: &ImportJobName, revision: u64) -> Result<(), Error> {
        let id = name.to_string();
        let entry = AuditEntry::done(self.clock.now_ms(), AuditEntry::system(), Action::Reconcile, id.as_str());
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::ImportJob, id.clone(), revision)],
            writes: vec![Write::Delete(Collection::ImportJob, id)],
            ..Changeset::audit_only(AuditEntry { detail: Some("forgotten".to_owned()), ..entry })
        };
        match self.reserve()?.commit(changeset).await {
            Ok(_) | Err(JournalError::Guarded(_)) => Ok(()),
            Err(error) => Err(fault::journal(error)),
        }
    }

    /// Closes a job; its import key is destroyed.
    pub(crate) async fn close_job(&self, job: ImportJob, revision: u64, state: ImportState) -> Result<(), Error> {
        let closed = self.closed(job, state);
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::ImportJob, closed.id(), revision)],
            writes: vec![Write::Put(self.keyring.integrity().row(&closed, revision + 1))],
            ..Changeset::audit_only(self.about(&closed, state.to_string()))
        };
        match self.reserve()?.commit(changeset).await {
            Ok(_) => self.retire_now(closed, revision + 1).await,
            Err(JournalError::Guarded(_)) => {}
            Err(error) => return Err(fault::journal(error)),
        }
        Ok(())
    }

    /// The job, closed. Material that lives in its record alone goes with the same commit.
    pub(super) fn closed(&self, job: ImportJob, state: ImportState) -> ImportJob {
        let in_record = job.to_be.protection == Protection::Software;
        let locator = if in_record { Locator::Gone } else { job.locator };
        ImportJob { state, locator, closed_at: Some(self.clock.now_ms()), ..job }
    }

    pub(super) async fn retire_now(&self, closed: ImportJob, revision: u64) {
        if let Err(error) = self.retire_import_key(closed, revision).await {
            tracing::warn!(?error, "an import key is not destroyed yet: the reconciler will");
        }
    }

    /// Destroys the import key of a closed job, confirms that it is gone, and writes that down.
    pub(crate) async fn retire_import_key(&self, job: ImportJob, revision: u64) -> Result<(), Error> {
        self.erase(job.to_be.protection, job.uid).await?;
        if job.locator == Locator::Gone {
            return Ok(());
        }
        let gone = ImportJob { locator: Locator::Gone, ..job };
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::ImportJob, gone.id(), revision)],
            writes: vec![
                Write::Put(self.keyring.integrity().row(&gone, revision + 1)),
                Write::Delete(Collection::Material, gone.uid.to_string()),
            ],
            ..Changeset::audit_only(self.about(&gone, format!("import key {} destroyed", gone.uid)))
        }
        .urgent();
        match self.reserve()?.commit(changeset).await {
            Ok(_) | Err(JournalError::Guarded(_)) => Ok(()),
            Err(error) => Err(fault::journal(error)),
        }
    }

    fn about(&self, job: &ImportJob, what: String) -> AuditEntry {
        let now = self.clock.now_ms();
        let entry = AuditEntry::done(now, AuditEntry::system(), Action::Reconcile, job.name().to_string());
        AuditEntry { detail: Some(what), simulated: job.simulated, ..entry }
    }
}
