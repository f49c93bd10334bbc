//! Create a key with its first version.

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::audit::AuditEntry;
use hufu_core::backend::{BackendError, Capabilities, Health, KeyBackend};
use hufu_core::changeset::Collection;
use hufu_core::name::{KeyName, VersionNumber};
use hufu_core::policy::Action;
use hufu_core::record::{Exit, KeyRecord, KeyState};
use hufu_core::rules::{Custody, Event, custody, may_be_made_to_leave, may_be_shared, may_make, transition};
use hufu_core::{Error, Reason};
use hufu_verify::Event as LedgerEvent;

use super::Staging;
use super::among::{self, Leave};
use super::material::{Attempt, shared, with_detail};
use super::validate;
use crate::api::{Caller, CreateKey, KeyDetail};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::leaf::EventDetail;

impl Engine {
    /// Creates a key with its first version, active at once unless asked otherwise.
    ///
    /// # Errors
    /// [`Reason::AlreadyExists`], [`Reason::UnsupportedAlgorithm`], [`Reason::UnsupportedByBackend`] (never another
    /// protection in silence), [`Reason::PermissionDenied`], [`Reason::RequestIdReused`] and those of validation.
    pub async fn create_key(&self, caller: &Caller, request: CreateKey) -> Result<KeyDetail, Error> {
        let name = KeyName { tenant: request.tenant.clone(), key: request.key.clone() };
        let result = self.create_checked(caller, &name, request).await;
        self.conclude(caller, Action::CreateKey, || name.to_string(), result).await
    }

    async fn create_checked(&self, caller: &Caller, name: &KeyName, request: CreateKey) -> Result<KeyDetail, Error> {
        let permit = self.authorize(caller, Action::CreateKey, &name.tenant, Some(name))?;
        let key = self.new_key(&request)?;
        if key.purpose == Purpose::Import {
            let why = "import keys are made by import jobs, one for each key that comes in";
            return Err(Error::new(Reason::UnsupportedAlgorithm, why).field("purpose"));
        }
        if self.replayed(caller).await?.is_some() {
            return self.detail(name).await;
        }
        let leave = self.leave(&key, VersionNumber::FIRST, request.mandate)?;
        let created = self.create_committed(caller, &permit, key, request.activate, leave.as_ref()).await;
        self.unless_repeated(caller, created).await?;
        self.detail(name).await
    }

    async fn create_committed(
        &self,
        caller: &Caller,
        permit: &Permit,
        key: KeyRecord,
        activate: bool,
        leave: Option<&Leave>,
    ) -> Result<(), Error> {
        let name = key.name();
        let exists = self.store.get(Collection::Key, &name.to_string()).await.map_err(fault::store)?.is_some();
        if exists {
            return Err(Error::new(Reason::AlreadyExists, format!("there is a key `{name}` already")).field("key_id"));
        }
        self.check_capability(&key)?;
        let (attempt, set) = self.make_shared(caller, permit, &key, VersionNumber::FIRST, leave).await?;
        let detail = among::detail(&attempt.version, leave);
        let entry = self.entry(caller, Action::CreateKey, shared(attempt.version.name()), permit);
        let (attempt, mut staging) =
            self.stage_first(caller, attempt, key, activate, AuditEntry { detail: Some(detail), ..entry })?;
        self.stage_made_set(&mut staging, &name.tenant, set)?;
        self.settle(attempt, staging).await
    }

    /// Stages a key with its first version, whose material is there.
    pub(crate) fn stage_first(
        &self,
        caller: &Caller,
        mut attempt: Attempt,
        mut key: KeyRecord,
        activate: bool,
        entry: AuditEntry,
    ) -> Result<(Attempt, Staging<'_>), Error> {
        let version = &mut attempt.version;
        let at = version.created_at;
        let detail = entry.detail.clone();
        let mut staging = Staging::new(self, with_detail(entry, version, detail));
        staging.register(version, at)?;
        if activate {
            version.state = transition(KeyState::PreActive, Event::Activate)?;
            version.activated_at = Some(at);
            key.primary = Some(version.number);
            staging.append(version, LedgerEvent::Activate, at, EventDetail::default())?;
        }
        staging.insert_key(&key);
        staging.insert_version(version);
        staging.remember(self.to_remember(caller, &key.name().to_string()));
        Ok((attempt, staging))
    }

    pub(crate) fn new_key(&self, request: &CreateKey) -> Result<KeyRecord, Error> {
        let (purpose, scheme) = validate::use_of(request)?;
        validate::labels(&request.labels)?;
        validate::description(&request.description)?;
        validate::rotation_period(request.rotation_period_ms)?;
        may_be_made_to_leave(purpose, request.exit)?;
        let now = self.clock.now_ms();
        let key = KeyRecord {
            tenant: request.tenant.clone(),
            key: request.key.clone(),
            algorithm: request.algorithm,
            scheme,
            purpose,
            protection: request.protection,
            digest_allowed: validate::digest_allowed(request, scheme)?,
            labels: request.labels.clone(),
            primary: None,
            latest: VersionNumber::FIRST,
            created_at: now,
            updated_at: now,
            distinguishing_id: validate::distinguishing_id(request, purpose)?,
            rotation_period_ms: request.rotation_period_ms,
            description: request.description.clone(),
            exit: request.exit,
            sharing: request.sharing.clone(),
        };
        may_be_shared(&key)?;
        Ok(key)
    }

    /// Refuses what policy has retired and what the chosen protection cannot do, with the reason.
    pub(crate) fn check_capability(&self, key: &KeyRecord) -> Result<(), Error> {
        may_make(&self.retirements, key.algorithm, self.clock.now_ms())?;
        if custody(key) == Custody::Shares {
            // No backend will hold it.
            return Ok(());
        }
        let backend = self.backend(key.protection)?;
        let capabilities = capabilities_of(backend.as_ref(), key.algorithm, key.purpose, key.scheme)?;
        capabilities.check(key.algorithm, key.purpose, key.scheme).map_err(|why| {
            Error::new(Reason::UnsupportedByBackend, format!("{} cannot hold this key: {why}", backend.name()))
                .field("algorithm")
                .help("choose another algorithm or another protection")
        })?;
        let help = match key.exit {
            Exit::Exportable => {
                "keys on a token stay there: choose the protection software for a key that must leave"
            }
            Exit::Replicable => {
                "only a group of tokens makes replicable keys, of the algorithms that all of them can wrap"
            }
            Exit::Never => "choose another protection",
        };
        capabilities.check_exit(key.algorithm, key.purpose, key.scheme, key.exit).map_err(|why| {
            let what = format!("{} cannot hold this key as one that is {}: {why}", backend.name(), key.exit);
            Error::new(Reason::UnsupportedByBackend, what).field("exit").help(help)
        })
    }
}

/// What a backend can do. A device that is away and was never reached has refused nothing: it may be able to.
pub(crate) fn capabilities_of(
    backend: &dyn KeyBackend,
    algorithm: Algorithm,
    purpose: Purpose,
    scheme: Scheme,
) -> Result<Capabilities, Error> {
    let capabilities = backend.capabilities();
    match backend.health() {
        Health::Down(why) if !capabilities.knows(algorithm, purpose, scheme) => {
            Err(fault::backend(BackendError::Unavailable(why)))
        }
        _ => Ok(capabilities),
    }
}
