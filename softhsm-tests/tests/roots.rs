//! Root slots on two SoftHSM tokens: either opens what the service keeps, a dead one is moved away from, and a cut move goes on.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use hufu_softhsm_tests::{
    Cli, ConfigBuilder, Daemon, Stopped, Storage, Tool, hufud, scratch_postgres, softhsm_module, wait_until,
};
use serde_json::Value;

const DISK: &str = "softhsm/tokens";
/// The service tries a missing token every five seconds; nothing here depends on how fast it then is.
const LONG: Duration = Duration::from_secs(120);

/// A server with one token and keys in software and on it, stopped, and a second root slot in its configuration.
fn two_slots(builder: &ConfigBuilder) -> (Stopped, [String; 2]) {
    let daemon = Daemon::start_config(builder);
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    cli.ok("key create soft --algorithm p256 --protection software");
    cli.ok("key create seal --algorithm aes256-gcm --protection software");
    cli.ok("key create hard --algorithm p256 --protection hsm");
    cli.ok("encrypt seal --in message --out sealed");
    let first = status(&cli)["backends"][0]["token_serial"].as_str().unwrap_or_default().to_owned();
    let stopped = daemon.terminate();
    let first = if first.is_empty() { serial(&stopped, "e2e") } else { first };
    let second = second_token(&stopped);
    let config = stopped.scratch().join("hufu.toml");
    let root = format!(
        "[[root]]\nslot = \"vault\"\n[root.token]\nmodule = {:?}\nserial = \"{second}\"\npin.file = \"data/pin\"\n",
        softhsm_module()
    );
    fs::write(&config, fs::read_to_string(&config).unwrap() + &root).unwrap();
    (stopped, [first, second])
}

fn second_token(base: &Stopped) -> String {
    let pin = fs::read_to_string(base.dir().join("pin")).unwrap();
    let pin = pin.trim();
    Tool::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "vault", "--pin", pin, "--so-pin", pin])
        .env("SOFTHSM2_CONF", base.dir().join("softhsm/softhsm2.conf"))
        .ok();
    serial(base, "vault")
}

fn serial(base: &Stopped, label: &str) -> String {
    let conf = base.dir().join("softhsm/softhsm2.conf");
    let slots = Tool::new("softhsm2-util").args(["--show-slots"]).env("SOFTHSM2_CONF", &conf).ok();
    let mut serial = "";
    for line in slots.lines() {
        if let Some((_, value)) = line.split_once("Serial number:") {
            serial = value.trim();
        }
        if line.split_once("Label:").is_some_and(|(_, value)| value.trim() == label) {
            return serial.to_owned();
        }
    }
    panic!("no token `{label}`: {slots}");
}

/// Where SoftHSM keeps a token: the directory's name ends with its serial number.
fn disk_of(base: &Stopped, serial: &str) -> PathBuf {
    let mut dirs = fs::read_dir(base.dir().join(DISK)).unwrap().map(|entry| entry.unwrap().path());
    let is_it = |dir: &PathBuf| dir.file_name().unwrap().to_string_lossy().replace('-', "").ends_with(serial);
    dirs.find(is_it).unwrap()
}

fn take_away(base: &Stopped, serial: &str) -> (PathBuf, PathBuf) {
    let (from, to) = (disk_of(base, serial), base.scratch().join(format!("gone-{serial}")));
    fs::rename(&from, &to).unwrap();
    (from, to)
}

fn start(stopped: Stopped, builder: &ConfigBuilder) -> Daemon {
    let daemon = stopped.start();
    builder.write_profiles(&daemon);
    daemon
}

/// SoftHSM lists a token as none while it is in the middle of what a killed process began on its files: tried again, as a
/// service manager does.
fn start_again(mut stopped: Stopped) -> Daemon {
    for _ in 0..20 {
        match stopped.try_start() {
            Ok(daemon) => return daemon,
            Err(refused) => stopped = refused,
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    panic!("`hufud` does not start any more: {}", stopped.log());
}

fn status(cli: &Cli) -> Value {
    cli.json("status")
}

/// Slot, state, health, and how many wrapping keys are not under it.
fn roots(cli: &Cli) -> Vec<(String, String, String, u64)> {
    let status = status(cli);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = status["roots"].as_array().unwrap().iter();
    told.map(|r| (text(&r["slot"]), text(&r["state"]), text(&r["health"]), r["lacking"].as_u64().unwrap())).collect()
}

fn row(slot: &str, state: &str, health: &str, lacking: u64) -> (String, String, String, u64) {
    (slot.to_owned(), state.to_owned(), health.to_owned(), lacking)
}

/// The software keys work: their wrapping keys open.
fn software_works(cli: &Cli) {
    cli.ok("sign soft --in message --out signature");
    cli.ok("verify soft --in message --sig signature");
    cli.ok("decrypt seal --in sealed --out opened");
    assert_eq!(cli.read("opened"), b"message");
}

fn hufud_root(scratch: &Path, line: &str) -> Command {
    let mut command = Command::new(hufud());
    command.arg("root").args(line.split_whitespace());
    command.args(["--config", "hufu.toml", "--log", "error"]).current_dir(scratch);
    command.env("SOFTHSM2_CONF", scratch.join("data/softhsm/softhsm2.conf")).stdin(Stdio::null());
    command
}

fn root(scratch: &Path, line: &str) -> Output {
    hufud_root(scratch, line).output().unwrap()
}

fn root_ok(scratch: &Path, line: &str) -> String {
    let output = root(scratch, line);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{line}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn root_fails(scratch: &Path, line: &str, why: &str) {
    let output = root(scratch, line);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{line}: {told}");
    assert!(told.contains(why), "{line}: {told}");
}

#[test]
fn either_token_is_enough_and_a_returned_one_serves_without_a_restart() {
    let builder = ConfigBuilder::new(Storage::Sqlite);
    let (stopped, [first, second]) = two_slots(&builder);
    let daemon = start(stopped, &builder);
    let cli = daemon.cli("admin");
    assert_eq!(roots(&cli), [row("token", "active", "ok", 0), row("vault", "active", "ok", 0)]);
    assert!(status(&cli)["simulated"].as_array().unwrap().contains(&format!("token:{second}").into()));
    software_works(&cli);

    // The first token is gone: root and log key, and every key of protection `hsm`.
    let stopped = daemon.terminate();
    let (place, gone) = take_away(&stopped, &first);
    let daemon = start(stopped, &builder);
    let cli = daemon.cli("admin");
    software_works(&cli);
    cli.ok("key create later --algorithm ed25519 --protection software");
    cli.ok("sign later --in message --out signature");
    let refused = cli.run("sign hard --in message --out nothing");
    assert!(refused.stderr.contains("(BACKEND_UNAVAILABLE)"), "{}", refused.stderr);
    let refused = cli.run("key create more --algorithm p256 --protection hsm");
    assert!(refused.stderr.contains("(BACKEND_UNAVAILABLE)"), "{}", refused.stderr);
    assert_eq!(roots(&cli)[0], row("token", "active", "failed", 0));
    let alarm = || {
        let status = status(&cli);
        let alarms = status["alarms"].as_array().unwrap().clone();
        alarms.iter().any(|a| a["kind"] == "ROOT_MISSING" && a["resource"] == "root/token").then_some(())
    };
    assert!(wait_until(LONG, alarm).is_some(), "a missing token is an alarm");

    // It is back: found without a restart, and the ledger goes on.
    fs::rename(gone, place).unwrap();
    let works = || (cli.run("sign hard --in message --out signature").code == 0).then_some(());
    assert!(wait_until(LONG, works).is_some(), "the token is found again");
    let proven = || (cli.run("ledger prove later@1 --out bundle").code == 0).then_some(());
    assert!(wait_until(LONG, proven).is_some(), "the ledger goes on");
    let level = || (roots(&cli)[0] == row("token", "active", "ok", 0)).then_some(());
    assert!(wait_until(LONG, level).is_some(), "{:?}", roots(&cli));

    // The second one gone is told of, and nothing else happens.
    let stopped = daemon.terminate();
    take_away(&stopped, &second);
    let daemon = start(stopped, &builder);
    let cli = daemon.cli("admin");
    software_works(&cli);
    cli.ok("sign hard --in message --out signature");
    assert_eq!(roots(&cli)[1], row("vault", "active", "failed", 0));
    // Both gone: there is no service.
    let stopped = daemon.terminate();
    take_away(&stopped, &first);
    let refused = stopped.try_start().unwrap_err();
    assert!(refused.log().contains("the root token"), "{}", refused.log());
}

#[test]
fn a_move_leaves_nothing_on_the_old_slot_and_destroys_its_key_only_when_told() {
    let builder = ConfigBuilder::new(Storage::Sqlite);
    let (stopped, [first, _]) = two_slots(&builder);
    let config = stopped.scratch().join("hufu.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("e2e.db", "misspelt.db")).unwrap();
    root_fails(stopped.scratch(), "show", "the database holds no installation");
    fs::write(&config, text).unwrap();
    root_fails(stopped.scratch(), "move --from token --to nowhere", "there is no root slot `nowhere`");
    root_fails(
        stopped.scratch(),
        "destroy-key --slot token --yes",
        "only the root key of a retired one is destroyed",
    );
    let told = root_ok(stopped.scratch(), "move --from token --to vault");
    assert!(told.contains("3 keys open under the new slot"), "{told}");
    assert!(told.contains("token: retired, wraps 0 of 3 keys"), "{told}");
    assert!(told.contains("vault: active, wraps 3 of 3 keys"), "{told}");
    // Not confirmed, not done.
    root_fails(stopped.scratch(), "destroy-key --slot token", "not confirmed");
    root_fails(stopped.scratch(), "move --from vault --to token", "is retired");
    let told = root_ok(stopped.scratch(), "destroy-key --slot token --yes");
    assert!(told.contains("token: destroyed"), "{told}");
    assert!(root_ok(stopped.scratch(), "move --from token --to vault").contains("nothing rests on the old slot"));

    // The token itself goes on: its log key signs, and the keys on it.
    let daemon = start(stopped, &builder);
    // On SQLite the work waits for the server to be stopped.
    root_fails(daemon.scratch(), "show", "");
    let cli = daemon.cli("admin");
    software_works(&cli);
    cli.ok("sign hard --in message --out signature");
    assert_eq!(roots(&cli)[1], row("vault", "active", "ok", 0));
    let stopped = daemon.terminate();
    take_away(&stopped, &first);
    let daemon = start(stopped, &builder);
    software_works(&daemon.cli("admin"));
}

#[test]
fn a_dead_token_is_moved_away_from() {
    let builder = ConfigBuilder::new(Storage::Sqlite).in_process();
    let (stopped, [first, _]) = two_slots(&builder);
    // Level first, while it lives.
    let stopped = start(stopped, &builder).terminate();
    take_away(&stopped, &first);
    let told = root_ok(stopped.scratch(), "move --from token --to vault");
    assert!(told.contains("token: retired, wraps 0 of 3 keys") && told.contains("missing"), "{told}");
    root_fails(stopped.scratch(), "destroy-key --slot token --yes", "the key's backend cannot do this now");
    let daemon = start(stopped, &builder);
    let cli = daemon.cli("admin");
    software_works(&cli);
    assert_eq!(roots(&cli)[1], row("vault", "active", "ok", 0));
}

/// Killed wherever it happens to be; the engine's own tests end it after every commit.
#[test]
fn a_killed_move_goes_on_where_it_was() {
    let builder = ConfigBuilder::new(Storage::Sqlite);
    let (mut stopped, _) = two_slots(&builder);
    for lines in 0..4 {
        let mut child = hufud_root(stopped.scratch(), "move --from token --to vault")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..lines {
            told.next();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let daemon = start_again(stopped);
        builder.write_profiles(&daemon);
        software_works(&daemon.cli("admin"));
        stopped = daemon.kill();
    }
    let told = root_ok(stopped.scratch(), "move --from token --to vault");
    assert!(told.contains("token: retired, wraps 0 of 3 keys"), "{told}");
    software_works(&start(stopped, &builder).cli("admin"));
}

#[test]
fn on_postgresql_a_server_runs_on_while_its_root_is_moved() {
    let Some(schema) = scratch_postgres("moving a root slot") else { return };
    let builder = ConfigBuilder::new(Storage::from(&schema));
    let (stopped, [first, _]) = two_slots(&builder);
    let daemon = start(stopped, &builder);
    let cli = daemon.cli("admin");
    software_works(&cli);
    let told = root_ok(daemon.scratch(), "move --from token --to vault --destroy-root-key --yes");
    assert!(told.contains("token: destroyed, wraps 0 of 3 keys"), "{told}");
    software_works(&cli);
    cli.ok("key create later --algorithm p256 --protection software");
    let heard = || (roots(&cli)[0].1 == "destroyed").then_some(());
    assert!(wait_until(LONG, heard).is_some(), "{:?}", roots(&cli));
    cli.ok("audit verify");
    let stopped = daemon.terminate();
    take_away(&stopped, &first);
    software_works(&start(stopped, &builder).cli("admin"));
}

/// A new root key on the same token, killed wherever it happens to be.
#[test]
fn a_root_key_is_rotated_on_its_token_and_a_killed_rotation_goes_on() {
    let builder = ConfigBuilder::new(Storage::Sqlite);
    let (mut stopped, [_, second]) = two_slots(&builder);
    root_fails(stopped.scratch(), "rotate --slot nowhere", "there is no root slot `nowhere`");
    for lines in 0..4 {
        let mut child = hufud_root(stopped.scratch(), "rotate --slot token")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..lines {
            told.next();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let daemon = start_again(stopped);
        builder.write_profiles(&daemon);
        software_works(&daemon.cli("admin"));
        stopped = daemon.kill();
        // Another one would be a rotation of its own.
        if root_ok(stopped.scratch(), "show").contains("token: retired") {
            break;
        }
    }
    let shown = root_ok(stopped.scratch(), "show");
    if !shown.contains("token: retired, wraps 0 of 3 keys") {
        root_ok(stopped.scratch(), "rotate --slot token");
    }
    let shown = root_ok(stopped.scratch(), "show");
    assert!(shown.contains("token: retired, wraps 0 of 3 keys"), "{shown}");
    assert!(shown.contains("token/2: active, wraps 3 of 3 keys"), "{shown}");
    root_fails(stopped.scratch(), "destroy-key --slot token", "not confirmed");
    let told = root_ok(stopped.scratch(), "destroy-key --slot token --yes");
    assert!(told.contains("token: destroyed"), "{told}");
    // The new root key alone carries everything.
    take_away(&stopped, &second);
    let daemon = start(stopped, &builder);
    let cli = daemon.cli("admin");
    software_works(&cli);
    cli.ok("sign hard --in message --out signature");
    cli.ok("audit verify");
    assert!(roots(&cli).contains(&row("token/2", "active", "ok", 0)), "{:?}", roots(&cli));
}

#[test]
fn on_postgresql_a_server_runs_on_while_its_root_key_is_rotated() {
    let Some(schema) = scratch_postgres("rotating a root key") else { return };
    let builder = ConfigBuilder::new(Storage::from(&schema));
    let (stopped, [_, second]) = two_slots(&builder);
    take_away(&stopped, &second);
    let daemon = start(stopped, &builder);
    let cli = daemon.cli("admin");
    software_works(&cli);
    let told = root_ok(daemon.scratch(), "rotate --slot token");
    assert!(told.contains("token/2: active, wraps 3 of 3 keys"), "{told}");
    root_ok(daemon.scratch(), "destroy-key --slot token --yes");
    software_works(&cli);
    // What it makes now is under the root key that it has never been told of.
    cli.json("tenant rotate-key --yes --wait 3m");
    software_works(&cli);
    let heard = || roots(&cli).contains(&row("token/2", "active", "ok", 0)).then_some(());
    assert!(wait_until(LONG, heard).is_some(), "{:?}", roots(&cli));
    cli.ok("audit verify");
    software_works(&start(daemon.terminate(), &builder).cli("admin"));
}
