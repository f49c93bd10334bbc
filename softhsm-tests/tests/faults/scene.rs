//! A server on a token that fails by script, callers, and what must hold in every phase.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_sdk::{Client, v1};
use hufu_softhsm_tests::{Chance, ConfigBuilder, Daemon, Faults, Stopped, Storage, wait_until};
use tokio::runtime::Runtime;

use crate::book::{Book, Key};
use crate::callers::Callers;
use crate::phases::Phase;

/// Callers that sign.
pub(crate) const SIGNERS: usize = 6;
/// What the issue wants is 1 s; a busy machine may need more.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// How long a phase waits for its first fault, beyond its own time.
const STRUCK_WITHIN: Duration = Duration::from_secs(30);
/// Quiet after all keys have signed again, before the next phase.
const BETWEEN: Duration = Duration::from_millis(50);
/// Reasons that a caller may be given while the token fails.
const FAIR: &[&str] = &["BACKEND_UNAVAILABLE", "DEADLINE_EXCEEDED", "OVERLOADED"];

/// Everything of one test.
pub(crate) struct Scene {
    pub(crate) runtime: Runtime,
    pub(crate) daemon: Daemon,
    pub(crate) faults: Faults,
    pub(crate) book: Arc<Book>,
    chance: Chance,
    callers: Option<Callers>,
}

/// Signatures of several keys of each kind.
pub(crate) const ALL: &[(&str, v1::Algorithm)] = &[
    ("p256-a", v1::Algorithm::P256),
    ("p256-b", v1::Algorithm::P256),
    ("p256-c", v1::Algorithm::P256),
    ("ed25519-a", v1::Algorithm::Ed25519),
    ("ed25519-b", v1::Algorithm::Ed25519),
    ("rsa", v1::Algorithm::Rsa3072),
];

impl Scene {
    /// Starts a server of four sessions with these keys; with a line of configuration that this `hufud` does not know, the
    /// test is skipped.
    pub(crate) fn start(test: &str, keys: &[(&str, v1::Algorithm)], token_line: &str) -> Option<Self> {
        let faults = Faults::new();
        let daemon = start(test, &faults, token_line)?;
        let runtime = Runtime::new().unwrap();
        let book = Arc::new(Book::new(runtime.block_on(async { create(&daemon.client("admin"), keys).await })));
        Some(Self { runtime, daemon, faults, book, chance: Chance::announced(test), callers: None })
    }

    /// Some callers begin to sign.
    pub(crate) fn call(&mut self) {
        self.call_with(SIGNERS, false);
    }

    /// So many callers begin to sign, and one to make keys if wanted.
    pub(crate) fn call_with(&mut self, signers: usize, makes_keys: bool) {
        let _inside = self.runtime.enter();
        let callers = Callers::start(&self.daemon, signers, makes_keys, &mut self.chance, &self.book);
        self.callers = Some(callers);
    }

    /// Runs one phase, and waits until every key signs again.
    pub(crate) fn run(&mut self, phase: &Phase) {
        let signed = self.book.acknowledged();
        self.faults.script(&format!("seed {}\n{}", self.chance.below(u64::MAX), phase.script));
        std::thread::sleep(phase.time);
        // On a busy machine it may take longer until chance strikes.
        let struck = || self.faults.calls().iter().any(|call| call.is_injected()).then_some(());
        assert!(wait_until(STRUCK_WITHIN, struck).is_some(), "{}: nothing went wrong", phase.name);
        self.faults.calm();
        self.book.calm();
        let signed = self.book.acknowledged() - signed;
        let back = wait_until(BACK_WITHIN, || self.book.all_back_after());
        let (failures, calls) = (self.book.take_failures(), self.faults.take_calls());
        let injected = calls.iter().filter(|call| call.is_injected()).count();
        let name = phase.name;
        println!("{name}: {injected} faults, {signed} signatures, refused {failures:?}, back after {back:?}");
        let wrong = self.book.wrong();
        assert!(wrong.is_empty(), "{name}: {} wrong signatures, such as {:?}", wrong.len(), wrong.first());
        assert!(back.is_some(), "{name}: not every key signs again within {BACK_WITHIN:?}");
        assert!(!calls.iter().any(|call| call.is_refused_pin()), "{name}: the PIN was refused");
        let unfair: Vec<_> = failures.keys().filter(|reason| !FAIR.contains(&reason.as_str())).collect();
        assert!(unfair.is_empty(), "{name}: {unfair:?}");
        std::thread::sleep(BETWEEN);
    }

    /// Stops the server and starts it again on the same directory.
    pub(crate) fn restart(self) -> Daemon {
        let daemon = self.daemon.terminate().start();
        builder(&self.faults, "").write_profiles(&daemon);
        daemon
    }

    /// Ends the callers.
    pub(crate) fn hang_up(&mut self) {
        if let Some(callers) = self.callers.take() {
            self.runtime.block_on(callers.end());
        }
    }
}

/// A server of four sessions behind a module that fails by script.
pub(crate) fn start(test: &str, faults: &Faults, token_line: &str) -> Option<Daemon> {
    let unknown = |stopped: &Stopped| stopped.log().contains("unknown field");
    match Daemon::try_start_config(&builder(faults, token_line)) {
        Ok(daemon) => Some(daemon),
        Err(stopped) if unknown(&stopped) => {
            println!("skipped: {test}: this `hufud` does not know `{token_line}`");
            None
        }
        Err(stopped) => panic!("`hufud` did not become ready: {}", stopped.log()),
    }
}

fn builder(faults: &Faults, token_line: &str) -> ConfigBuilder {
    let builder = ConfigBuilder::new(Storage::Sqlite).through(faults);
    builder.with_token_line("sessions = 4").with_token_line(token_line)
}

async fn create(client: &Client, keys: &[(&str, v1::Algorithm)]) -> Vec<Key> {
    let mut created = Vec::new();
    for (name, algorithm) in keys {
        created.push(Key::create(client, name, *algorithm).await);
    }
    created
}

/// No alarm, and everything well.
pub(crate) async fn settled(client: &Client) {
    let status = well(client).await;
    assert!(status.alarms.is_empty(), "{:?}", status.alarms);
}

/// Waits until no intent is open, nothing on the token is unknown, and everything is well.
pub(crate) async fn well(client: &Client) -> v1::Status {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let status = client.status().await.expect("the status");
        let reconciler = status.reconciler.unwrap_or_default();
        if (reconciler.open_intents, reconciler.unknown_objects) == (0, 0) {
            assert!(status.quarantined_keys.is_empty(), "{:?}", status.quarantined_keys);
            assert_eq!(status.ledger.as_ref().map(v1::LedgerStatus::health), Some(v1::Health::Ok));
            let well = status.backends.iter().all(|backend| backend.health() == v1::Health::Ok);
            assert!(well, "{:?}", status.backends);
            return status;
        }
        assert!(Instant::now() < end, "{reconciler:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
