//! A key comes in: claimed, opened by the backend, registered; and the import key goes.

use hufu_ceremony::Kind;
use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Arrival, Wrapping};
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::name::VersionNumber;
use hufu_core::policy::Action;
use hufu_core::record::{ImportJob, ImportState, KeyRecord, Origin, Record};
use hufu_core::{Error, Reason};

use crate::api::{BLOB_LEN_MAX, Caller, ImportJobView, ImportKey, KeyDetail};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::{Making, shared};

/// How often something may be sent to a job. An attack on the padding needs thousands.
const ATTEMPTS_MAX: u32 = 5;

impl Engine {
    /// Brings a key in through its job. The job and its import key are gone afterwards.
    ///
    /// # Errors
    /// [`Reason::ImportJobNotFound`], [`Reason::ImportJobClosed`], [`Reason::KeyRejected`] (whatever is wrong with what was
    /// sent), [`Reason::AlreadyExists`].
    pub async fn import_key(&self, caller: &Caller, request: ImportKey) -> Result<KeyDetail, Error> {
        let result = self.import_checked(caller, &request).await;
        self.conclude(caller, Action::ImportKey, || request.job.to_string(), result).await
    }

    async fn import_checked(&self, caller: &Caller, request: &ImportKey) -> Result<KeyDetail, Error> {
        self.authorize(caller, Action::ImportKey, &request.job.tenant, None)?;
        check_blob("wrapped", &request.wrapped)?;
        if let Some(key) = self.replayed(caller).await? {
            return self.detail(&key.parse()?).await;
        }
        let job = self.read_job(&request.job).await?;
        let name = job.record.key_name();
        let permit = self.authorize(caller, Action::ImportKey, &name.tenant, Some(&name))?;
        // A job may be older than the policy that keeps imports for ceremonies.
        let permit = match job.record.ceremony {
            None => self.may_do_alone(permit, Kind::Import).await?,
            Some(_) => permit,
        };
        let imported = self.import_open(caller, &permit, job, &request.wrapped).await;
        self.unless_repeated(caller, imported).await?;
        self.detail(&name).await
    }

    async fn import_open(
        &self,
        caller: &Caller,
        permit: &Permit,
        job: ImportJobView,
        wrapped: &[u8],
    ) -> Result<(), Error> {
        self.check_open(&job.record)?;
        let key = self.key_to_be(&job.record);
        self.check_capability(&key)?;
        self.check_free(&key.name(), job.record.to_be.public_key.as_deref()).await?;
        let (job, revision) = self.claim(caller, permit, job).await?;
        let handle = self.import_handle(&job);
        let arrival = Arrival { by: Wrapping::Key(&handle), wrapped, public_key: job.to_be.public_key.as_deref() };
        let making = Making::Unwrap(arrival, Origin::Imported);
        let attempt = match self.attempt(caller, permit, &key, VersionNumber::FIRST, making).await {
            Ok(attempt) => attempt,
            Err(error) if error.reason() == Reason::DecryptionFailed => return self.rejected(job, revision).await,
            Err(error) => return Err(error),
        };
        if attempt.version.public_key != job.to_be.public_key {
            let error = Error::internal("the backend took in another public key than it was told");
            return self.give_up(attempt, error).await;
        }
        let (attempt, confirmed) =
            self.confirm_arrival(caller, Action::ImportKey, attempt, &key.name(), None).await?;
        let entry = self.entry(caller, Action::ImportKey, shared(attempt.version.name()), &confirmed);
        let detail = format!("imported by {}, uid {}", job.name(), attempt.version.uid);
        let entry = AuditEntry { detail: Some(detail), ..entry };
        let (attempt, mut staging) = self.stage_first(caller, attempt, key, job.to_be.activate, entry)?;
        staging.rest_on_rules(permit);
        let closed = self.closed(job, ImportState::Done);
        staging.guard(Guard::Revision(Collection::ImportJob, closed.id(), revision));
        staging.write(Write::Put(self.keyring.integrity().row(&closed, revision + 1)));
        self.settle(attempt, staging).await?;
        self.retire_now(closed, revision + 1).await;
        Ok(())
    }

    fn check_open(&self, job: &ImportJob) -> Result<(), Error> {
        let why = match job.state {
            ImportState::Open if self.clock.now_ms() < job.expires_at => return Ok(()),
            ImportState::Open | ImportState::Expired => "the import job has expired",
            ImportState::Done => "the import job is used: its key came in",
            ImportState::Failed => "the import job has failed too often",
        };
        Err(Error::new(Reason::ImportJobClosed, why).field("name").help("create another import job"))
    }

    /// Counts the attempt before it is made: no crash and no second request gives one more.
    async fn claim(&self, caller: &Caller, permit: &Permit, job: ImportJobView) -> Result<(ImportJob, u64), Error> {
        let ImportJobView { record, revision } = job;
        let mut job = ImportJob::clone(&record);
        if job.attempts >= ATTEMPTS_MAX {
            return Err(Error::new(Reason::ImportJobClosed, "the import job has failed too often")
                .field("name")
                .help("create another import job"));
        }
        job.attempts += 1;
        let entry = self.entry(caller, Action::Announce, job.name().to_string(), permit);
        let detail = format!("attempt {} of {ATTEMPTS_MAX} to import {}", job.attempts, job.key_name());
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::ImportJob, job.id(), revision)],
            writes: vec![Write::Put(self.keyring.integrity().row(&job, revision + 1))],
            ..Changeset::audit_only(AuditEntry { detail: Some(detail), ..entry })
        };
        self.reserve()?.commit(changeset).await.map_err(fault::journal)?;
        Ok((job, revision + 1))
    }

    /// What was sent is not the key. The last time that closes the job.
    async fn rejected(&self, job: ImportJob, revision: u64) -> Result<(), Error> {
        let left = ATTEMPTS_MAX.saturating_sub(job.attempts);
        if left == 0 {
            self.close_job(job, revision, ImportState::Failed).await?;
        }
        Err(key_rejected("wrapped").because(format!("{left} attempts left")))
    }

    fn key_to_be(&self, job: &ImportJob) -> KeyRecord {
        let (now, to_be) = (self.clock.now_ms(), job.to_be.clone());
        KeyRecord {
            tenant: job.tenant.clone(),
            key: to_be.key,
            algorithm: to_be.algorithm,
            scheme: to_be.scheme,
            purpose: to_be.purpose,
            protection: to_be.protection,
            digest_allowed: to_be.digest_allowed,
            labels: to_be.labels,
            primary: None,
            latest: VersionNumber::FIRST,
            created_at: now,
            updated_at: now,
            distinguishing_id: to_be.distinguishing_id,
            rotation_period_ms: to_be.rotation_period_ms,
            description: to_be.description,
            exit: to_be.exit,
            sharing: None,
        }
    }
}

/// Whether a wrapped key can be looked at at all.
pub(super) fn check_blob(field: &'static str, blob: &[u8]) -> Result<(), Error> {
    if blob.is_empty() {
        return Err(Error::new(Reason::MissingField, "there is no wrapped key").field(field));
    }
    if blob.len() > BLOB_LEN_MAX {
        return Err(
            Error::new(Reason::TooLarge, format!("a wrapped key has at most {BLOB_LEN_MAX} bytes")).field(field)
        );
    }
    Ok(())
}

/// One answer for everything that can be wrong with what was sent, so that it is no oracle.
pub(super) fn key_rejected(field: &'static str) -> Error {
    let why = "what was sent is not the key: it was changed, wrapped for another key of the service or in another way, or is \
               of another kind or public key than was announced";
    Error::new(Reason::KeyRejected, why).field(field)
}
