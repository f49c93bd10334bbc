//! Callers that sign with every key, and one that makes keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hufu_sdk::{Client, Data, KeyRef, NewKey, v1};
use hufu_softhsm_tests::{Chance, Daemon};
use tokio::task::JoinSet;

use crate::book::{Book, Key};

/// For one signature. Shorter than the shortest pause of the client between two attempts, so that each call is one
/// attempt.
const PATIENCE: Duration = Duration::from_millis(900);
/// For a new key, with all repetitions under one request id.
const PATIENCE_TO_CREATE: Duration = Duration::from_secs(8);
/// After a failure.
const PAUSE: Duration = Duration::from_millis(5);
/// Before a new key, for each key that there is: SoftHSM gets slower with every object, and a long soak is about signatures.
const PAUSE_TO_CREATE: Duration = Duration::from_millis(100);

/// Callers at work.
pub(crate) struct Callers(JoinSet<()>);

impl Callers {
    /// So many that sign, and one that makes keys if wanted.
    pub(crate) fn start(
        daemon: &Daemon,
        signers: usize,
        makes_keys: bool,
        chance: &mut Chance,
        book: &Arc<Book>,
    ) -> Self {
        let mut tasks = JoinSet::new();
        for _ in 0..signers {
            let client = daemon.client("admin").with_timeout(PATIENCE);
            tasks.spawn(sign(client, chance.fork(), Arc::clone(book)));
        }
        if makes_keys {
            let client = daemon.client("admin").with_timeout(PATIENCE_TO_CREATE);
            tasks.spawn(create(client, Arc::clone(book)));
        }
        Self(tasks)
    }

    /// Ends them; one that has panicked fails the test.
    pub(crate) async fn end(mut self) {
        self.0.abort_all();
        while let Some(ended) = self.0.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

/// Signs a message that was never signed before; answers whether that went well.
pub(crate) async fn sign_once(client: &Client, key: &Key, book: &Book) -> Result<(), hufu_sdk::Error> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let message = format!("message {}", NEXT.fetch_add(1, Ordering::Relaxed)).into_bytes();
    let asked_at = Instant::now();
    book.asked(key);
    let answer = client.sign(&key.name, Data::Message(&message), v1::SignatureFormat::Der).await?;
    book.signed(key, asked_at, &message, &answer.signature);
    Ok(())
}

async fn sign(client: Client, mut chance: Chance, book: Arc<Book>) {
    loop {
        let key = chance.pick(&book.keys).unwrap();
        if let Err(error) = sign_once(&client, key, &book).await {
            book.failed(&error);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn create(client: Client, book: Arc<Book>) {
    for number in 0u32.. {
        tokio::time::sleep(PAUSE_TO_CREATE * (number + 1)).await;
        let name = format!("made-{number}");
        match client.create_key(NewKey::new(&name, v1::Algorithm::P256, v1::Protection::Hsm)).await {
            Ok(_) => book.created(name.parse::<KeyRef>().unwrap()),
            Err(error) => book.failed(&error),
        }
    }
}
