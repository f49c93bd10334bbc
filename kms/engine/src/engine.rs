//! The engine: what all use cases share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::ambient::{Clock, Rng, random_array};
use hufu_core::audit::{AuditEntry, AuditOutcome};
use hufu_core::backend::{KeyBackend, Operation, Outcome};
use hufu_core::changes::Changes;
use hufu_core::changeset::{Changeset, Grant, Guard, Subject};
use hufu_core::name::{KeyName, TenantId};
use hufu_core::policy::{Action, AuthorizationRequest, PolicyEngine, Principal};
use hufu_core::record::{Deployment, Protection};
use hufu_core::rules::Retirement;
use hufu_core::store::Store;
use hufu_core::{Error, Reason};
use hufu_journal::{Journal, Slot};
use hufu_opener::ShareOpener;
use parking_lot::Mutex;

use crate::alarms::Alarms;
use crate::api::Caller;
use crate::ceremonies::Ceremonies;
use crate::crypto::{DeviceRandom, UsageBlocks};
use crate::deposits::THRESHOLD_MIN;
use crate::directory::Directory;
use crate::fault;
use crate::foundation::Keyring;
use crate::holder::Holding;
use crate::ledger::Ledger;
use crate::reconcile::Reconciler;
use crate::refusals::Refusals;
use crate::rewrap::Rewrapping;
use crate::roots::KeptRoots;
use crate::split_root::SplitRoot;
use crate::transfer::Notary;

/// How long holders are waited for that do not confirm a destruction: 7 days.
const HOLDERS_AWAITED_MS: u64 = 7 * 86_400_000;

/// A server on a shared database that has not heard from it for so long refuses key use.
const STALE_AFTER: Duration = Duration::from_millis(800);

/// What an engine is made of.
pub struct Parts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The only writer.
    pub journal: Journal,
    /// What the journal learns about changes.
    pub changes: Arc<Changes>,
    /// Backends, at most one for each protection.
    pub backends: Vec<Arc<dyn KeyBackend>>,
    /// Verifies signatures and encrypts to public keys, for keys of every protection.
    pub verifier: Arc<dyn KeyBackend>,
    /// Decides.
    pub policy: Arc<dyn PolicyEngine>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Wrapping keys and row tags.
    pub keyring: Arc<Keyring>,
    /// The deployment.
    pub deployment: Deployment,
    /// The ledger, for reading and proving.
    pub ledger: Arc<Ledger>,
    /// What needs a person.
    pub alarms: Arc<Alarms>,
    /// Name of this start's audit writer.
    pub writer: String,
    /// Shortest delay before a destruction, in milliseconds.
    pub destroy_delay_ms_min: u64,
}

/// The use cases.
pub struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) journal: Journal,
    pub(crate) changes: Arc<Changes>,
    pub(crate) backends: BTreeMap<&'static str, Arc<dyn KeyBackend>>,
    pub(crate) verifier: Arc<dyn KeyBackend>,
    pub(crate) policy: Arc<dyn PolicyEngine>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) deployment: Deployment,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) directory: Directory,
    pub(crate) refusals: Refusals,
    pub(crate) usage: UsageBlocks,
    pub(crate) device_random: DeviceRandom,
    pub(crate) reconciler: Reconciler,
    pub(crate) writer: String,
    pub(crate) destroy_delay_ms_min: u64,
    pub(crate) holders_awaited_ms: u64,
    pub(crate) retirements: Vec<Retirement>,
    pub(crate) roots: Mutex<KeptRoots>,
    pub(crate) rewrapping: Mutex<Rewrapping>,
    pub(crate) notary: Option<Notary>,
    pub(crate) ceremonies: Option<Ceremonies>,
    pub(crate) deposit_threshold_min: u8,
    pub(crate) opener: Option<Arc<dyn ShareOpener>>,
    pub(crate) split: Option<Arc<dyn SplitRoot>>,
    pub(crate) holding: Option<Holding>,
    pub(crate) started_at: u64,
    pub(crate) started_uptime: Duration,
}

impl Engine {
    /// An engine over its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let directory = Directory::new(
            parts.store.clone(),
            parts.keyring.clone(),
            parts.changes.clone(),
            parts.alarms.clone(),
            &parts.deployment.id,
        );
        let backends = parts.backends.into_iter().map(|backend| (slot(backend.protection()), backend)).collect();
        Self {
            started_at: parts.clock.now_ms(),
            started_uptime: parts.clock.uptime(),
            refusals: Refusals::new(parts.clock.clone()),
            reconciler: Reconciler::default(),
            usage: UsageBlocks::default(),
            device_random: DeviceRandom::default(),
            directory,
            backends,
            store: parts.store,
            journal: parts.journal,
            changes: parts.changes,
            verifier: parts.verifier,
            policy: parts.policy,
            clock: parts.clock,
            rng: parts.rng,
            keyring: parts.keyring,
            deployment: parts.deployment,
            ledger: parts.ledger,
            alarms: parts.alarms,
            writer: parts.writer,
            destroy_delay_ms_min: parts.destroy_delay_ms_min,
            holders_awaited_ms: HOLDERS_AWAITED_MS,
            retirements: Vec::new(),
            roots: Mutex::default(),
            rewrapping: Mutex::default(),
            notary: None,
            ceremonies: None,
            deposit_threshold_min: THRESHOLD_MIN,
            opener: None,
            split: None,
            holding: None,
        }
    }

    /// The same engine, which makes no more keys of these algorithms from their dates on.
    #[must_use]
    pub fn retiring(self, retirements: Vec<Retirement>) -> Self {
        Self { retirements, ..self }
    }

    /// The same engine, which waits so long, from the time that a destruction is due, for holders that do not confirm it.
    #[must_use]
    pub fn awaiting_holders(self, awaited: Duration) -> Self {
        Self { holders_awaited_ms: u64::try_from(awaited.as_millis()).unwrap_or(u64::MAX), ..self }
    }

    /// Who authenticates with a certificate whose SubjectPublicKeyInfo has this SHA-256.
    ///
    /// # Errors
    /// [`Reason::Unauthenticated`] when it is no active principal.
    pub async fn authenticate(&self, pin: &[u8; 32]) -> Result<Principal, Error> {
        self.check_fresh()?;
        self.directory.principal(pin).await
    }

    /// Whether requests can be served: the journal commits and, on a shared database, the database is heard from.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.check_fresh().is_ok() && !self.journal.has_ended() && self.journal.progress().borrow().is_committing()
    }

    /// Completes when the journal has come to its end: there is nothing left that this server could do.
    pub async fn journal_ended(&self) {
        let mut progress = self.journal.progress();
        while progress.changed().await.is_ok() {}
    }

    pub(crate) fn backend(&self, protection: Protection) -> Result<&Arc<dyn KeyBackend>, Error> {
        self.backends.get(slot(protection)).ok_or_else(|| {
            Error::new(Reason::UnsupportedByBackend, format!("no backend gives the protection `{protection}`"))
                .field("protection")
        })
    }

    /// Decides, and says on what the decision rests.
    pub(crate) fn authorize(
        &self,
        caller: &Caller,
        action: Action,
        tenant: &TenantId,
        key: Option<&KeyName>,
    ) -> Result<Permit, Error> {
        self.check_fresh()?;
        let epoch = self.changes.applied();
        let principal = &caller.principal;
        if self.changes.changed_since(&principal.subject, principal.epoch) {
            return Err(Error::new(Reason::Unauthenticated, "the principal has changed").help("connect again"));
        }
        let decision = self.policy.is_authorized(&AuthorizationRequest { principal, action, tenant, key });
        if decision.allowed && !tenant.is_system() {
            Ok(Permit { epoch, policies: decision.policies, rules: None })
        } else {
            Err(Error::new(Reason::PermissionDenied, format!("policy does not let you do `{action}` here")))
        }
    }

    /// A record of something done for a caller.
    pub(crate) fn entry(
        &self,
        caller: &Caller,
        action: Action,
        resource: impl Into<Arc<str>>,
        permit: &Permit,
    ) -> AuditEntry {
        let at = self.clock.now_ms();
        let entry = AuditEntry::done(at, caller.principal.label.clone(), action, resource);
        AuditEntry { policies: permit.policies.clone(), ..entry }
    }

    /// The record, with a hash that nobody can guess. Without randomness there is none, and a guess can be confirmed.
    pub(crate) fn salted(&self, entry: AuditEntry) -> AuditEntry {
        AuditEntry { salt: random_array(self.rng.as_ref()).ok(), ..entry }
    }

    /// Takes a journal slot: before the backend is touched.
    pub(crate) fn reserve(&self) -> Result<Slot, Error> {
        self.journal.reserve().map_err(fault::journal)
    }

    /// Releases an output: only after its record is durable, and only if what it rests on has not changed.
    pub(crate) async fn release(
        &self,
        slot: Slot,
        permit: &Permit,
        caller: &Caller,
        key: &Subject,
        entry: AuditEntry,
    ) -> Result<(), Error> {
        self.release_all(slot, permit, caller, vec![key.clone()], entry).await
    }

    /// As [`Self::release`], for an output that rests on several keys.
    pub(crate) async fn release_all(
        &self,
        slot: Slot,
        permit: &Permit,
        caller: &Caller,
        mut subjects: Vec<Subject>,
        entry: AuditEntry,
    ) -> Result<(), Error> {
        subjects.push(caller.principal.subject.clone());
        let grant = Some(Grant { epoch: permit.epoch, subjects });
        let changeset = Changeset { grant, ..Changeset::audit_only(entry) };
        slot.commit(changeset).await.map(drop).map_err(fault::journal)
    }

    /// Ends a use case: a refusal or failure of an authenticated caller is recorded, at a bounded rate.
    pub(crate) async fn conclude<T>(
        &self,
        caller: &Caller,
        action: Action,
        resource: impl FnOnce() -> String,
        result: Result<T, Error>,
    ) -> Result<T, Error> {
        let Err(error) = result else { return result };
        if self.refusals.may_record(&caller.principal.subject)
            && let Ok(slot) = self.journal.reserve()
        {
            let at = self.clock.now_ms();
            let entry = AuditEntry::done(at, caller.principal.label.clone(), action, resource());
            let entry = AuditEntry { outcome: outcome_of(&error), detail: fault::detail(&error), ..entry };
            let entry = self.salted(entry);
            let recorded = slot.commit(Changeset::audit_only(entry)).await;
            if let Err(fault) = recorded {
                tracing::warn!(%fault, "a refusal was not recorded");
            }
        }
        Err(error)
    }

    /// Performs an operation on a version's own backend.
    pub(crate) async fn perform(
        &self,
        protection: Protection,
        operation: Operation<'_>,
        deadline: Instant,
    ) -> Result<Outcome, Error> {
        self.backend(protection)?.perform(operation, deadline).await.map_err(fault::backend)
    }

    /// A signature, MAC or ciphertext from a version's own backend.
    pub(crate) async fn bytes(
        &self,
        protection: Protection,
        operation: Operation<'_>,
        deadline: Instant,
    ) -> Result<Vec<u8>, Error> {
        match self.perform(protection, operation, deadline).await? {
            Outcome::Bytes(bytes) => Ok(bytes),
            _ => Err(Error::internal("the backend answered out of turn")),
        }
    }

    pub(crate) fn check_fresh(&self) -> Result<(), Error> {
        if self.store.is_shared() && self.changes.age(self.clock.uptime()) > STALE_AFTER {
            return Err(Error::new(Reason::StaleReplica, "this server has not heard from the database")
                .help("try another server"));
        }
        Ok(())
    }
}

/// A decision that allows, and the state of the world it has seen.
pub(crate) struct Permit {
    pub(crate) epoch: u64,
    pub(crate) policies: Arc<[Arc<str>]>,
    /// The rules of ceremonies under which it is no matter of a ceremony. Commits rest on them: [`Engine::may_do_alone`].
    pub(crate) rules: Option<Guard>,
}

fn slot(protection: Protection) -> &'static str {
    match protection {
        Protection::Software => "software",
        Protection::Hsm => "hsm",
        Protection::Threshold => "threshold",
    }
}

fn outcome_of(error: &Error) -> AuditOutcome {
    let reason = error.reason().name().to_owned();
    match error.reason() {
        Reason::Internal
        | Reason::DeadlineExceeded
        | Reason::Overloaded
        | Reason::BackendUnavailable
        | Reason::TooFewHolders
        | Reason::StorageUnavailable
        | Reason::LedgerUnavailable
        | Reason::StaleReplica
        | Reason::RevokedMeanwhile => AuditOutcome::Failed(reason),
        _ => AuditOutcome::Refused(reason),
    }
}
