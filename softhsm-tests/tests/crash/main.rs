//! SIGKILL at any moment under load: after the restart everything that was acknowledged is in the state, the audit and
//! the ledger, and the three tell the same.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod book;
mod judge;
mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_softhsm_tests::{Chance, Daemon};
use tokio::runtime::Runtime;

use book::Book;
use judge::Seen;

const ROUNDS: usize = 10;
const CLIENTS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(20);
/// Load lasts between so many milliseconds and so many more.
const LOAD_MS_MIN: u64 = 150;
const LOAD_MS_SPREAD: u64 = 1_100;

#[test]
fn nothing_acknowledged_is_lost_by_sigkill() {
    let mut chance = Chance::announced("crash");
    let runtime = Runtime::new().unwrap();
    let mut daemon = Daemon::start_dev();
    let book = Arc::new(Book::default());
    let mut seen = runtime.block_on(async { Seen::first(&daemon.client("admin")).await });
    for round in 1..=ROUNDS {
        let pause = Duration::from_millis(LOAD_MS_MIN + chance.below(LOAD_MS_SPREAD));
        let load =
            runtime.block_on(async { load::start(&daemon, (CLIENTS, PATIENCE), &mut chance, &book, &seen.witness) });
        std::thread::sleep(pause);
        let stopped = daemon.kill();
        seen.witness = runtime.block_on(load.end());
        assert_eq!(book.take_failures(), Vec::<String>::new(), "answers under load");
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
