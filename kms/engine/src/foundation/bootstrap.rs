//! First start and every later one: the deployment row, the root key, the log key, the integrity key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::{Clock, Rng, random_array};
use hufu_core::audit::AuditEntry;
use hufu_core::backend::{BackendError, Generated, KeyBackend, KeyHandle, Operation, Outcome, Template};
use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, RowSeal as _, Subject, Write};
use hufu_core::codec::CodecError;
use hufu_core::policy::Action;
use hufu_core::record::{
    Deployment, Exit, FIRST_ROOT_SLOT, Locator, Material, Record, RootSlot, RootTranscriptRecord, VersionUid,
    WrappingKeyRecord, WrappingKeyUse,
};
use hufu_core::store::{Page, Store, StoreError};
use hufu_journal::{Journal, JournalError};
use hufu_shares::RootRecord;
use sha2::{Digest, Sha256};

use super::generations::later;
use super::keyring::{Keyring, SLOTS_MAX, fresh, opened, wrapped};
use super::root::{Root, RootToken};
use crate::root_transcripts;

/// Owners of the service's own keys, as rows of material name them.
pub(crate) const ROOT_KEY: &str = "root key";
pub(crate) const LOG_KEY: &str = "log key";
/// Longest wait for the token while keys are generated.
const GENERATE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a start needs.
pub struct Bootstrap {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The journal of this start.
    pub journal: Journal,
    /// The token that holds, or shall hold, the root key and the log key.
    pub token: Arc<dyn KeyBackend>,
    /// Its serial number, or the name of a group of tokens.
    pub token_serial: String,
    /// The tokens of further root slots.
    pub more_roots: Vec<RootToken>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Whether this start is for development.
    pub development: bool,
    /// The ledger's origin, and so the deployment's name. The first start keeps it for ever; later ones do not look at it.
    pub origin: String,
    /// What must be safe before a first start is committed; nothing where the token keeps the root key.
    pub before_first: Option<Arc<dyn BeforeFirst>>,
}

/// What must be safe before a first start is committed: the shares of a root that is kept nowhere else.
pub trait BeforeFirst: Send + Sync {
    /// Makes it safe, and says what is to be written down of it in the commit that begins the deployment. The log key is the
    /// deployment's, and signs in the token.
    ///
    /// # Errors
    /// Why it is not: the first start is given up then.
    fn make_safe<'a>(
        &'a self,
        deployment: &'a Deployment,
        token: &'a dyn KeyBackend,
        log_key: &'a KeyHandle,
    ) -> BoxFuture<'a, Result<RootRecord, String>>;
}

/// What everything rests on.
pub struct Foundation {
    /// The deployment.
    pub deployment: Deployment,
    /// Wrapping keys and row tags.
    pub keyring: Arc<Keyring>,
    /// The log's signing key.
    pub log_key: KeyHandle,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FoundationError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal did not commit.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The token did not do what was asked.
    #[error("the root token: {0}")]
    Token(hufu_core::Error),
    /// A row is not one that this deployment wrote.
    #[error("{0}")]
    Damaged(String),
    /// The configured token is another one than at first start.
    #[error("the database belongs to token `{expected}`, and the configured token is `{found}`")]
    OtherToken {
        /// Serial number in the database.
        expected: String,
        /// Serial number of the configured token.
        found: String,
    },
    /// The token of a further root slot is another one than when it was added.
    #[error("the root slot `{slot}` belongs to token `{expected}`, and the configured token is `{found}`")]
    OtherRootToken {
        /// The slot.
        slot: String,
        /// Serial number in the database.
        expected: String,
        /// Serial number of the configured token.
        found: String,
    },
    /// What a first start rests on is not safe.
    #[error("nothing was begun: {0}")]
    Unsafe(String),
    /// A development deployment cannot become a production one.
    #[error("the database was made by a development start and cannot serve production, nor the other way round")]
    OtherMode,
}

impl From<CodecError> for FoundationError {
    fn from(error: CodecError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// Opens the foundation, or lays it at first start.
///
/// # Errors
/// [`FoundationError`]: the service must not serve then.
pub async fn lay_foundation(bootstrap: Bootstrap) -> Result<Foundation, FoundationError> {
    match bootstrap.store.get(Collection::Meta, Deployment::ID).await? {
        Some(row) => reopen(bootstrap, &Deployment::from_row(&row)?, &row).await,
        None if is_used(bootstrap.store.as_ref()).await? => {
            Err(FoundationError::Damaged("the deployment row is missing from a database in use".to_owned()))
        }
        None => begin(bootstrap).await,
    }
}

async fn is_used(store: &dyn Store) -> Result<bool, StoreError> {
    let page = Page { after: None, limit: 1 };
    let keys = store.list(Collection::WrappingKey, "", page).await?;
    Ok(store.order().await? > 0 || !keys.is_empty())
}

async fn begin(mut bootstrap: Bootstrap) -> Result<Foundation, FoundationError> {
    let now = bootstrap.clock.now_ms();
    let random =
        |bytes: Result<[u8; 16], _>| bytes.map_err(|e| FoundationError::Token(hufu_core::Error::internal(e)));
    let id = hex::encode(random(random_array(bootstrap.rng.as_ref()))?);
    let root_uid = VersionUid(random(random_array(bootstrap.rng.as_ref()))?);
    let log_uid = VersionUid(random(random_array(bootstrap.rng.as_ref()))?);
    let root = generate(&bootstrap, root_uid, Algorithm::Aes256Gcm, Purpose::Encrypt, Scheme::AesGcm).await?;
    check_shared(&bootstrap, &root.locator)?;
    let log = generate(&bootstrap, log_uid, Algorithm::Ed25519, Purpose::Sign, Scheme::Ed25519).await?;
    let log_public_key =
        log.public_key.ok_or_else(|| FoundationError::Damaged("the log key has no public half".into()))?;
    let deployment = Deployment {
        log_origin: bootstrap.origin.clone(),
        id,
        log_key: log_uid,
        log_public_key,
        root_key: root_uid,
        token_serial: bootstrap.token_serial.clone(),
        created_at: now,
        development: bootstrap.development,
        root_locator: elsewhere(&bootstrap, root.locator),
        log_locator: elsewhere(&bootstrap, log.locator),
    };
    warn_of_one_token(&bootstrap, &deployment);
    let roots = roots(&mut bootstrap, &deployment, &[])?;
    let rng = bootstrap.rng.clone();
    let (integrity, key) =
        fresh(rng.as_ref(), WrappingKeyUse::RowIntegrity, "", now).map_err(FoundationError::Token)?;
    // Further slots are made by the first pass of their keeper, under intents.
    let (integrity, _) =
        wrapped(integrity, &key, roots.iter().take(1).map(Arc::as_ref), rng.as_ref()).await.map_err(refused)?;
    let keyring = Keyring::new(bootstrap.store.clone(), rng, roots, &key);
    let split = match &bootstrap.before_first {
        Some(before) => {
            let made = before.make_safe(&deployment, bootstrap.token.as_ref(), &log_key(&deployment)).await;
            Some(made.map_err(FoundationError::Unsafe)?)
        }
        None => None,
    };
    let mut changeset = first(&keyring, &deployment, &integrity, now);
    if let Some(record) = &split {
        write_down(&mut changeset, record, &keyring, &deployment, bootstrap.rng.as_ref())?;
    }
    bootstrap.journal.reserve()?.commit(changeset).await?;
    tracing::info!(deployment = deployment.id, origin = deployment.log_origin, "first start: root and log key made");
    Ok(Foundation { log_key: log_key(&deployment), keyring: Arc::new(keyring), deployment })
}

/// What begins a deployment.
fn first(keyring: &Keyring, deployment: &Deployment, integrity: &WrappingKeyRecord, now: u64) -> Changeset {
    let owner = |uid, owner: &str| Material { uid, owner: owner.to_owned() };
    let seal = keyring.integrity();
    Changeset {
        guards: vec![Guard::Absent(Collection::Meta, Deployment::ID.to_owned())],
        writes: vec![
            Write::Put(seal.row(deployment, 1)),
            Write::Put(seal.row(integrity, 1)),
            Write::Put(owner(deployment.root_key, ROOT_KEY).to_row(1)),
            Write::Put(owner(deployment.log_key, LOG_KEY).to_row(1)),
        ],
        ..Changeset::audit_only(AuditEntry::done(now, AuditEntry::system(), Action::Lifecycle, "deployment"))
    }
}

/// That the root was split: the row, the leaf that names it, and the hash in the audit record.
fn write_down(
    changeset: &mut Changeset,
    record: &RootRecord,
    keyring: &Keyring,
    deployment: &Deployment,
    rng: &dyn Rng,
) -> Result<(), FoundationError> {
    let refused = |error: &dyn std::fmt::Display| FoundationError::Unsafe(error.to_string());
    let manifest = record.manifest().map_err(|error| refused(&error))?.digest();
    let digest = hex::encode(record.digest());
    let mut evidence = [0; 32];
    for entry in &mut changeset.audit {
        entry.detail = Some(format!("root split among custodians; rootTranscripts/0 {digest}"));
        entry.salt = random_array(rng).ok();
        evidence = hufu_audit::Record::new(entry).hash();
    }
    let leaf = root_transcripts::leaf(&deployment.log_origin, record, manifest, evidence);
    let leaf = leaf.map_err(FoundationError::Token)?.row;
    let seal = keyring.integrity();
    let row = root_transcripts::row_of(RootTranscriptRecord::BEGINNING, record);
    changeset.feed.push(FeedItem { subject: Subject::new("rootTranscripts/0"), leaf: Some(leaf.id.clone()) });
    changeset.writes.extend([Write::Put(seal.seal(leaf)), Write::Put(seal.row(&row, 1))]);
    Ok(())
}

async fn reopen(
    mut bootstrap: Bootstrap,
    deployment: &Deployment,
    row: &hufu_core::changeset::Row,
) -> Result<Foundation, FoundationError> {
    if deployment.token_serial != bootstrap.token_serial && !has_joined(&bootstrap, deployment) {
        let (expected, found) = (deployment.token_serial.clone(), bootstrap.token_serial);
        return Err(FoundationError::OtherToken { expected, found });
    }
    if deployment.development != bootstrap.development {
        return Err(FoundationError::OtherMode);
    }
    let page = Page { after: None, limit: 2 };
    let rows = bootstrap.store.list(Collection::WrappingKey, "", page).await?;
    let [integrity_row] = rows.as_slice() else {
        return Err(FoundationError::Damaged("there is not exactly one integrity key".to_owned()));
    };
    let record = WrappingKeyRecord::from_row(integrity_row)?;
    warn_of_one_token(&bootstrap, deployment);
    let page = Page { after: None, limit: SLOTS_MAX };
    let slots = bootstrap.store.list(Collection::Meta, RootSlot::SCOPE, page).await?;
    // Their tags are under the key that they lead to, so they are checked as soon as it is open.
    let known: Vec<RootSlot> = slots.iter().map(RootSlot::from_row).collect::<Result<_, _>>()?;
    let roots = roots(&mut bootstrap, deployment, &known)?;
    let key = opened(&record, &roots).await.map_err(refused)?;
    let keyring = Keyring::new(bootstrap.store.clone(), bootstrap.rng.clone(), roots, &key);
    for slot in &slots {
        keyring.integrity().open::<RootSlot>(slot)?;
    }
    keyring.integrity().open::<WrappingKeyRecord>(integrity_row)?;
    let deployment = keyring.integrity().open::<Deployment>(row)?;
    Ok(Foundation { log_key: log_key(&deployment), keyring: Arc::new(keyring), deployment })
}

async fn generate(
    bootstrap: &Bootstrap,
    uid: VersionUid,
    algorithm: Algorithm,
    purpose: Purpose,
    scheme: Scheme,
) -> Result<Generated, FoundationError> {
    let shared = bootstrap.token.capabilities().check_exit(algorithm, purpose, scheme, Exit::Replicable);
    let template = Template {
        uid,
        algorithm,
        purpose,
        scheme,
        binding: Arc::new([]),
        wrapping_key: None,
        // In a group of tokens the service shall outlive any of them.
        exit: if shared.is_ok() { Exit::Replicable } else { Exit::Never },
    };
    let deadline = Instant::now() + GENERATE_TIMEOUT;
    match bootstrap.token.perform(Operation::Generate(&template), deadline).await {
        Ok(Outcome::Generated(generated)) => Ok(*generated),
        Ok(_) => Err(FoundationError::Token(hufu_core::Error::internal("the token answered out of turn"))),
        Err(error) => Err(FoundationError::Token(crate::fault::backend(error))),
    }
}

/// A service whose root key is on one token of a group would not start without that one.
fn check_shared(bootstrap: &Bootstrap, root: &Locator) -> Result<(), FoundationError> {
    if bootstrap.token.returns().is_none() || matches!(root, Locator::Group { .. }) {
        return Ok(());
    }
    let why = "the group of tokens cannot replicate the root key, AES-256-GCM";
    Err(FoundationError::Token(hufu_core::Error::new(hufu_core::Reason::UnsupportedByBackend, why)))
}

/// Whether a group of tokens holds what was one token's before.
fn has_joined(bootstrap: &Bootstrap, deployment: &Deployment) -> bool {
    bootstrap.token.returns().is_some() && bootstrap.token.holds(&root_locator(deployment))
}

fn warn_of_one_token(bootstrap: &Bootstrap, deployment: &Deployment) {
    if bootstrap.token.returns().is_none() {
        return;
    }
    let keys = [("root key", root_locator(deployment)), ("log key", log_locator(deployment))];
    for (key, locator) in keys {
        if let Locator::Token { serial, .. } = locator {
            tracing::warn!(key, token = serial, "is on this token of the group alone");
        }
    }
}

/// What the deployment need not say is left out: it reads as those of earlier releases.
fn elsewhere(bootstrap: &Bootstrap, locator: Locator) -> Option<Locator> {
    let usual = matches!(&locator, Locator::Token { serial, .. } if *serial == bootstrap.token_serial);
    (!usual).then_some(locator)
}

fn root_locator(deployment: &Deployment) -> Locator {
    deployment.root_locator.clone().unwrap_or_else(|| Locator::Token {
        serial: deployment.token_serial.clone(),
        uid: deployment.root_key,
        fingerprint: None,
    })
}

fn log_locator(deployment: &Deployment) -> Locator {
    deployment.log_locator.clone().unwrap_or_else(|| Locator::Token {
        serial: deployment.token_serial.clone(),
        uid: deployment.log_key,
        fingerprint: Some(Sha256::digest(&deployment.log_public_key).into()),
    })
}

/// The configured root slots: the token's first, then the further ones, each with its root key if the database knows it.
fn roots(
    bootstrap: &mut Bootstrap,
    deployment: &Deployment,
    known: &[RootSlot],
) -> Result<Vec<Arc<Root>>, FoundationError> {
    let first = RootToken {
        slot: FIRST_ROOT_SLOT.to_owned(),
        serial: deployment.token_serial.clone(),
        backend: bootstrap.token.clone(),
    };
    let first = Root::new(first, &deployment.id, Some(deployment.root_key)).at(root_locator(deployment));
    let mut roots = vec![Arc::new(first)];
    for token in std::mem::take(&mut bootstrap.more_roots) {
        let slot = known.iter().find(|slot| slot.name == token.slot);
        if let Some(slot) = slot
            && slot.serial != token.serial
        {
            let (slot, expected, found) = (token.slot, slot.serial.clone(), token.serial);
            return Err(FoundationError::OtherRootToken { slot, expected, found });
        }
        roots.push(Arc::new(Root::new(token, &deployment.id, slot.map(|slot| slot.key))));
    }
    let later: Vec<_> = known.iter().filter_map(|slot| later(slot, &roots)).collect();
    roots.extend(later);
    Ok(roots)
}

fn refused(error: BackendError) -> FoundationError {
    FoundationError::Token(crate::fault::backend(error))
}

/// The root key as the token knows it.
pub(crate) fn root_key(deployment: &Deployment) -> KeyHandle {
    KeyHandle {
        uid: deployment.root_key,
        algorithm: Algorithm::Aes256Gcm,
        scheme: Scheme::AesGcm,
        locator: root_locator(deployment),
        binding: Arc::new([]),
        public_key: None,
        distinguishing_id: None,
    }
}

/// The log key as the token knows it.
pub(crate) fn log_key(deployment: &Deployment) -> KeyHandle {
    KeyHandle {
        uid: deployment.log_key,
        algorithm: Algorithm::Ed25519,
        scheme: Scheme::Ed25519,
        locator: log_locator(deployment),
        binding: Arc::new([]),
        public_key: Some(deployment.log_public_key.as_slice().into()),
        distinguishing_id: None,
    }
}
