//! System calls fail under a running SQLite store: what it has said stays true.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail by panicking and says what it skips")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hufu_core::changeset::Collection;
use hufu_core::store::{Page, Store};
use hufu_storage::{SqliteOptions, SqliteStore};

const GROUPS: u64 = 12;

fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples/commit_loop");
    assert!(program.exists(), "`cargo test` builds the example, unless it is told to run a single test file");
    program
}

/// Runs the loop under strace with these options; none when it cannot run here.
fn traced(database: &Path, then: &str, options: &[&str]) -> Option<(BTreeMap<u64, String>, String)> {
    let log = database.with_extension("strace");
    let mut command = Command::new("strace");
    command.args(["-f", "-o"]).arg(&log).args(options).arg(program()).arg(database).args([&GROUPS.to_string(), then]);
    let Ok(output) = command.output() else {
        println!("skipped: strace is not installed");
        return None;
    };
    let trace = fs::read_to_string(&log).unwrap_or_default();
    if !trace.contains('(') {
        println!("skipped: strace cannot trace here: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let told = String::from_utf8(output.stdout).unwrap();
    let told = told.lines().filter_map(|line| line.split_once(' '));
    Some((told.map(|(number, outcome)| (number.parse().unwrap(), outcome.to_owned())).collect(), trace))
}

/// Opens the database as it was left and compares.
async fn judge(database: &Path, told: &BTreeMap<u64, String>, fault: &str) {
    let store = SqliteStore::open(database, SqliteOptions { reserve_bytes: 0, ..SqliteOptions::default() }).await;
    let store = store.unwrap();
    let segments = store.segments(None, 1_000).await.unwrap();
    let rows = store.list(Collection::Key, "s", Page { after: None, limit: 1_000 }).await.unwrap();
    for (number, outcome) in told {
        let segment = segments.iter().any(|segment| segment.first_seq == *number);
        let row = rows.iter().any(|row| row.id == format!("{number:06}"));
        assert_eq!(row, segment && number.is_multiple_of(3), "{fault}: group {number} is whole or not there");
        match outcome.as_str() {
            "committed" => assert!(segment, "{fault}: group {number} was acknowledged and is gone"),
            "absent" => assert!(!segment, "{fault}: group {number} was denied and is there"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_was_said_stays_true_when_calls_fail() {
    let dir = tempfile::tempdir().unwrap();
    let mut failed = 0;
    let faults = [("fsync,fdatasync", "EIO", 24, 1), ("pwrite64", "EIO", 90, 7), ("pwrite64", "ENOSPC", 90, 7)];
    for (calls, error, calls_max, step) in faults {
        for (nth, then) in (2..calls_max).step_by(step).flat_map(|nth| [(nth, "stop"), (nth, "go")]) {
            let database = dir.path().join(format!("{calls}-{error}-{nth}-{then}.db"));
            let fault = format!("inject={calls}:error={error}:when={nth}");
            let options = ["-e", "trace=fsync,fdatasync,pwrite64", "-e", &fault];
            let Some((told, trace)) = traced(&database, then, &options) else { return };
            // A fault while the database is being made may leave none; the program says so and stops.
            if trace.contains("(INJECTED)") && !told.is_empty() {
                failed += 1;
                judge(&database, &told, &format!("{fault} {then}")).await;
            }
        }
    }
    assert!(failed > 40, "only {failed} faults took effect");
}

/// Each line of the program's output comes after a synchronisation that ended well since the line before.
#[test]
fn nothing_is_acknowledged_before_it_is_synchronised() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("order.db");
    let Some((told, trace)) = traced(&database, "go", &["-e", "trace=fsync,fdatasync,write"]) else { return };
    assert_eq!(told.len() as u64, GROUPS);
    let mut synchronised = 0;
    let mut acknowledged = 0;
    for line in trace.lines() {
        if line.contains("sync(") && line.ends_with("= 0") || line.contains("sync resumed") && line.ends_with("= 0") {
            synchronised += 1;
        } else if line.contains("write(1, ") {
            assert!(synchronised > 0, "group {acknowledged} was acknowledged without a synchronisation");
            (synchronised, acknowledged) = (0, acknowledged + 1);
        }
    }
    assert_eq!(acknowledged, GROUPS);
}
