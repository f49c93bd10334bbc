//! One start of a server over what survives crashes.

use std::sync::Arc;

use hufu_ceremony::Grounds;
use hufu_core::ambient::Rng;
use hufu_core::backend::KeyBackend;
use hufu_core::changes::Changes;
use hufu_core::changeset::Collection;
use hufu_core::name::TenantId;
use hufu_core::record::Protection;
use hufu_core::record::{PrincipalRecord, Record as _};
use hufu_core::store::Store;
use hufu_engine::alarms::Alarms;
use hufu_engine::ledger::Ledger;
use hufu_engine::sequencer::{Sequencer, SequencerConfig};
use hufu_engine::{Bootstrap, Engine, HolderSetup, Keyring, RootToken, lay_foundation};
use hufu_journal::{Committer, Journal, JournalConfig};
use hufu_log::Log;
use hufu_opener::Opener;
use hufu_policy::{CachedPolicies, RolePolicies};
use hufu_tlog::VerifierKey;

use super::ambient::{SimClock, SimRng, SimTime};
use super::backend::{SERIAL, SimBackend};
use super::hazards::Hazards;
use super::holders::SimHolders;
use super::opener::{Asked, SimOpener};
use super::outside::SimOutside;
use super::real::RealSoftware;
use super::split::{CUSTODIANS, SimSplit, SplitStart};
use super::store::SimStore;
use super::token::SimToken;

/// Shortest delay before a destruction, in milliseconds.
pub(crate) const DESTROY_DELAY_MS_MIN: u64 = 1_000;
/// An Ed25519 SubjectPublicKeyInfo before the key itself.
const SPKI_PREFIX_LEN: usize = 12;

/// What a server is started on: all of it survives its crash.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) time: Arc<SimTime>,
    pub(crate) store: Arc<SimStore>,
    pub(crate) token: Arc<SimToken>,
    /// The token of a second root slot, `vault`.
    pub(crate) vault: Option<Arc<SimToken>>,
    /// Roster and policy of ceremonies in the configuration.
    pub(crate) ceremonies: Option<Grounds>,
    /// What makes it a holder of shares.
    pub(crate) holder: Option<HolderSetup>,
    /// Holders of keys that they share.
    pub(crate) holders: Option<Arc<SimHolders>>,
    /// Custodians who hold the root together, in place of the token.
    pub(crate) split: Option<Arc<SimSplit>>,
    pub(crate) outside: Arc<SimOutside>,
    /// What opens shares.
    pub(crate) asked: Arc<Asked>,
    pub(crate) hazards: Arc<Hazards>,
    /// Randomness of the servers and of their devices.
    pub(crate) chance: Arc<SimRng>,
    /// What the log is called.
    pub(crate) origin: &'static str,
    /// How far the server's clock is ahead, in milliseconds.
    pub(crate) ahead_ms: u64,
    /// Whether keys in software are real ones: for what foreign code takes in or makes.
    pub(crate) real_software: bool,
    /// Whether the token claims to have destroyed what it keeps.
    pub(crate) token_lies: bool,
}

/// A server that has begun to start; its committer must run for it to go on.
pub(crate) struct Starting {
    pub(crate) committer: Committer,
    site: Site,
    journal: Journal,
    changes: Arc<Changes>,
    clock: Arc<SimClock>,
    writer: String,
}

/// A started server.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) sequencer: Sequencer,
    pub(crate) journal: Journal,
    pub(crate) log: Arc<Log>,
    pub(crate) log_key: VerifierKey,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) time: Arc<SimTime>,
    pub(crate) writer: String,
}

impl Site {
    fn backend(&self, protection: Protection) -> Arc<SimBackend> {
        Arc::new(SimBackend {
            protection,
            token: self.token.clone(),
            chance: self.chance.clone(),
            time: self.time.clone(),
            hazards: self.hazards.clone(),
            lies: self.token_lies,
        })
    }

    /// Starts a server whose audit writer has that name.
    pub(crate) fn start(&self, writer: &str, config: JournalConfig) -> Starting {
        let clock = Arc::new(SimClock::new(self.time.clone(), self.ahead_ms));
        let changes = Arc::new(Changes::new(self.store.snapshot().order));
        let parts = hufu_journal::Parts {
            store: self.store.clone(),
            changes: changes.clone(),
            clock: clock.clone(),
            writer: writer.to_owned(),
        };
        let (journal, committer) = Journal::manual(config, parts);
        Starting { committer, site: self.clone(), journal, changes, clock, writer: writer.to_owned() }
    }
}

impl Starting {
    /// The committer, and what makes the server; the one must run for the other to go on.
    pub(crate) fn split(self) -> (Committer, impl Future<Output = Result<Server, String>> + Send + 'static) {
        let Self { committer, site, journal, changes, clock, writer } = self;
        (committer, boot(site, journal, changes, clock, writer))
    }
}

async fn boot(
    site: Site,
    journal: Journal,
    changes: Arc<Changes>,
    clock: Arc<SimClock>,
    writer: String,
) -> Result<Server, String> {
    let (split, token) = token_of(&site).await?;
    let software = site.backend(Protection::Software);
    let (store, rng): (Arc<dyn Store>, Arc<dyn Rng>) = (site.store.clone(), site.chance.clone());
    let bootstrap = Bootstrap {
        store: store.clone(),
        journal: journal.clone(),
        token: token.clone(),
        token_serial: if split.is_some() { CUSTODIANS } else { SERIAL }.to_owned(),
        more_roots: site.vault.iter().map(|token| vault(&site, token)).collect(),
        rng: rng.clone(),
        clock: clock.clone(),
        development: true,
        origin: site.origin.to_owned(),
        before_first: split.as_ref().and_then(SplitStart::before),
    };
    let foundation = lay_foundation(bootstrap).await.map_err(|error| error.to_string())?;
    let deployment = foundation.deployment;
    let key = deployment.log_public_key[SPKI_PREFIX_LEN..].try_into().unwrap();
    let log_key = VerifierKey::new(&deployment.log_origin, key).unwrap();
    let log = Arc::new(Log::open(store.clone(), log_key.clone(), foundation.keyring.clone()));
    let alarms = Arc::new(Alarms::new(clock.clone()));
    let sequencer = hufu_engine::sequencer::Parts {
        store: store.clone(),
        journal: journal.clone(),
        log: log.clone(),
        signer: token.clone(),
        log_key: foundation.log_key.clone(),
        clock: clock.clone(),
        holder: writer.clone(),
        outside: site.outside.clone(),
        alarms: alarms.clone(),
    };
    let sequencer = Sequencer::new(sequencer, SequencerConfig::default());
    let software: Arc<dyn KeyBackend> = match site.real_software {
        true => Arc::new(RealSoftware::new(foundation.keyring.clone(), rng.clone())),
        false => software,
    };
    let opener = SimOpener { inner: Opener::new(hufu_software::fresh, rng.clone()), asked: site.asked.clone() };
    let engine = Engine::new(hufu_engine::Parts {
        store,
        journal: journal.clone(),
        changes: changes.clone(),
        backends: backends(&site, [token.clone(), software.clone()]),
        verifier: software,
        policy: Arc::new(CachedPolicies::new(RolePolicies::new(), changes)),
        clock: clock.clone(),
        rng,
        keyring: foundation.keyring.clone(),
        deployment,
        ledger: Arc::new(Ledger::new(log.clone(), sequencer.status(), alarms.clone())),
        alarms: alarms.clone(),
        writer: writer.clone(),
        destroy_delay_ms_min: DESTROY_DELAY_MS_MIN,
    })
    .stating(token, foundation.log_key)
    .opening_shares(Arc::new(opener));
    let engine = with_custody(engine, site.ceremonies, split);
    let engine = as_holder(engine, site.holder).await.map_err(|error| error.to_string())?;
    engine.open_ceremonies().await.map_err(|error| error.to_string())?;
    engine.check_root_shares().await.map_err(|error| error.to_string())?;
    let keyring = foundation.keyring;
    Ok(Server { engine, sequencer, journal, log, log_key, alarms, keyring, clock, time: site.time, writer })
}

/// The token, or what takes its place where custodians hold the root together.
async fn token_of(site: &Site) -> Result<(Option<SplitStart>, Arc<dyn KeyBackend>), String> {
    let Some(split) = &site.split else { return Ok((None, site.backend(Protection::Hsm))) };
    let started = split.start(site).await?;
    let token = started.token.clone();
    Ok((Some(started), token))
}

fn with_custody(engine: Engine, ceremonies: Option<Grounds>, split: Option<SplitStart>) -> Engine {
    let engine = match ceremonies {
        Some(grounds) => engine.holding(grounds),
        None => engine,
    };
    match split.and_then(|split| split.held()) {
        Some(split) => engine.held_together(split),
        None => engine,
    }
}

async fn as_holder(engine: Engine, setup: Option<HolderSetup>) -> Result<Engine, hufu_core::Error> {
    match setup {
        Some(setup) => engine.as_holder(setup, &TenantId::parse("acme")?).await,
        None => Ok(engine),
    }
}

/// The token's and the software's, and that of holders where there are some.
fn backends(site: &Site, own: [Arc<dyn KeyBackend>; 2]) -> Vec<Arc<dyn KeyBackend>> {
    own.into_iter().chain(site.holders.iter().map(|holders| holders.clone() as _)).collect()
}

fn vault(site: &Site, token: &Arc<SimToken>) -> RootToken {
    let backend = Arc::new(SimBackend {
        protection: Protection::Hsm,
        token: token.clone(),
        chance: site.chance.clone(),
        time: site.time.clone(),
        hazards: site.hazards.clone(),
        lies: false,
    });
    RootToken { slot: "vault".to_owned(), serial: "sim-0002".to_owned(), backend }
}

impl Server {
    /// Registers the principals again that the database has: what configuration does at each start.
    pub(crate) async fn configure(&self, store: &SimStore) -> Result<(), hufu_core::Error> {
        let rows = store.snapshot().rows;
        for row in rows.get(&Collection::Principal).into_iter().flat_map(|rows| rows.values()) {
            let known = PrincipalRecord::from_row(row).unwrap();
            self.engine.register_principal(&known.tenant, &known.id, known.role, known.active, known.pin).await?;
        }
        Ok(())
    }
}
