//! A database with its ledger, and servers that sequence it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::ambient::Clock;
use hufu_core::audit::AuditEntry;
use hufu_core::backend::{BackendError, Capabilities, Health, KeyBackend, KeyHandle, Operation, Outcome, SignInput};
use hufu_core::changes::Changes;
use hufu_core::changeset::RowSeal as _;
use hufu_core::changeset::{Changeset, Collection, FeedItem, Row, Subject, Write};
use hufu_core::policy::Action;
use hufu_core::record::{Locator, Protection, VersionUid};
use hufu_engine::Integrity;
use hufu_engine::alarms::Alarms;
use hufu_engine::ledger::Ledger;
use hufu_engine::sequencer::{OutsideCheckpoint, OutsideError, Parts, Sequencer, SequencerConfig, SequencerError};
use hufu_journal::{Journal, JournalConfig, JournalThread};
use hufu_log::{Log, leaf_row_id, leaf_scope};
use hufu_secret::SecretBytes;
use hufu_storage::{Fault, MemoryState, MemoryStore};
use hufu_tlog::{Checkpoint, VerifierKey, leaf_hash};
use hufu_verify::{Event, Leaf, Report, RevocationReason, key_id_for_public_key, verify_bundle};
use parking_lot::Mutex;

pub(crate) const ORIGIN: &str = "hufu.test/ledger";

/// A clock that is moved by hand.
#[derive(Default)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000 + self.0.load(Ordering::SeqCst)
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A token that signs with Ed25519, remembers what it has signed, and can be told to fail.
pub(crate) struct Signer {
    key: Ed25519KeyPair,
    pub(crate) signed: Mutex<Vec<String>>,
    pub(crate) failing: AtomicBool,
}

impl KeyBackend for Signer {
    fn name(&self) -> &str {
        "test"
    }

    fn protection(&self) -> Protection {
        Protection::Software
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn perform<'a>(&'a self, operation: Operation<'a>, _: Instant) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move {
            let Operation::Sign(_, SignInput::Message(message)) = operation else {
                return Err(BackendError::Unsupported("only signing".into()));
            };
            if self.failing.load(Ordering::SeqCst) {
                return Err(BackendError::Unavailable("told to fail".into()));
            }
            self.signed.lock().push(String::from_utf8(message.to_vec()).unwrap());
            Ok(Outcome::Bytes(self.key.sign(message).as_ref().to_vec()))
        })
    }

    fn health(&self) -> Health {
        Health::Serving
    }
}

/// A place outside the database, which can be told to fail.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) note: Mutex<Option<String>>,
    pub(crate) failing: AtomicBool,
}

impl OutsideCheckpoint for Outside {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>, OutsideError>> {
        Box::pin(async move { Ok(self.note.lock().clone()) })
    }

    fn store<'a>(&'a self, note: &'a str) -> BoxFuture<'a, Result<(), OutsideError>> {
        Box::pin(async move {
            if self.failing.load(Ordering::SeqCst) {
                return Err(OutsideError::Unwritable("told to fail".into()));
            }
            *self.note.lock() = Some(note.to_owned());
            Ok(())
        })
    }
}

/// What outlives every server: the database, the token, the clock.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) signer: Arc<Signer>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) faults: Arc<Mutex<VecDeque<Fault>>>,
    pub(crate) outside: Arc<Outside>,
    starts: u64,
    /// Last leaf of each key.
    keys: BTreeMap<u8, Leaf>,
}

/// One start of a server.
pub(crate) struct Server {
    pub(crate) sequencer: Arc<Sequencer>,
    pub(crate) ledger: Ledger,
    pub(crate) journal: Journal,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) writer: String,
    _thread: JournalThread,
}

/// The tag of the service's own rows.
fn seal() -> Integrity {
    Integrity::new(&SecretBytes::from_slice(&[3; 32]))
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(MemoryStore::new())
    }

    pub(crate) fn shared() -> Self {
        Self::over(MemoryStore::new().shared())
    }

    fn over(store: MemoryStore) -> Self {
        let faults: Arc<Mutex<VecDeque<Fault>>> = Arc::default();
        let planned = faults.clone();
        store.set_faults(move |_: &[Changeset]| planned.lock().pop_front().unwrap_or_default());
        Self {
            store: Arc::new(store),
            signer: Arc::new(Signer {
                key: Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap(),
                signed: Mutex::default(),
                failing: AtomicBool::new(false),
            }),
            clock: Arc::default(),
            faults,
            outside: Arc::default(),
            starts: 0,
            keys: BTreeMap::new(),
        }
    }

    pub(crate) fn verifier_key(&self) -> VerifierKey {
        VerifierKey::new(ORIGIN, self.signer.key.public_key().as_ref().try_into().unwrap()).unwrap()
    }

    /// A server that has not started its sequencer yet, with its own place outside.
    pub(crate) async fn server_with(&mut self, outside: Arc<Outside>) -> Server {
        use hufu_core::store::Store as _;
        self.starts += 1;
        let writer = format!("w{}", self.starts);
        let changes = Arc::new(Changes::new(self.store.order().await.unwrap()));
        let parts = hufu_journal::Parts {
            store: self.store.clone(),
            changes,
            clock: self.clock.clone(),
            writer: writer.clone(),
        };
        let (journal, thread) = Journal::start(JournalConfig::default(), parts).unwrap();
        let log = Arc::new(Log::open(self.store.clone(), self.verifier_key(), Arc::new(seal())));
        let alarms = Arc::new(Alarms::new(self.clock.clone()));
        let uid = VersionUid([1; 16]);
        let log_key = KeyHandle {
            uid,
            algorithm: Algorithm::Ed25519,
            scheme: Scheme::Ed25519,
            locator: Locator::Token { serial: "1".into(), uid, fingerprint: None },
            binding: Arc::new([]),
            public_key: None,
            distinguishing_id: None,
        };
        let parts = Parts {
            store: self.store.clone(),
            journal: journal.clone(),
            log: log.clone(),
            signer: self.signer.clone(),
            log_key,
            clock: self.clock.clone(),
            holder: writer.clone(),
            outside,
            alarms: alarms.clone(),
        };
        let config = SequencerConfig { batch_max: 4, checkpoint_ms_min: 1, ..SequencerConfig::default() };
        let sequencer = Arc::new(Sequencer::new(parts, config));
        let ledger = Ledger::new(log, sequencer.status(), alarms.clone());
        Server { sequencer, ledger, journal, alarms, writer, _thread: thread }
    }

    pub(crate) async fn server(&mut self) -> Server {
        self.server_with(self.outside.clone()).await
    }

    pub(crate) fn spki(key: u8) -> Vec<u8> {
        vec![0x30, 0x03, 0x01, 0x01, key]
    }

    pub(crate) fn ledger_id(key: u8) -> [u8; 32] {
        key_id_for_public_key(ORIGIN, &Self::spki(key))
    }

    /// Commits the next event of a key through a server's journal. Answers whether it was committed.
    pub(crate) async fn event(&mut self, server: &Server, key: u8) -> bool {
        let leaf = self.next_leaf(key);
        let (id, scope) = (leaf_row_id(&Self::ledger_id(key), leaf.sequence), leaf_scope(&Self::ledger_id(key)));
        let body = leaf.encode().unwrap();
        let row = Row { collection: Collection::Leaf, id, scope, due: None, revision: 1, body, tag: Vec::new() };
        let row = seal().seal(row);
        let changeset = Changeset {
            feed: vec![FeedItem { subject: Subject::new("key"), leaf: Some(row.id.clone()) }],
            writes: vec![Write::Put(row)],
            ..Changeset::audit_only(record())
        };
        let committed = server.journal.reserve().unwrap().commit(changeset).await.is_ok();
        if committed {
            self.keys.insert(key, leaf);
        }
        committed
    }

    fn next_leaf(&self, key: u8) -> Leaf {
        let last = self.keys.get(&key);
        let sequence = last.map_or(0, |leaf| leaf.sequence + 1);
        let event = match sequence {
            0 => Event::Register,
            1 => Event::Activate,
            n if n % 2 == 0 => Event::Suspend,
            _ => Event::Resume,
        };
        Leaf {
            origin: ORIGIN.into(),
            sequence,
            previous: last.map(|leaf| leaf_hash(&leaf.encode().unwrap()).0),
            event,
            key_id: Some(Self::ledger_id(key)),
            algorithm: None,
            at: self.clock.now_ms(),
            not_before: None,
            not_after: None,
            reason: (event == Event::Suspend).then_some(RevocationReason::CertificateHold),
            compromised_at: None,
            evidence: [key; 32],
            extensions: BTreeMap::new(),
        }
    }

    /// Proves every key, checks each bundle offline, and that the token never signed two roots of one size.
    pub(crate) async fn check(&self, server: &Server) {
        for (key, last) in &self.keys {
            let report = self.prove(server, *key).await;
            assert_eq!(report.events.len() as u64, last.sequence + 1);
            assert_eq!(report.last_event, last.event);
        }
        let mut roots = BTreeMap::new();
        for text in self.signer.signed.lock().iter() {
            let checkpoint = Checkpoint::parse(text).unwrap();
            let root = *roots.entry(checkpoint.size).or_insert(checkpoint.root);
            assert_eq!(root, checkpoint.root, "two roots of size {}", checkpoint.size);
        }
    }

    pub(crate) async fn prove(&self, server: &Server, key: u8) -> Report {
        let soon = Instant::now() + Duration::from_secs(20);
        let spki = Self::spki(key);
        let (bundle, _) = server.ledger.prove(&Self::ledger_id(key), Some(&spki), soon).await.unwrap();
        verify_bundle(&bundle, &self.verifier_key()).unwrap()
    }

    pub(crate) fn snapshot(&self) -> MemoryState {
        self.store.snapshot()
    }
}

impl Server {
    /// Steps until there is nothing left, over passing failures.
    pub(crate) async fn drain(&self) {
        for _ in 0..10_000 {
            match self.sequencer.step().await {
                Ok(progress) if progress.sequenced == 0 && !progress.more => return,
                Ok(_) => {}
                Err(error) => assert!(!error.is_fatal(), "{error}"),
            }
        }
        panic!("the sequencer does not come to an end");
    }

    pub(crate) async fn halts(&self) -> SequencerError {
        let error = loop {
            match self.sequencer.step().await {
                Err(error) if error.is_fatal() => break error,
                Err(_) => {}
                Ok(progress) => assert!(progress.more, "it went on"),
            }
        };
        assert!(self.ledger.halted().is_some());
        assert_eq!(self.alarms.all().len(), 1);
        assert!(matches!(self.sequencer.step().await, Err(SequencerError::Halted(_))));
        error
    }

    /// Records something that is not on the ledger.
    pub(crate) async fn record(&self) {
        self.journal.reserve().unwrap().commit(Changeset::audit_only(record())).await.unwrap();
    }
}

fn record() -> AuditEntry {
    AuditEntry::done(0, AuditEntry::system(), Action::Announce, "test")
}
