//! Two tokens that hold the same keys: one of them dies under load, comes back, and the other one dies.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking and tells what it saw"
)]

mod load;
mod tokens;

use std::time::Duration;

use hufu_softhsm_tests::{ConfigBuilder, Daemon, Storage, wait_until};
use load::Load;
use tokens::{Token, is_level, missing, serials};

const SOON: Duration = Duration::from_secs(60);
const REPLICABLE: &str = "--algorithm p256 --protection hsm --exit replicable";

fn signs(daemon: &Daemon, key: &str) {
    let cli = daemon.cli("admin");
    cli.ok(&format!("sign {key} --in message --out signature"));
    cli.ok(&format!("verify {key} --in message --sig signature"));
}

fn in_a_group(copies: u32) -> ConfigBuilder {
    ConfigBuilder::new(Storage::Sqlite).with_group(copies)
}

/// The same service again.
fn restarted(daemon: Daemon) -> Daemon {
    let daemon = daemon.terminate().start();
    in_a_group(1).write_profiles(&daemon);
    daemon
}

fn started(copies: u32) -> Daemon {
    let daemon = Daemon::start_config(&in_a_group(copies));
    daemon.cli("admin").write("message", b"message");
    assert!(wait_until(SOON, || is_level(&daemon).then_some(())).is_some(), "{}", daemon.log());
    daemon
}

#[test]
fn a_token_that_dies_under_load_costs_no_request_and_is_brought_level() {
    let daemon = started(1);
    let cli = daemon.cli("admin");
    cli.ok(&format!("key create before {REPLICABLE}"));
    let [first, second] = serials(&daemon).map(|serial| Token::new(&daemon, serial));
    for (gone, other, made) in [(&second, &first, "meanwhile"), (&first, &second, "later")] {
        let load = Load::start(&daemon, "before", 8);
        load.await_signatures(200);
        gone.take_away();
        load.await_signatures(400);
        cli.ok(&format!("key create {made} {REPLICABLE}"));
        assert!(missing(&daemon, &gone.serial) >= 1, "the new key is on one token alone");
        load.await_signatures(400);
        gone.bring_back();
        let level = wait_until(SOON, || is_level(&daemon).then_some(()));
        assert!(level.is_some(), "{}\n{}", cli.ok("hsm status"), daemon.log());
        load.await_signatures(200);
        let seen = load.end();
        println!("{} signatures, the slowest after {:?}, none lost", seen.signatures, seen.slowest);
        // What was made meanwhile is on the token that was away: it signs alone.
        other.take_away();
        signs(&daemon, made);
        signs(&daemon, "before");
        other.bring_back();
        assert!(wait_until(SOON, || is_level(&daemon).then_some(())).is_some(), "{}", daemon.log());
    }
    println!("{}", cli.ok("hsm status"));
}

/// A driver that dies is replaced in a moment: nobody needs to take anything away for that.
#[test]
fn a_worker_killed_again_and_again_costs_no_request() {
    let daemon = started(2);
    daemon.cli("admin").ok(&format!("key create busy {REPLICABLE}"));
    let tokens = serials(&daemon).map(|serial| Token::new(&daemon, serial));
    let load = Load::start(&daemon, "busy", 8);
    for round in 0..6 {
        load.await_signatures(150);
        let token = &tokens[round % 2];
        token.kill_worker();
        assert!(wait_until(SOON, || token.serves(&daemon).then_some(())).is_some(), "{}", daemon.log());
    }
    let seen = load.end();
    println!("{} signatures, the slowest after {:?}, none lost", seen.signatures, seen.slowest);
}

/// Calls that are with it wait for their share of the time; all others go elsewhere.
#[test]
fn a_token_that_hangs_costs_no_request() {
    let daemon = started(2);
    daemon.cli("admin").ok(&format!("key create patient {REPLICABLE}"));
    let [first, _] = serials(&daemon).map(|serial| Token::new(&daemon, serial));
    let load = Load::start(&daemon, "patient", 8);
    load.await_signatures(200);
    first.stop_worker();
    load.await_signatures(400);
    let replaced = wait_until(SOON, || daemon.log().contains("says nothing").then_some(()));
    assert!(replaced.is_some(), "{}", daemon.log());
    assert!(wait_until(SOON, || first.serves(&daemon).then_some(())).is_some(), "{}", daemon.log());
    load.await_signatures(200);
    let seen = load.end();
    println!("{} signatures, the slowest after {:?}, none lost", seen.signatures, seen.slowest);
}

#[test]
fn the_service_starts_without_one_of_its_tokens() {
    let daemon = started(1);
    let cli = daemon.cli("admin");
    cli.ok(&format!("key create precious {REPLICABLE}"));
    let tree_size = |daemon: &Daemon| daemon.cli("admin").json("status")["ledger"]["tree_size"].as_u64().unwrap();
    let log = daemon.log();
    // SoftHSM wraps no Edwards keys: the log key is on one token, which the log names.
    assert!(!log.contains("unknown-object"), "the group's key is known for what it is: {log}");
    let line = log.lines().find(|line| line.contains("log key") && line.contains("alone")).expect("a warning");
    let [first, second] = serials(&daemon);
    let (home, other) = if line.contains(&first) { (first, second) } else { (second, first) };
    let away = Token::new(&daemon, other);
    away.hide();
    let daemon = restarted(daemon);
    signs(&daemon, "precious");
    let before = tree_size(&daemon);
    daemon.cli("admin").ok(&format!("key create another {REPLICABLE}"));
    let anchored = wait_until(SOON, || (tree_size(&daemon) > before).then_some(()));
    assert!(anchored.is_some(), "the ledger goes on: {}", daemon.log());
    away.bring_back();
    assert!(wait_until(SOON, || is_level(&daemon).then_some(())).is_some(), "{}", daemon.log());
    // Without the log key's token the service serves, and the ledger waits.
    let home = Token::new(&daemon, home);
    home.hide();
    let daemon = restarted(daemon);
    signs(&daemon, "another");
    let before = tree_size(&daemon);
    daemon.cli("admin").ok(&format!("key create waiting {REPLICABLE}"));
    home.bring_back();
    let anchored = wait_until(SOON, || (tree_size(&daemon) > before).then_some(()));
    assert!(anchored.is_some(), "the ledger goes on when its key is back: {}", daemon.log());
}

#[test]
fn a_destroyed_key_does_not_come_back_with_a_token() {
    let daemon = started(1);
    let cli = daemon.cli("admin");
    cli.ok(&format!("key create doomed {REPLICABLE}"));
    cli.ok(&format!("key create kept {REPLICABLE}"));
    let [first, second] = serials(&daemon).map(|serial| Token::new(&daemon, serial));
    let objects = |token: &Token| token.objects().len();
    let both = (objects(&first), objects(&second));
    second.take_away();
    cli.ok("key revoke doomed --reason superseded --yes");
    cli.ok("key schedule-destroy doomed@1 --after 0s --yes");
    let state = |wanted: &str| (cli.json("key show doomed@1")["state"] == wanted).then_some(());
    assert!(wait_until(SOON, || state("destroying")).is_some(), "{}", daemon.log());
    let deleted = wait_until(SOON, || (objects(&first) < both.0).then_some(()));
    assert!(deleted.is_some(), "the token that answers has deleted it");
    assert!(state("destroying").is_some(), "but it is not destroyed while a token may hold it");
    cli.refused("WRONG_STATE", "sign doomed@1 --in message --out signature");
    second.bring_back();
    assert!(wait_until(SOON, || state("destroyed")).is_some(), "{}", daemon.log());
    assert!(wait_until(SOON, || is_level(&daemon).then_some(())).is_some(), "{}", daemon.log());
    assert!(objects(&second) < both.1, "the token that came back has deleted it too");
    assert!(objects(&first) < both.0, "and has not brought it back");
    signs(&daemon, "kept");
}

#[test]
fn a_key_that_needs_two_tokens_is_not_made_on_one() {
    let daemon = started(2);
    let cli = daemon.cli("admin");
    let [first, second] = serials(&daemon).map(|serial| Token::new(&daemon, serial));
    second.take_away();
    let before = first.objects();
    let run = cli.run(&format!("--timeout 5s key create wanted {REPLICABLE}"));
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("BACKEND_UNAVAILABLE"), "{}", run.stderr);
    // What the last try had no time to take back, the reconciler does, two minutes later.
    let gone = wait_until(3 * SOON, || (first.objects() == before).then_some(()));
    assert!(gone.is_some(), "nothing is left of it");
    second.bring_back();
    let made = wait_until(SOON, || {
        (cli.run(&format!("--timeout 5s key create wanted {REPLICABLE}")).code == 0).then_some(())
    });
    assert!(made.is_some(), "{}", daemon.log());
    signs(&daemon, "wanted");
    let edwards = cli.fails(3, "key create edwards --algorithm ed25519 --protection hsm --exit replicable");
    assert!(edwards.contains("KeyNotWrappable") && edwards.contains("UNSUPPORTED_BY_BACKEND"), "{edwards}");
    cli.ok("key create lonely --algorithm ed25519 --protection hsm");
    signs(&daemon, "lonely");
}

#[test]
fn a_service_with_one_token_may_be_given_a_group() {
    let daemon = Daemon::start_config(&ConfigBuilder::new(Storage::Sqlite));
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    cli.ok("key create old --algorithm p256 --protection hsm");
    let refused = cli.fails(3, &format!("key create early {REPLICABLE}"));
    assert!(refused.contains("no keys that are replicable"), "{refused}");
    let stopped = daemon.terminate();
    let before = std::fs::read_to_string(stopped.scratch().join("hufu.toml")).unwrap();
    ConfigBuilder::grow(&stopped);
    let daemon = stopped.start();
    in_a_group(2).write_profiles(&daemon);
    assert!(
        daemon.log().contains("\"key\":\"root key\""),
        "it is told that the root key is on one token: {}",
        daemon.log()
    );
    signs(&daemon, "old");
    daemon.cli("admin").ok(&format!("key create new {REPLICABLE}"));
    let [first, second] = serials(&daemon).map(|serial| Token::new(&daemon, serial));
    first.take_away();
    signs(&daemon, "new");
    let alone = daemon.cli("admin").run("--timeout 2s sign old --in message --out signature");
    assert_ne!(alone.code, 0, "the old key is on the token that is away");
    first.bring_back();
    second.take_away();
    let back = wait_until(SOON, || {
        (daemon.cli("admin").run("--timeout 2s sign old --in message --out signature").code == 0).then_some(())
    });
    assert!(back.is_some(), "{}", daemon.log());
    signs(&daemon, "new");
    second.bring_back();
    // On the way back the group's keys are nobody's.
    let stopped = daemon.terminate();
    std::fs::write(stopped.scratch().join("hufu.toml"), before).unwrap();
    let daemon = stopped.start();
    in_a_group(2).write_profiles(&daemon);
    signs(&daemon, "old");
    let lost = daemon.cli("admin").run("--timeout 2s sign new --in message --out signature");
    assert_ne!(lost.code, 0, "a key of the group is not the token's");
}
