//! Import jobs: one import key for one key, for a while.

use std::sync::Arc;

use hufu_ceremony::Kind;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::random_array;
use hufu_core::backend::{KeyHandle, Operation, Outcome, PublicKey, SignInput, Template};
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::name::{ImportJobName, KeyName, TenantId, VersionNumber};
use hufu_core::policy::Action;
use hufu_core::record::{
    Exit, ImportJob, ImportState, Intent, KeyRecord, KeyToBe, Locator, Material, Protection, Record, VersionUid,
};
use hufu_core::store::Page;
use hufu_core::{Error, Reason};
use hufu_log::{leaf_row_id, leaf_scope};
use hufu_verify::key_id_for_public_key;

use crate::alarms::QUARANTINE;
use crate::api::{
    Caller, CreateImportJob, IMPORT_JOB_LIFETIME_MS, IMPORT_JOB_LIFETIME_MS_DEFAULT, IMPORT_JOBS_OPEN_MAX,
    ImportJobView,
};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::{capabilities_of, still_wraps};

/// Longest SubjectPublicKeyInfo, in bytes: ML-DSA-87 needs 2614.
const PUBLIC_KEY_LEN_MAX: usize = 4096;

impl Engine {
    /// Makes an import key for one key that is to come in, and says so in a signed statement.
    ///
    /// # Errors
    /// Those of [`Self::create_key`], [`Reason::TooMany`], [`Reason::LedgerUnavailable`].
    pub async fn create_import_job(&self, caller: &Caller, request: CreateImportJob) -> Result<ImportJobView, Error> {
        let name = ImportJobName { tenant: request.key.tenant.clone(), job: request.job.clone() };
        let result = self.create_job_checked(caller, &name, request).await;
        self.conclude(caller, Action::CreateImportJob, || name.to_string(), result).await
    }

    /// An import job.
    ///
    /// # Errors
    /// [`Reason::ImportJobNotFound`].
    pub async fn import_job(&self, caller: &Caller, name: &ImportJobName) -> Result<ImportJobView, Error> {
        let result = match self.authorize(caller, Action::GetKey, &name.tenant, None) {
            Ok(_) => self.read_job(name).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::GetKey, || name.to_string(), result).await
    }

    async fn create_job_checked(
        &self,
        caller: &Caller,
        name: &ImportJobName,
        request: CreateImportJob,
    ) -> Result<ImportJobView, Error> {
        let key_name = KeyName { tenant: name.tenant.clone(), key: request.key.key.clone() };
        let permit = self.authorize(caller, Action::CreateImportJob, &name.tenant, Some(&key_name))?;
        let permit = match self.replayed(caller).await? {
            None => self.may_do_alone(permit, Kind::Import).await?,
            Some(_) => permit,
        };
        self.create_job_permitted(caller, &permit, name, request, None).await
    }

    /// The same, once it is permitted: to the caller, or by a ceremony of this number.
    pub(crate) async fn create_job_permitted(
        &self,
        caller: &Caller,
        permit: &Permit,
        name: &ImportJobName,
        request: CreateImportJob,
        ceremony: Option<u64>,
    ) -> Result<ImportJobView, Error> {
        let key = self.new_key(&request.key)?;
        check_expected(&key, request.public_key.as_deref())?;
        let lifetime = lifetime(request.lifetime_ms)?;
        if self.replayed(caller).await?.is_some() {
            return self.read_job(name).await;
        }
        self.check_capability(&key)?;
        self.check_arrival(&key)?;
        let (algorithm, scheme) = self.import_scheme(key.protection, request.import_algorithm)?;
        self.check_spki(caller, &key, request.public_key.as_deref()).await?;
        self.check_free(&key.name(), request.public_key.as_deref()).await?;
        self.check_jobs(&name.tenant).await?;
        let now = self.clock.now_ms();
        let job = ImportJob {
            tenant: name.tenant.clone(),
            job: name.job.clone(),
            to_be: to_be(key, &request),
            uid: VersionUid(random_array(self.rng.as_ref()).map_err(Error::internal)?),
            algorithm,
            scheme,
            locator: Locator::Gone,
            import_key: Vec::new(),
            statement: String::new(),
            state: ImportState::Open,
            attempts: 0,
            created_at: now,
            expires_at: now.saturating_add(lifetime),
            simulated: false,
            closed_at: None,
            ceremony,
        };
        let made = self.make_job(caller, permit, job).await;
        self.unless_repeated(caller, made).await?;
        self.read_job(name).await
    }

    /// Makes the import key, bracketed as every key's material is.
    async fn make_job(&self, caller: &Caller, permit: &Permit, mut job: ImportJob) -> Result<(), Error> {
        let exists = self.store.get(Collection::ImportJob, &job.id()).await.map_err(fault::store)?.is_some();
        if exists {
            let why = format!("there is an import job `{}` already", job.name());
            return Err(Error::new(Reason::AlreadyExists, why).field("job_id"));
        }
        let tenant = self.directory.tenant(&job.tenant).await?;
        let slot = self.reserve()?;
        let intent = self.announce_job(caller, permit, &job).await?;
        let template = Template {
            uid: job.uid,
            algorithm: job.algorithm,
            purpose: Purpose::Import,
            scheme: job.scheme,
            binding: job.binding(&self.deployment.id, tenant.material_key).into(),
            wrapping_key: Some(tenant.material_key),
            exit: Exit::Never,
        };
        let protection = job.to_be.protection;
        let made = match self.perform(protection, Operation::Generate(&template), caller.deadline).await {
            Ok(Outcome::Generated(made)) => made,
            Ok(_) => return Err(Error::internal("the backend answered out of turn")),
            // What a token that did not answer makes later is found by the reconciler, by the intent.
            Err(error) if !fault::had_no_effect(error.reason()) => return Err(error),
            Err(error) => return self.undone(protection, intent, error).await,
        };
        job.locator = made.locator;
        job.import_key = made.public_key.ok_or_else(|| Error::internal("an import key without a public half"))?;
        job.simulated = made.attestation.is_simulated();
        job.statement = match self.state(&job, caller.deadline).await {
            Ok(statement) => statement,
            Err(error) => return self.undone(protection, intent, error).await,
        };
        match slot.commit(self.job_made(caller, permit, &job, intent, tenant.revision)).await {
            Ok(_) => Ok(()),
            Err(error @ hufu_journal::JournalError::Unknown) => Err(fault::journal(error)),
            Err(error) => self.undone(protection, intent, fault::journal(error)).await,
        }
    }

    fn job_made(
        &self,
        caller: &Caller,
        permit: &Permit,
        job: &ImportJob,
        intent: Option<VersionUid>,
        tenant_revision: u64,
    ) -> Changeset {
        let mut entry = self.entry(caller, Action::CreateImportJob, job.name().to_string(), permit);
        entry.protection = Some(job.to_be.protection);
        entry.scheme = Some(job.scheme);
        entry.simulated = job.simulated;
        entry.detail = Some(format!("for {}, uid {}", job.key_name(), job.uid));
        let mut changeset = Changeset {
            guards: vec![Guard::Absent(Collection::ImportJob, job.id())],
            writes: vec![Write::Put(self.keyring.integrity().row(job, 1))],
            ..Changeset::audit_only(entry)
        };
        changeset.guards.extend(permit.rules.clone());
        changeset.guards.extend(still_wraps(&job.tenant, &job.locator, tenant_revision));
        if let Some(uid) = intent {
            changeset.guards.push(Guard::Revision(Collection::Intent, Intent::row_id(uid), 1));
            changeset.writes.push(Write::Delete(Collection::Intent, Intent::row_id(uid)));
            let owner = Material { uid, owner: job.name().to_string() };
            changeset.writes.push(Write::Put(owner.to_row(1)));
        }
        if let Some(request) = self.to_remember(caller, &job.name().to_string()) {
            changeset.guards.push(Guard::Absent(Collection::Request, request.id.clone()));
            changeset.writes.push(Write::Put(self.keyring.integrity().row(&request, 1)));
        }
        changeset
    }

    async fn undone<T>(&self, protection: Protection, intent: Option<VersionUid>, error: Error) -> Result<T, Error> {
        self.undo(protection, intent).await;
        Err(error)
    }

    /// The job as the database has it now.
    pub(crate) async fn read_job(&self, name: &ImportJobName) -> Result<ImportJobView, Error> {
        let id = name.to_string();
        let row = self.store.get(Collection::ImportJob, &id).await.map_err(fault::store)?;
        let row = row.ok_or_else(|| {
            Error::new(Reason::ImportJobNotFound, format!("there is no import job `{id}`")).field("name")
        })?;
        let problem = match self.keyring.integrity().open::<ImportJob>(&row) {
            Ok(record) => match self.directory.check_wrapping(&record.tenant, &record.locator).await? {
                None => return Ok(ImportJobView { record: Arc::new(record), revision: row.revision }),
                Some(problem) => problem.to_owned(),
            },
            Err(error) => error.to_string(),
        };
        self.alarms.raise(QUARANTINE, &id, &format!("the import job: {problem}"));
        Err(Error::new(Reason::Quarantined, "stored data disagree: the import job is locked"))
    }

    /// What the backend needs of the import key.
    pub(crate) fn import_handle(&self, job: &ImportJob) -> KeyHandle {
        KeyHandle {
            uid: job.uid,
            algorithm: job.algorithm,
            scheme: job.scheme,
            locator: job.locator.clone(),
            binding: match &job.locator {
                Locator::Wrapped { wrapping_key, .. } => job.binding(&self.deployment.id, *wrapping_key).into(),
                _ => Arc::new([]),
            },
            public_key: Some(job.import_key.as_slice().into()),
            distinguishing_id: None,
        }
    }

    /// Whether a key of that name, or with that public key, could be made. One public key has one history on the ledger: a
    /// second version of it would outlive the revocation of the first.
    pub(super) async fn check_free(&self, name: &KeyName, public_key: Option<&[u8]>) -> Result<(), Error> {
        let taken = self.store.get(Collection::Key, &name.to_string()).await.map_err(fault::store)?.is_some();
        if taken {
            return Err(Error::new(Reason::AlreadyExists, format!("there is a key `{name}` already")).field("key_id"));
        }
        let Some(spki) = public_key else { return Ok(()) };
        let id = key_id_for_public_key(&self.deployment.log_origin, spki);
        let first = self.store.get(Collection::Leaf, &leaf_row_id(&id, 0)).await.map_err(fault::store)?;
        let known = first.is_some_and(|leaf| leaf.scope == leaf_scope(&id));
        if known {
            let why = "this public key is, or was, a key of this service: it has its history on the ledger";
            return Err(Error::new(Reason::AlreadyExists, why).field("public_key"));
        }
        Ok(())
    }

    async fn check_jobs(&self, tenant: &TenantId) -> Result<(), Error> {
        let page = Page { after: None, limit: IMPORT_JOBS_OPEN_MAX };
        let open = self.store.list(Collection::ImportJob, tenant.as_str(), page).await.map_err(fault::store)?;
        if open.len() < IMPORT_JOBS_OPEN_MAX as usize {
            return Ok(());
        }
        Err(Error::new(Reason::TooMany, format!("the tenant has {IMPORT_JOBS_OPEN_MAX} open import jobs"))
            .help("finish one, or wait until one expires"))
    }

    /// Refuses what the chosen protection can make but not take in, with the reason.
    pub(crate) fn check_arrival(&self, key: &KeyRecord) -> Result<(), Error> {
        let backend = self.backend(key.protection)?;
        let capabilities = capabilities_of(backend.as_ref(), key.algorithm, key.purpose, key.scheme)?;
        capabilities.check_arrival(key.algorithm, key.purpose, key.scheme).map_err(|why| {
            let what = format!("{} does not take in this key: {why}", backend.name());
            Error::new(Reason::UnsupportedByBackend, what).field("key.algorithm")
        })
    }

    /// How the import key opens what comes in: with SHA-256, or what else the backend can.
    pub(crate) fn import_scheme(
        &self,
        protection: Protection,
        algorithm: Option<Algorithm>,
    ) -> Result<(Algorithm, Scheme), Error> {
        let algorithm = algorithm.unwrap_or(Algorithm::Rsa3072);
        let backend = self.backend(protection)?;
        let mut why = String::new();
        for scheme in [Scheme::RsaAesKwp, Scheme::RsaAesKwpSha1] {
            let capabilities = capabilities_of(backend.as_ref(), algorithm, Purpose::Import, scheme)?;
            match capabilities.check(algorithm, Purpose::Import, scheme) {
                Ok(()) => return Ok((algorithm, scheme)),
                Err(refusal) => why = refusal,
            }
        }
        Err(Error::new(Reason::UnsupportedByBackend, format!("{} takes no keys in: {why}", backend.name()))
            .field("import_algorithm"))
    }

    /// Refuses a public key that is none of the algorithm, before anybody wraps anything.
    async fn check_spki(&self, caller: &Caller, key: &KeyRecord, spki: Option<&[u8]>) -> Result<(), Error> {
        let Some(spki) = spki else { return Ok(()) };
        let public = PublicKey { algorithm: key.algorithm, scheme: key.scheme, spki, distinguishing_id: None };
        let operation = match key.purpose {
            Purpose::Encrypt => Operation::EncryptTo(&public, b"x"),
            // For a key that agrees the verifier makes the other side.
            Purpose::Encapsulate | Purpose::Agree => Operation::Encapsulate(&public),
            Purpose::Sign | Purpose::Mac | Purpose::Wrap | Purpose::Import => {
                Operation::Verify(&public, SignInput::Message(b""), &[0])
            }
        };
        let answer = self.verifier.perform(operation, caller.deadline).await;
        answer.map(drop).map_err(fault::backend).map_err(|error| error.field("public_key"))
    }
}

/// What may come in: nothing that wraps others, and pairs only with the public key that they must belong to.
fn check_expected(key: &KeyRecord, public_key: Option<&[u8]>) -> Result<(), Error> {
    if matches!(key.purpose, Purpose::Wrap | Purpose::Import) {
        let why = "keys that wrap others are made here, so that nobody else knows one";
        return Err(Error::new(Reason::UnsupportedAlgorithm, why).field("key.purpose"));
    }
    if key.sharing.is_some() {
        let why = "a key that comes in is not shared: it was whole elsewhere";
        return Err(Error::new(Reason::InvalidArgument, why).field("key.sharing"));
    }
    match (key.algorithm.is_asymmetric(), public_key) {
        (true, None) => {
            Err(Error::new(Reason::MissingField, "a key pair comes in under its public key").field("public_key"))
        }
        (false, Some(_)) => {
            Err(Error::new(Reason::InvalidArgument, "a secret key has no public key").field("public_key"))
        }
        (_, Some(spki)) if spki.len() > PUBLIC_KEY_LEN_MAX => {
            let why = format!("a public key has at most {PUBLIC_KEY_LEN_MAX} bytes");
            Err(Error::new(Reason::TooLarge, why).field("public_key"))
        }
        _ => Ok(()),
    }
}

fn lifetime(lifetime_ms: Option<u64>) -> Result<u64, Error> {
    match lifetime_ms {
        None => Ok(IMPORT_JOB_LIFETIME_MS_DEFAULT),
        Some(ms) if IMPORT_JOB_LIFETIME_MS.contains(&ms) => Ok(ms),
        Some(_) => {
            let why = "an import job waits between a minute and seven days";
            Err(Error::new(Reason::InvalidArgument, why).field("lifetime"))
        }
    }
}

fn to_be(key: KeyRecord, request: &CreateImportJob) -> KeyToBe {
    KeyToBe {
        key: key.key,
        algorithm: key.algorithm,
        purpose: key.purpose,
        scheme: key.scheme,
        protection: key.protection,
        digest_allowed: key.digest_allowed,
        exit: key.exit,
        distinguishing_id: key.distinguishing_id,
        labels: key.labels,
        description: key.description,
        rotation_period_ms: key.rotation_period_ms,
        activate: request.key.activate,
        public_key: request.public_key.clone(),
    }
}

impl Engine {
    async fn announce_job(
        &self,
        caller: &Caller,
        permit: &Permit,
        job: &ImportJob,
    ) -> Result<Option<VersionUid>, Error> {
        let version = job.key_name().version(VersionNumber::FIRST);
        self.announce(caller, permit, version, job.uid, job.algorithm, job.to_be.protection).await
    }
}
