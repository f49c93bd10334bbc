//! Calls on the database's files fail, once or from then on, under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_sdk::{Client, Data, NewKey, v1};
use hufu_softhsm_tests::{Chance, Daemon, Strace};
use tokio::runtime::Runtime;

use crate::book::Book;
use crate::judge::{self, Seen};
use crate::load;

const CLIENTS: usize = 4;
/// Shorter than a disk fails, so that callers hear of it.
const PATIENCE: Duration = Duration::from_millis(700);
const LOAD: Duration = Duration::from_millis(1_800);
const RECOVERED_WITHIN: Duration = Duration::from_secs(15);
/// What a caller may be told when the disk fails. The token of SoftHSM lies on it too.
const REASONS: [&str; 4] = ["STORAGE_UNAVAILABLE", "BACKEND_UNAVAILABLE", "OVERLOADED", "DEADLINE_EXCEEDED"];

/// SQLite syncs with either, as it was built.
const SYNC: &str = "fsync,fdatasync";

/// Calls, error, and which of the calls of a thread fail (strace's `when`).
const FAULTS: &[(&str, &str, &str)] = &[
    (SYNC, "EIO", "2"),
    (SYNC, "EIO", "5+7"),
    (SYNC, "EIO", "3+"),
    ("pwrite64", "EIO", "4"),
    ("pwrite64", "EIO", "9+5"),
    ("pwrite64", "ENOSPC", "6+"),
];

#[test]
fn nothing_acknowledged_is_lost_when_the_disk_fails() {
    let mut chance = Chance::announced("failing disk");
    let runtime = Runtime::new().unwrap();
    let mut daemon = Daemon::start_dev();
    let mut seen = runtime.block_on(async {
        let client = daemon.client("admin");
        client.create_key(NewKey::new("probe", v1::Algorithm::P256, v1::Protection::Hsm)).await.unwrap();
        Seen::first(&client).await
    });
    let book = Arc::new(Book::default());
    for (call, error, when) in FAULTS {
        let fault = format!("inject={call}:error={error}:when={when}");
        let trace = format!("trace={call}");
        let arguments = ["-e", trace.as_str(), "-e", fault.as_str()];
        let Some(strace) = Strace::attach("a failing disk", daemon.pid(), daemon.scratch(), &arguments) else {
            return;
        };
        let load =
            runtime.block_on(async { load::start(&daemon, (CLIENTS, PATIENCE), &mut chance, &book, &seen.witness) });
        std::thread::sleep(LOAD);
        seen.witness = runtime.block_on(load.end());
        let injected = strace.detach().iter().filter(|call| call.injected).count();
        assert!(injected > 0, "{fault}: the fault did not happen");
        let failures = book.take_failures();
        assert!(failures.iter().all(|reason| REASONS.contains(&reason.as_str())), "{fault}: {failures:?}");
        let after = runtime.block_on(async { recovered(&daemon.client("admin")).await });
        daemon = daemon.kill().start();
        let told = runtime.block_on(judge::round(&daemon, &book, &mut seen, false));
        judge::commands(&daemon);
        println!("{fault}: {injected} calls failed, callers were told {failures:?}; {after}; {told}");
    }
}

/// With the disk whole again: either keys are used again, or they are refused for a documented reason.
async fn recovered(client: &Client) -> String {
    let (begin, key) = (Instant::now(), "probe".parse().unwrap());
    loop {
        let error = match client.sign(&key, Data::Message(b"probe"), v1::SignatureFormat::Der).await {
            Ok(_) => return format!("recovered after {:?}", begin.elapsed()),
            Err(error) => error,
        };
        let reason = error.reason().map(str::to_owned);
        assert!(reason.as_deref().is_some_and(|reason| REASONS.contains(&reason)), "{error:?}");
        if begin.elapsed() > RECOVERED_WITHIN {
            return format!("keys stay refused: {reason:?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
