//! Signatures without end while the token fails in every way that it can tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::policy::Action;
use hufu_sdk::{Client, v1};
use hufu_softhsm_tests::{Chance, ConfigBuilder, Daemon, Faults, Storage, Trail, wait_until};
use tokio::runtime::Runtime;

use crate::book::{Book, Key};
use crate::callers::{Callers, sign_once};
use crate::phases::{Phase, TOLD};

/// How many signatures a soak has at least; without it, each phase comes once.
const SIZE: &str = "HUFU_SOAK";
const SIGNERS: usize = 6;
/// What the issue wants is 1 s; a busy machine may need more.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// Quiet after a key has signed again, before the next phase.
const BETWEEN: Duration = Duration::from_millis(50);
/// Reasons that a caller may be given while the token fails.
const FAIR: &[&str] = &["BACKEND_UNAVAILABLE", "DEADLINE_EXCEEDED", "OVERLOADED"];

#[test]
fn told_faults_give_no_wrong_signature_and_lose_nothing() {
    let faults = Faults::new();
    let builder = ConfigBuilder::new(Storage::Sqlite).through(&faults).with_token_line("sessions = 4");
    let daemon = Daemon::start_config(&builder);
    let runtime = Runtime::new().unwrap();
    let book = Arc::new(Book::new(runtime.block_on(async { keys(&daemon.client("admin")).await })));
    let mut chance = Chance::announced("faults");
    let callers = runtime.block_on(async { Callers::start(&daemon, SIGNERS, true, &mut chance, &book) });
    let size = std::env::var(SIZE).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let begin = Instant::now();
    loop {
        for phase in TOLD {
            run(phase, &mut chance, &faults, &book);
        }
        if book.acknowledged() >= size {
            break;
        }
    }
    runtime.block_on(callers.end());
    println!("{} signatures in {:?}, {} faults injected", book.acknowledged(), begin.elapsed(), faults.injected());
    faults.assert_no_pin_was_refused();
    runtime.block_on(judge(&daemon, &book));
}

async fn keys(client: &Client) -> Vec<Key> {
    let algorithms = [
        ("p256-a", v1::Algorithm::P256),
        ("p256-b", v1::Algorithm::P256),
        ("p256-c", v1::Algorithm::P256),
        ("ed25519-a", v1::Algorithm::Ed25519),
        ("ed25519-b", v1::Algorithm::Ed25519),
        ("rsa", v1::Algorithm::Rsa3072),
    ];
    let mut keys = Vec::new();
    for (name, algorithm) in algorithms {
        keys.push(Key::create(client, name, algorithm).await);
    }
    keys
}

/// Runs one phase, and waits until every key signs again.
fn run(phase: &Phase, chance: &mut Chance, faults: &Faults, book: &Book) {
    let (signed, injected) = (book.acknowledged(), faults.injected());
    faults.script(&format!("seed {}\n{}", chance.below(u64::MAX), phase.script));
    std::thread::sleep(phase.time);
    faults.calm();
    book.calm();
    let (signed, injected) = (book.acknowledged() - signed, faults.injected() - injected);
    let back = wait_until(BACK_WITHIN, || book.all_back_after());
    let failures = book.take_failures();
    println!("{}: {injected} faults, {signed} signatures, refused {failures:?}, back after {back:?}", phase.name);
    assert!(back.is_some(), "{}: not every key signs again within {BACK_WITHIN:?}", phase.name);
    assert!(injected > 0, "{}: nothing went wrong", phase.name);
    assert_eq!(book.wrong(), Vec::<String>::new(), "{}", phase.name);
    let unfair: Vec<_> = failures.keys().filter(|reason| !FAIR.contains(&reason.as_str())).collect();
    assert!(unfair.is_empty(), "{}: {unfair:?}", phase.name);
    std::thread::sleep(BETWEEN);
}

/// Everything that was acknowledged is there, and nothing else is.
async fn judge(daemon: &Daemon, book: &Book) {
    let client = daemon.client("admin");
    let trail = Trail::export(&client).await;
    for key in &book.keys {
        let page = book.page(key);
        let own = format!("tenants/dev/keys/{}/versions/1", key.name);
        let records: Vec<_> = trail.done(Action::Sign, &own).collect();
        let inputs: BTreeSet<_> = records.iter().filter_map(|record| record.entry.input_mac.as_deref()).collect();
        println!(
            "`{}`: {} asked, {} acknowledged, {} in the audit",
            key.name,
            page.asked,
            page.acknowledged,
            records.len()
        );
        assert!(
            inputs.len() as u64 >= page.acknowledged,
            "`{}`: {} of {}",
            key.name,
            inputs.len(),
            page.acknowledged
        );
        assert!(records.len() as u64 <= page.asked, "`{}`: {} of {}", key.name, records.len(), page.asked);
    }
    for name in book.all_created() {
        let own = format!("tenants/dev/keys/{name}/versions/1");
        assert_eq!(trail.done(Action::CreateKey, &own).count(), 1, "`{name}`");
        let key = Key::read(&client, name).await;
        sign_once(&client, &key, book).await.expect("an acknowledged key signs");
    }
    assert_eq!(book.wrong(), Vec::<String>::new());
    println!("{} keys were made meanwhile", book.all_created().len());
    settled(&client).await;
}

/// No alarm, no open intent, nothing unknown on the token, and everything well.
async fn settled(client: &Client) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let status = client.status().await.expect("the status");
        let reconciler = status.reconciler.unwrap_or_default();
        if (reconciler.open_intents, reconciler.unknown_objects) == (0, 0) {
            assert!(status.alarms.is_empty() && status.quarantined_keys.is_empty(), "{:?}", status.alarms);
            assert_eq!(status.ledger.map(|ledger| ledger.health()), Some(v1::Health::Ok));
            assert!(
                status.backends.iter().all(|backend| backend.health() == v1::Health::Ok),
                "{:?}",
                status.backends
            );
            return;
        }
        assert!(Instant::now() < end, "{reconciler:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
