//! SIGKILL while a recovery is executed, at one sync of the database after the other: the key comes back and is rotated once, and
//! neither shares nor targets stay behind.

use std::time::Duration;

use hufu_core::changeset::Collection;
use hufu_sdk::v1::ceremony;
use hufu_softhsm_tests::{Chance, Database, Strace, wait_until};
use tokio::runtime::Runtime;

use crate::desk::Scene;
use crate::{give, ready};

/// Nothing here depends on how fast it is.
const LONG: Duration = Duration::from_secs(300);
/// SQLite syncs with either, as it was built.
const SYNC: &str = "fsync,fdatasync";
/// From one kill to the next, in syncs.
const STRIDE: u64 = 6;

#[test]
fn a_recovery_goes_on_wherever_the_server_is_killed() {
    let runtime = Runtime::new().unwrap();
    let mut scene = Scene::new();
    // Each run takes other syncs.
    let first = 1 + Chance::announced("a recovery that is killed").below(STRIDE);
    for round in 1.. {
        let sync = first + (round - 1) * STRIDE;
        let key = format!("archive{round}");
        prepare(&scene, round, &key);
        let Some((next, killed)) = execute(&runtime, scene, round, sync) else { return };
        scene = next;
        scene.wait_for(round, "executed");
        let cli = scene.cli();
        cli.ok(&format!("decrypt {key} --in {key}.sealed --out opened"));
        assert_eq!(cli.read("opened"), b"what must not be lost");
        let newest = cli.json(&format!("key show {key}"));
        assert_eq!(newest["latest_version"]["version"], 2, "it is rotated once: {newest}");
        println!("killed at sync {sync}: {killed}");
        if !killed {
            assert!(round > 1, "it was never killed");
            break;
        }
    }
    let stopped = scene.daemon.terminate();
    let database = Database::at(stopped.scratch().join("e2e.db"));
    let rows = |collection: Collection| {
        database.sql(&format!("SELECT id FROM record WHERE collection = {}", collection.code()))
    };
    let shares = rows(Collection::CeremonyFile).into_iter().filter(|id| id.starts_with("share/"));
    assert_eq!((shares.count(), rows(Collection::Target).len()), (0, 0));
}

/// A key that two of three can put together, and a recovery of it for which both have brought their shares.
fn prepare(scene: &Scene, round: u64, key: &str) {
    let cli = scene.cli();
    let sharing = "--threshold 2/3 --custodian ann --custodian ben --custodian cho";
    cli.ok(&format!("key create {key} --algorithm aes256-gcm --protection hsm {sharing}"));
    cli.write("plain", b"what must not be lost");
    cli.ok(&format!("encrypt {key} --in plain --out {key}.sealed"));
    let set = cli.json(&format!("key show {key}@1"))["share_set"].as_str().unwrap().to_owned();
    for name in ["ann", "ben"] {
        cli.ok(&format!("custodian share fetch --set {set} --name {name} --log-key log.pub --out {name}.share"));
    }
    ready(scene, round, "recovery", key);
    for name in ["ann", "ben"] {
        cli.ok(&give(round, name, ""));
    }
}

/// Executes it under a server that dies at that sync; whether it did.
fn execute(runtime: &Runtime, mut scene: Scene, round: u64, sync: u64) -> Option<(Scene, bool)> {
    let (trace, fault) = (format!("trace={SYNC}"), format!("inject={SYNC}:signal=KILL:when={sync}"));
    let arguments = ["-e", trace.as_str(), "-e", fault.as_str()];
    let name = format!("ceremonies/{round}");
    let client = {
        let _entered = runtime.enter();
        scene.daemon.client("admin")
    };
    let strace = Strace::attach("a recovery that is killed", scene.daemon.pid(), scene.daemon.scratch(), &arguments)?;
    let (begun, asked) = (client.clone(), name.clone());
    let call = runtime.spawn(async move { begun.execute_ceremony(&asked).await });
    let ended = wait_until(LONG, || {
        if scene.daemon.has_ended() {
            return Some(true);
        }
        let seen = runtime
            .block_on(async { tokio::time::timeout(Duration::from_millis(500), client.ceremony(&name)).await });
        let executed = seen.is_ok_and(|seen| seen.is_ok_and(|seen| seen.state() == ceremony::State::Executed));
        executed.then_some(false)
    });
    call.abort();
    drop(strace);
    let killed = ended.unwrap_or_else(|| panic!("{name} neither ends nor dies: {}", scene.daemon.log()));
    if killed {
        let daemon = scene.daemon.kill().start();
        scene.builder.write_profiles(&daemon);
        scene = Scene { daemon, ..scene };
    }
    let cli = scene.cli();
    if cli.json(&format!("ceremony show {round}"))["state"] == "ready" {
        // It died before it was written down that it begins: whoever asked for it asks again.
        cli.ok(&format!("ceremony execute {round} --yes"));
    }
    Some((scene, killed))
}
