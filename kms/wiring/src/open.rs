//! Builds a service from its configuration.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hufu_core::ambient::{Clock, Rng, random_array};
use hufu_core::backend::KeyBackend;
use hufu_core::changes::Changes;
use hufu_core::changeset::Collection;
use hufu_core::policy::{PolicyEngine, PolicyError};
use hufu_core::record::Deployment;
use hufu_core::store::Store;
use hufu_engine::alarms::Alarms;
use hufu_engine::ledger::Ledger;
use hufu_engine::sequencer::{Sequencer, SequencerConfig, SequencerError};
use hufu_engine::{BeforeFirst, Bootstrap, Engine, Foundation, FoundationError, RootToken, lay_foundation};
use hufu_group::Devices;
use hufu_journal::{Journal, JournalConfig, JournalThread};
use hufu_log::Log;
use hufu_policy::{CachedPolicies, RolePolicies};
use hufu_software::SoftwareBackend;
use hufu_storage::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore};
use hufu_tlog::VerifierKey;

use crate::ambient::{SystemClock, SystemRng};
use crate::config::{Config, ConfigError, Mode, StorageConfig};
use crate::holder::{self, HolderFiles};
use crate::identities::{Identities, invalid};
use crate::outside::{self, Outside};
use crate::service::Service;
use crate::split_root::{CUSTODIANS, SplitRoot};
use crate::{ceremonies, files, guard, hsm, opener, production, retire, roots, tasks, threshold};

/// Threads for long work in software: RSA, SM2, key generation.
const SOFTWARE_THREADS: NonZeroUsize = NonZeroUsize::MIN;
/// Longest connection URL file, in bytes.
const URL_LEN_MAX: u64 = 4_096;
/// Longest origin of a log, in bytes.
const ORIGIN_LEN_MAX: usize = 128;
/// Length of an Ed25519 SubjectPublicKeyInfo before the key itself (RFC 8410 §4).
const ED25519_SPKI_PREFIX_LEN: usize = 12;

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file or directory cannot be used.
    #[error("`{0}`: {1}")]
    File(PathBuf, std::io::Error),
    /// A certificate cannot be made or read.
    #[error("certificates: {0}")]
    Certificate(String),
    /// The token cannot be opened.
    #[error("the token: {0}")]
    Token(String),
    /// The PIN cannot be had.
    #[error("the PIN: {0}")]
    Pin(String),
    /// Something that is for development only, or that is not kept secret.
    #[error("refused in production: {0}")]
    Refused(String),
    /// The database cannot be opened.
    #[error(transparent)]
    Storage(#[from] hufu_storage::OpenError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] hufu_core::store::StoreError),
    /// What everything rests on is not sound.
    #[error(transparent)]
    Foundation(#[from] FoundationError),
    /// The ledger is not sound.
    #[error("the ledger")]
    Ledger(#[from] SequencerError),
    /// The database is older than what was kept outside it.
    #[error("the audit trail ends before what `{0}` tells of: the database is an older copy, or its tail was cut")]
    AuditBehind(String),
    /// The policies would not decide as written.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Roster or policy of ceremonies cannot be used.
    #[error("ceremonies: {0}")]
    Ceremonies(String),
    /// Holders cannot be used as configured.
    #[error("holders: {0}")]
    Holders(String),
    /// What makes a holder of shares cannot be used.
    #[error("the holder: {0}")]
    Holder(String),
    /// There is nothing to work on.
    #[error("the database holds no installation: start the server once first; without an HSM, `hufud init`")]
    Empty,
    /// There is an installation already.
    #[error("the database holds an installation already")]
    Begun,
    /// The root that custodians hold cannot be used, or not be made.
    #[error("the split root: {0}")]
    Split(String),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// The engine refused.
    #[error("{0:?}")]
    Engine(#[from] hufu_core::Error),
    /// The software backend cannot be started.
    #[error(transparent)]
    Software(#[from] hufu_software::OpenError),
}

/// The adapters behind the two seams that everything durable goes through.
pub struct Adapters {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The token.
    pub token: Arc<dyn KeyBackend>,
}

/// Opens everything, checks it, and starts the background work. A root that is split is given once it is unsealed.
///
/// # Errors
/// [`Error`]: nothing is served then.
pub async fn open(config: Config, split: Option<SplitRoot>) -> Result<Service, Error> {
    open_decorated(config, split, |adapters| adapters).await
}

/// As [`open`], with something put around the adapters, which are opened and checked before: tests end the process there
/// at a chosen step.
///
/// # Errors
/// [`Error`]: nothing is served then.
pub async fn open_decorated(
    config: Config,
    split: Option<SplitRoot>,
    decorate: impl FnOnce(Adapters) -> Adapters + Send,
) -> Result<Service, Error> {
    // A mistake in the configuration is told before anything is touched.
    let identities = Identities::read(&config.tenants, &config.principals)?;
    check_origin(&config.ledger.origin)?;
    config.check_tokens()?;
    roots::check(&config)?;
    let ceremonies = config.ceremonies.as_ref().map(ceremonies::read).transpose()?;
    let holder = holder::read(&config)?.map(HolderFiles::open).transpose()?;
    let ambient = Ambient::new();
    let holders = threshold::read(&config)?;
    let token = hsm::open(&config, &ambient, split.as_ref())?;
    let more_roots = hsm::open_roots(&config)?;
    production::check(&config, token.as_ref())?;
    let tpm = hsm::open_tpm(&config).await?;
    let store = open_store(&config.storage, config.mode).await?;
    if let Some(split) = &split {
        // A first start would put a new deployment under shares that belong to another one.
        check_begun(store.as_ref()).await?;
        split.check_current(store.as_ref()).await?;
    }
    let Adapters { store, token } = decorate(Adapters { store, token });
    // A new database beside an old outside directory is a mistake too: before keys are made for it.
    let outside = open_outside(&config, store.as_ref()).await?;
    let base = Base::start(store, ambient).await?;
    let token = match &config.token {
        Some(of) => guard::proven(token, of, base.rng.clone(), base.alarms.clone())?,
        // Each token of a group has its own.
        None => token,
    };
    let foundation = base.foundation(&config, token.clone(), more_roots, None).await?;
    let key = log_verifier_key(&foundation.deployment)?;
    let log = Arc::new(Log::open(base.store.clone(), key, foundation.keyring.clone()));
    let sequencer = base.sequencer(&config, &foundation, &log, token.clone(), &outside);
    begin_sequencing(&sequencer).await?;
    let hsm = base.beside(token.clone(), tpm, &config)?;
    let holders = match holders {
        Some(holders) => Some(holders.open(&foundation.deployment.log_origin, base.clock.clone()).await?),
        None => None,
    };
    let beside: Vec<Arc<dyn KeyBackend>> = holders.iter().map(|holders| holders.clone() as _).collect();
    let engine = base.engine(&config, foundation, [vec![hsm], beside].concat(), token, &log, &sequencer)?;
    let engine = match ceremonies {
        Some((grounds, deposit_threshold_min)) => engine.holding(grounds).depositing(deposit_threshold_min),
        None => engine,
    };
    let engine = base.held_together(engine, split.as_ref())?;
    identities.register(&engine).await?;
    let engine = Arc::new(match holder {
        Some((setup, tenant)) => engine.as_holder(setup, &tenant).await?,
        None => engine,
    });
    engine.open_ceremonies().await?;
    engine.check_root_shares().await?;
    match split.as_ref().and_then(SplitRoot::opening) {
        Some(opening) => engine.announce_opened_start(opening).await?,
        None => engine.announce_start().await?,
    }
    if let Err(error) = engine.keep_roots().await {
        tracing::warn!(?error, "the root slots are not level; it is tried again");
    }
    // Before anything is used or destroyed by what the rows say.
    let scrub_from = tasks::scrub_before_serving(&engine).await?;
    if let Err(error) = engine.reconcile_once().await {
        // It runs every second from now on; what it leaves open is unusable until then.
        tracing::warn!(?error, "the reconciler will try again");
    }
    let mut tasks =
        tasks::start(engine.clone(), scrub_from, sequencer, base.journal.progress(), base.writer, outside);
    if let Some(holders) = holders {
        tasks.probe(holders);
    }
    Ok(Service { engine, profile: None, dev_dir: config.dev_dir, tasks, journal: base.thread })
}

/// Starts the sequencer. A log key that does not sign now, as when its token alone is away, makes leaves wait: what a start must
/// refuse was looked at before anything is signed.
async fn begin_sequencing(sequencer: &Sequencer) -> Result<(), SequencerError> {
    match sequencer.start().await {
        Err(SequencerError::Signer(error)) => {
            tracing::error!(%error, "the ledger waits for its key");
            Ok(())
        }
        started => started,
    }
}

/// What exists before the foundation does.
pub(crate) struct Base {
    store: Arc<dyn Store>,
    pub(crate) journal: Journal,
    pub(crate) thread: JournalThread,
    changes: Arc<Changes>,
    pub(crate) clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    alarms: Arc<Alarms>,
    writer: String,
}

/// Time, randomness and alarms: what tokens need before there is a database.
pub(crate) struct Ambient {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) alarms: Arc<Alarms>,
}

impl Ambient {
    pub(crate) fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        Self { rng: Arc::new(SystemRng), alarms: Arc::new(Alarms::new(clock.clone())), clock }
    }
}

impl Base {
    pub(crate) async fn start(store: Arc<dyn Store>, ambient: Ambient) -> Result<Self, Error> {
        let Ambient { clock, rng, alarms } = ambient;
        let changes = Arc::new(Changes::new(store.order().await?));
        changes.confirm(clock.uptime());
        let random: [u8; 8] = random_array(rng.as_ref()).map_err(hufu_core::Error::internal)?;
        let writer = format!("{:013x}-{}", clock.now_ms(), hex::encode(random));
        let parts = hufu_journal::Parts {
            store: store.clone(),
            changes: changes.clone(),
            clock: clock.clone(),
            writer: writer.clone(),
        };
        let (journal, thread) = Journal::start(JournalConfig::default(), parts).map_err(Error::Thread)?;
        Ok(Self { store, journal, thread, changes, clock, rng, alarms, writer })
    }

    pub(crate) async fn foundation(
        &self,
        config: &Config,
        token: Arc<dyn KeyBackend>,
        more_roots: Vec<RootToken>,
        before_first: Option<Arc<dyn BeforeFirst>>,
    ) -> Result<Foundation, Error> {
        let bootstrap = Bootstrap {
            store: self.store.clone(),
            journal: self.journal.clone(),
            token,
            token_serial: token_serial(config),
            more_roots,
            rng: self.rng.clone(),
            clock: self.clock.clone(),
            development: config.mode == Mode::Development,
            origin: config.ledger.origin.clone(),
            before_first,
        };
        Ok(lay_foundation(bootstrap).await?)
    }

    fn sequencer(
        &self,
        config: &Config,
        foundation: &Foundation,
        log: &Arc<Log>,
        token: Arc<dyn KeyBackend>,
        outside: &Outside,
    ) -> Arc<Sequencer> {
        let audit_head_ms = u64::try_from(config.ledger.audit_head_period.as_millis()).unwrap_or(u64::MAX);
        let parts = hufu_engine::sequencer::Parts {
            store: self.store.clone(),
            journal: self.journal.clone(),
            log: log.clone(),
            signer: token,
            log_key: foundation.log_key.clone(),
            clock: self.clock.clone(),
            holder: self.writer.clone(),
            outside: Arc::new(outside.clone()),
            alarms: self.alarms.clone(),
        };
        Arc::new(Sequencer::new(parts, SequencerConfig { audit_head_ms, ..SequencerConfig::default() }))
    }

    /// The token, and a TPM beside it for what the token cannot do.
    fn beside(
        &self,
        token: Arc<dyn KeyBackend>,
        tpm: Option<Arc<dyn KeyBackend>>,
        config: &Config,
    ) -> Result<Arc<dyn KeyBackend>, Error> {
        let (Some(tpm), Some(of)) = (tpm, config.tokens().next()) else { return Ok(token) };
        let tpm = guard::proven(tpm, of, self.rng.clone(), self.alarms.clone())?;
        Ok(Arc::new(Devices::new(token, vec![tpm])))
    }

    fn engine(
        &self,
        config: &Config,
        foundation: Foundation,
        others: Vec<Arc<dyn KeyBackend>>,
        token: Arc<dyn KeyBackend>,
        log: &Arc<Log>,
        sequencer: &Sequencer,
    ) -> Result<Engine, Error> {
        let (keyring, log_key) = (foundation.keyring, foundation.log_key);
        let software: Arc<dyn KeyBackend> =
            Arc::new(SoftwareBackend::new(keyring.clone(), self.rng.clone(), SOFTWARE_THREADS)?);
        let policy = CachedPolicies::new(RolePolicies::new(), self.changes.clone());
        policy.validate()?;
        let ledger = Ledger::new(log.clone(), sequencer.status(), self.alarms.clone());
        let engine = Engine::new(hufu_engine::Parts {
            store: self.store.clone(),
            journal: self.journal.clone(),
            changes: self.changes.clone(),
            backends: [vec![software.clone()], others].concat(),
            verifier: software,
            policy: Arc::new(policy),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            keyring,
            deployment: foundation.deployment,
            ledger: Arc::new(ledger),
            alarms: self.alarms.clone(),
            writer: self.writer.clone(),
            destroy_delay_ms_min: u64::try_from(config.destroy_delay_min.as_millis()).unwrap_or(u64::MAX),
        });
        let engine = engine.opening_shares(opener::share_opener());
        let engine = match &config.threshold {
            Some(of) => engine.awaiting_holders(of.destruction_wait),
            None => engine,
        };
        Ok(engine.retiring(retire::retirements(&config.retire)?).stating(token, log_key))
    }

    /// The same engine, over a root that is split, if it is.
    fn held_together(&self, engine: Engine, split: Option<&SplitRoot>) -> Result<Engine, Error> {
        match split {
            Some(split) => Ok(engine.held_together(split.held(self.rng.clone())?)),
            None => Ok(engine),
        }
    }
}

/// What the database names as the place of root and log key.
fn token_serial(config: &Config) -> String {
    match (&config.token, &config.group) {
        (Some(token), _) => token.serial.clone(),
        (None, Some(group)) => format!("group:{}", group.name),
        (None, None) => CUSTODIANS.to_owned(),
    }
}

/// Refuses a database that holds no installation: perhaps it was misspelt.
pub(crate) async fn check_begun(store: &dyn Store) -> Result<(), Error> {
    let begun = store.get(Collection::Meta, Deployment::ID).await?.is_some();
    if begun { Ok(()) } else { Err(Error::Empty) }
}

/// The origin is stored at the first start and signed into everything after it: a bad one could not be mended.
pub(crate) fn check_origin(origin: &str) -> Result<(), ConfigError> {
    if hufu_tlog::is_key_name(origin) && origin.len() <= ORIGIN_LEN_MAX {
        return Ok(());
    }
    let problem =
        format!("must have 1 to {ORIGIN_LEN_MAX} characters, none of them a space, control character or plus sign");
    Err(invalid("ledger.origin", &problem))
}

pub(crate) async fn open_store(config: &StorageConfig, mode: Mode) -> Result<Arc<dyn Store>, Error> {
    Ok(match config {
        StorageConfig::Sqlite { path } => {
            Arc::new(SqliteStore::open(path, SqliteOptions { create: true, ..SqliteOptions::default() }).await?)
        }
        StorageConfig::Postgres { url_file, schema } => {
            let url = files::read_text(url_file, URL_LEN_MAX)?;
            let development = mode == Mode::Development;
            let options = PostgresOptions { schema: schema.clone(), development, ..PostgresOptions::default() };
            Arc::new(PostgresStore::connect(url.trim(), options).await?)
        }
    })
}

/// Opens the directory outside the database, and refuses a database that is behind it.
pub(crate) async fn open_outside(config: &Config, store: &dyn Store) -> Result<Outside, Error> {
    let directory = &config.ledger.outside_dir;
    let failed = |error| Error::File(directory.clone(), error);
    // A disk that is not mounted must not be taken for a directory that is not there yet.
    if config.mode == Mode::Production && !directory.is_dir() {
        return Err(Error::File(directory.clone(), std::io::ErrorKind::NotFound.into()));
    }
    let outside = Outside::new(directory).map_err(failed)?;
    if let Some(head) = outside.audit_head().map_err(failed)?
        && !outside::covers(store, &head).await?
    {
        return Err(Error::AuditBehind(directory.join("audit-head").display().to_string()));
    }
    Ok(outside)
}

/// What readers of the log hold.
pub(crate) fn log_verifier_key(deployment: &Deployment) -> Result<VerifierKey, Error> {
    let key = deployment.log_public_key.get(ED25519_SPKI_PREFIX_LEN..).and_then(|key| key.try_into().ok());
    let key = key.ok_or_else(|| FoundationError::Damaged("the log's public key is malformed".to_owned()))?;
    VerifierKey::new(&deployment.log_origin, key).map_err(|error| FoundationError::Damaged(error.to_string()).into())
}

/// Longest wait for the background work to end.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(10);
