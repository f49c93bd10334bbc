//! The token's driver lives in a process of its own: its death is not the service's, and the service's death is its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::{Duration, Instant};

use hufu_softhsm_tests::{ConfigBuilder, Daemon, Storage, Tool, wait_until};

/// Name of a process in `/proc`: at most 15 bytes, which this has.
const WORKER: &str = "hufu-hsm-worker";
const SOON: Duration = Duration::from_secs(10);

/// The workers of a process, by proc_pid_stat(5).
fn workers_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        stat.contains(&format!("({WORKER})")) && fields.split(' ').nth(1) == Some(&parent.to_string())
    })
    .collect()
}

fn worker_of(daemon: &Daemon) -> u32 {
    let workers = workers_of(daemon.pid());
    assert_eq!(workers.len(), 1, "one worker");
    workers.first().copied().unwrap()
}

fn ends(pid: u32) -> bool {
    wait_until(SOON, || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let ended = !stat.contains(WORKER) || stat.contains(") Z ");
        ended.then_some(())
    })
    .is_some()
}

#[test]
fn the_service_outlives_its_driver() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    cli.ok("key create precious --algorithm p256 --protection hsm");
    let mut old = worker_of(&daemon);
    // Not SEGV or BUS: those are fatal only when an instruction raises them again, after the runtime has looked for a stack
    // overflow.
    for signal in ["-KILL", "-ABRT", "-FPE"] {
        Tool::new("kill").args([signal, &old.to_string()]).ok();
        let began = Instant::now();
        let new = wait_until(SOON, || workers_of(daemon.pid()).into_iter().find(|pid| *pid != old));
        println!("{signal}: a new worker after {:?}", began.elapsed());
        old = new.expect("a new worker");
        let signed = wait_until(SOON, || {
            let signed = cli.run("sign precious --in message --out signature");
            (signed.code == 0).then_some(())
        });
        assert!(signed.is_some(), "{signal}: {}", daemon.log());
        cli.ok("verify precious --in message --sig signature");
    }
    assert!(daemon.log().contains("was ended by signal 6"), "{}", daemon.log());
}

#[test]
fn a_service_killed_leaves_no_worker() {
    let daemon = Daemon::start_dev();
    let worker = worker_of(&daemon);
    let stopped = daemon.kill();
    assert!(ends(worker), "the worker outlived a service that was killed");
    let again = stopped.start();
    let worker = worker_of(&again);
    again.terminate();
    assert!(ends(worker), "the worker outlived a service that stopped");
}

#[test]
fn a_driver_in_the_service_needs_no_worker() {
    let daemon = Daemon::start_config(&ConfigBuilder::new(Storage::Sqlite).in_process());
    assert!(workers_of(daemon.pid()).is_empty());
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    cli.ok("key create precious --algorithm p256 --protection hsm");
    cli.ok("sign precious --in message --out signature");
    cli.ok("verify precious --in message --sig signature");
}
