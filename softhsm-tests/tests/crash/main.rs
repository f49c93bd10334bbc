//! SIGKILL at any moment under load: after the restart everything that was acknowledged is in the state, the audit and
//! the ledger, and the three tell the same.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod book;
mod judge;
mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_softhsm_tests::{Chance, Daemon, LogWitness, Trail};
use tokio::runtime::Runtime;

use book::Book;

const ROUNDS: usize = 10;
const CLIENTS: usize = 8;
/// Load lasts between so many milliseconds and so many more.
const LOAD_MS_MIN: u64 = 150;
const LOAD_MS_SPREAD: u64 = 1_100;

/// What outsiders have seen, from round to round.
struct Seen {
    witness: LogWitness,
    trail: Trail,
}

#[test]
fn nothing_acknowledged_is_lost_by_sigkill() {
    let mut chance = Chance::announced("crash");
    let runtime = Runtime::new().unwrap();
    let mut daemon = Daemon::start_dev();
    let book = Arc::new(Book::default());
    let mut seen = runtime.block_on(async {
        let client = daemon.client("admin");
        // The first event of the log brings its first checkpoint.
        judge::create_judge(&client).await;
        Seen { witness: LogWitness::first(&client).await, trail: Trail::default() }
    });
    for round in 1..=ROUNDS {
        let pause = Duration::from_millis(LOAD_MS_MIN + chance.below(LOAD_MS_SPREAD));
        let load = runtime.block_on(async { load::start(&daemon, CLIENTS, &mut chance, &book, &seen.witness) });
        std::thread::sleep(pause);
        let stopped = daemon.kill();
        seen.witness = runtime.block_on(load.end());
        let begin = Instant::now();
        daemon = stopped.start();
        let restarted = begin.elapsed();
        let told = runtime.block_on(judge::round(&daemon, &book, &mut seen, round == ROUNDS));
        judge::commands(&daemon);
        println!(
            "round {round}: killed after {pause:?}, started in {restarted:?}, judged in {:?}: {told}",
            begin.elapsed()
        );
    }
}
