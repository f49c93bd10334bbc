//! Clients that create, rotate, revoke and sign, each with keys of its own, until the server dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hufu_sdk::{Client, Data, KeyRef, NewKey, v1};
use hufu_softhsm_tests::{Chance, Daemon, LogWitness};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::book::{Book, Change, Failed};

/// Keys that a client keeps using.
const KEYS_MAX: usize = 6;
/// Before the next attempt after an error.
const PAUSE: Duration = Duration::from_millis(20);

/// Clients at work.
pub(crate) struct Load {
    tasks: JoinSet<()>,
    witness: Arc<Mutex<LogWitness>>,
}

/// Begins, with clients that wait so long for an answer. Someone watches the log meanwhile, as `witness`.
pub(crate) fn start(
    daemon: &Daemon,
    (clients, patience): (usize, Duration),
    chance: &mut Chance,
    book: &Arc<Book>,
    witness: &LogWitness,
) -> Load {
    let mut tasks = JoinSet::new();
    for worker in 0..clients {
        let client = daemon.client("admin").with_timeout(patience);
        tasks.spawn(work(client, worker, chance.fork(), book.clone()));
    }
    let witness = Arc::new(Mutex::new(witness.clone()));
    tasks.spawn(watch(daemon.client("auditor"), witness.clone()));
    Load { tasks, witness }
}

impl Load {
    /// Ends it, and hands back what the witness saw last.
    pub(crate) async fn end(mut self) -> LogWitness {
        self.tasks.shutdown().await;
        self.witness.lock().await.clone()
    }
}

async fn watch(client: Client, witness: Arc<Mutex<LogWitness>>) {
    while witness.lock().await.note_newest(&client).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn work(client: Client, worker: usize, mut chance: Chance, book: Arc<Book>) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut mine: Vec<String> = Vec::new();
    loop {
        let roll = chance.below(100);
        let known = chance.pick(&mine).cloned();
        let (key, done) = match known {
            Some(key) if roll >= 30 => (key.clone(), sign(&client, &key, &mut chance, &book).await),
            Some(key) if roll >= 18 => (key.clone(), rotate(&client, &key, &book).await),
            Some(key) if roll >= 8 => (key.clone(), revoke(&client, &key, &mut chance, &book).await),
            _ => {
                let key = format!("w{worker}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
                mine.push(key.clone());
                (key.clone(), create(&client, &key, &mut chance, &book).await)
            }
        };
        match done {
            Ok(()) => {}
            Err(Failed::Gone) => return,
            // What became of the change is open, so the key is left alone until it is judged.
            Err(Failed::Answered) => {
                mine.retain(|other| *other != key);
                tokio::time::sleep(PAUSE).await;
            }
        }
        if mine.len() > KEYS_MAX {
            mine.remove(0);
        }
    }
}

async fn create(client: &Client, key: &str, chance: &mut Chance, book: &Book) -> Result<(), Failed> {
    let (algorithm, protection) = match chance.below(4) {
        0 => (v1::Algorithm::Ed25519, v1::Protection::Software),
        1 => (v1::Algorithm::Sm2, v1::Protection::Software),
        _ => (v1::Algorithm::P256, v1::Protection::Hsm),
    };
    book.with(key, |page| page.protection = protection);
    book.begin(key, Change::Create);
    let result = client.create_key(NewKey::new(key, algorithm, protection)).await.map(drop);
    conclude(book, key, Change::Create, result)
}

async fn rotate(client: &Client, key: &str, book: &Book) -> Result<(), Failed> {
    book.begin(key, Change::Rotate);
    let result = client.rotate_key(&name(key)).await.map(drop);
    conclude(book, key, Change::Rotate, result)
}

async fn revoke(client: &Client, key: &str, chance: &mut Chance, book: &Book) -> Result<(), Failed> {
    let reasons = [v1::RevocationReason::KeyCompromise, v1::RevocationReason::Superseded];
    let reason = chance.pick(&reasons).copied().unwrap();
    // Only a version that still protects: others may have been revoked before.
    let Some(version) = book.with(key, |page| active(&page.states)) else { return Ok(()) };
    let change = Change::Revoke { version, reason };
    book.begin(key, change);
    let result = client.revoke_key_version(&name(key).at(version as u64), reason, None).await.map(drop);
    conclude(book, key, change, result)
}

async fn sign(client: &Client, key: &str, chance: &mut Chance, book: &Book) -> Result<(), Failed> {
    let Some(version) = book.with(key, |page| active(&page.states)) else { return Ok(()) };
    let message = format!("{key}/{version}/{}", chance.below(u64::MAX)).into_bytes();
    book.with(key, |page| page.signatures.entry(version).or_default().asked += 1);
    let result = client.sign(&name(key), Data::Message(&message), v1::SignatureFormat::Der).await;
    match result {
        Ok(answer) => {
            assert!(answer.key_version.ends_with(&format!("/versions/{version}")), "{}", answer.key_version);
            book.with(key, |page| {
                let signatures = page.signatures.entry(version).or_default();
                signatures.acknowledged += 1;
                signatures.last = Some(message);
            });
            Ok(())
        }
        Err(error) => Err(book.fail(&error)),
    }
}

fn conclude(book: &Book, key: &str, change: Change, result: Result<(), hufu_sdk::Error>) -> Result<(), Failed> {
    match result {
        Ok(()) => {
            book.end(key, change);
            Ok(())
        }
        Err(error) => Err(book.fail(&error)),
    }
}

/// The newest version, if it is active.
fn active(states: &[v1::KeyState]) -> Option<usize> {
    (states.last() == Some(&v1::KeyState::Active)).then_some(states.len())
}

fn name(key: &str) -> KeyRef {
    key.parse().unwrap()
}
