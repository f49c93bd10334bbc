//! Clients that sign as fast as they can and note when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hufu_sdk::{Client, Data, KeyRef, v1};
use tokio::task::JoinSet;

/// After a refusal: a server that refuses answers much faster than one that signs.
const PAUSE: Duration = Duration::from_millis(2);
const WARM_UP: Duration = Duration::from_millis(100);

/// One attempt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    /// The version that signed, or the reason of the refusal.
    pub(crate) answer: Result<String, String>,
}

/// Signers at work on a key.
pub(crate) struct Signers {
    tasks: JoinSet<Vec<Attempt>>,
    stop: Arc<AtomicBool>,
    signed: Arc<AtomicU64>,
}

impl Signers {
    /// So many on each of the servers. Call it on a runtime.
    pub(crate) fn start(clients: &[Client], each: usize, key: &KeyRef) -> Self {
        let mut signers = Self { tasks: JoinSet::new(), stop: Arc::default(), signed: Arc::default() };
        for client in clients.iter().flat_map(|client| std::iter::repeat_n(client, each)) {
            let (stop, signed) = (signers.stop.clone(), signers.signed.clone());
            signers.tasks.spawn(sign_on(client.clone(), key.clone(), stop, signed));
        }
        signers
    }

    /// Waits until all are at work: there are so many signatures, and some time has passed.
    pub(crate) async fn at_work(&self) {
        tokio::time::sleep(WARM_UP).await;
        while self.signed.load(Ordering::SeqCst) < 2 * self.tasks.len() as u64 {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Ends them; all their attempts in the order in which they ended.
    pub(crate) async fn stop(self) -> Vec<Attempt> {
        self.stop.store(true, Ordering::SeqCst);
        let mut attempts = self.tasks.join_all().await.concat();
        attempts.sort_by_key(|attempt| attempt.ended);
        attempts
    }
}

/// Signs once.
pub(crate) async fn sign(client: &Client, key: &KeyRef) -> Attempt {
    let began = Instant::now();
    let answer = client.sign(key, Data::Message(b"message"), v1::SignatureFormat::Der).await;
    let ended = Instant::now();
    let answer = match answer {
        Ok(signed) => Ok(signed.key_version),
        Err(error) => Err(error.reason().map_or_else(|| format!("{error:?}"), str::to_owned)),
    };
    Attempt { began, ended, answer }
}

async fn sign_on(client: Client, key: KeyRef, stop: Arc<AtomicBool>, signed: Arc<AtomicU64>) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let attempt = sign(&client, &key).await;
        match attempt.answer {
            Ok(_) => drop(signed.fetch_add(1, Ordering::SeqCst)),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        attempts.push(attempt);
    }
    attempts
}

/// The attempts that gave a signature.
pub(crate) fn signed(attempts: &[Attempt]) -> impl Iterator<Item = &Attempt> {
    attempts.iter().filter(|attempt| attempt.answer.is_ok())
}
