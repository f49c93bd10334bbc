//! A tenant's wrapping key is rotated: the service is killed in the middle of it, and loses nothing.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use hufu_core::record::{Locator, Tenant, VersionRecord, WrappingKeyId, WrappingKeyRecord, WrappingKeyUse};
use hufu_sdk::v1::{Algorithm, Protection};
use hufu_sdk::{Client, Data, KeyRef, NewKey, v1};
use hufu_softhsm_tests::{Cli, Daemon, Database, Stopped, wait_until};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Keys: enough for several commits, so that a kill can fall between two.
const KEYS: u32 = 400;
/// Callers that create them beside each other.
const CREATORS: u32 = 50;
/// Nothing here depends on how fast it is.
const LONG: Duration = Duration::from_secs(180);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn create(client: &Client) {
    let create = |creator: u32| {
        let client = client.clone().with_timeout(LONG);
        async move {
            for number in (creator..KEYS).step_by(CREATORS as usize) {
                let key = NewKey::new(format!("k{number}"), Algorithm::Ed25519, Protection::Software);
                client.create_key(key).await.unwrap();
            }
        }
    };
    (0..CREATORS).map(create).collect::<JoinSet<()>>().join_all().await;
}

/// What every key signs: Ed25519 signs one message in one way.
async fn signatures(client: &Client) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for number in 0..KEYS {
        let key: KeyRef = format!("k{number}").parse().unwrap();
        let signed = client.sign(&key, Data::Message(b"message"), v1::SignatureFormat::Raw).await.unwrap();
        all.push(signed.signature);
    }
    all
}

/// Looks without a pause until so much was brought under the new key, or all.
async fn has_moved(client: &Client, versions: u64) {
    for _ in 0..1_000_000 {
        match client.tenant_key().await.unwrap().rotation {
            Some(rotation) if rotation.rewrapped < versions && !rotation.clean => {}
            _ => return,
        }
    }
    panic!("nothing moves");
}

/// Waits until the rotation is over, or stands.
fn ended(cli: &Cli) -> Option<serde_json::Value> {
    wait_until(LONG, || {
        let key = cli.json("tenant show-key");
        let rotation = &key["rotation"];
        (rotation.is_null() || rotation["left"] != 0).then_some(key)
    })
}

/// The wrapping key that each version is under.
fn under(stopped: &Stopped) -> Vec<WrappingKeyId> {
    let versions = Database::of(stopped).records::<VersionRecord>();
    let wrapped = versions.into_iter().filter_map(|version| match version.locator {
        Locator::Wrapped { wrapping_key, .. } => Some(wrapping_key),
        _ => None,
    });
    wrapped.collect()
}

fn dev(stopped: &Stopped) -> Tenant {
    Database::of(stopped).records::<Tenant>().into_iter().find(|tenant| tenant.id.as_str() == "dev").unwrap()
}

fn material_keys(stopped: &Stopped) -> usize {
    let keys = Database::of(stopped).records::<WrappingKeyRecord>();
    keys.iter().filter(|key| key.usage == WrappingKeyUse::KeyMaterial && key.tenant == "dev").count()
}

/// Killed wherever it happens to be; the engine's own tests end it after every commit.
#[test]
fn a_killed_rotation_goes_on_where_it_was_and_every_key_signs() {
    let runtime = runtime();
    // Clients are made outside of futures too.
    let _entered = runtime.enter();
    let mut daemon = Daemon::start_dev();
    runtime.block_on(create(&daemon.client("admin")));
    daemon.cli("admin").fails(2, "tenant rotate-key");
    daemon.cli("admin").fails(2, "tenant rotate-key other --yes");
    daemon.cli("app").refused("PERMISSION_DENIED", "tenant rotate-key --yes");
    let signed = runtime.block_on(signatures(&daemon.client("admin")));
    let mut cut_in_the_middle = 0;
    for kill in 0..4 {
        let told = daemon.cli("admin").json("tenant rotate-key --yes");
        assert!(told["rotation"]["old_keys"].as_u64().unwrap() >= 1, "{told}");
        runtime.block_on(has_moved(&daemon.client("admin"), kill * 64));
        let stopped = daemon.kill();
        let (newest, under) = (dev(&stopped).material_key, under(&stopped));
        let moved = under.iter().filter(|key| **key == newest).count();
        println!("killed with {moved} of {} versions under the new wrapping key", under.len());
        cut_in_the_middle += usize::from(moved > 0 && moved < under.len());
        daemon = stopped.start();
        assert_eq!(runtime.block_on(signatures(&daemon.client("admin"))), signed);
    }
    if cut_in_the_middle == 0 {
        println!("skipped: no kill fell between the first and the last group");
    }
    let told = ended(&daemon.cli("admin")).unwrap_or_else(|| panic!("it ends: {}", daemon.log()));
    assert!(told["rotation"].is_null(), "{told}");
    assert_eq!(runtime.block_on(signatures(&daemon.client("admin"))), signed);
    let cli = daemon.cli("admin");
    assert!(cli.json("status")["rotations"].as_array().unwrap().is_empty());
    cli.ok("audit verify");
    let stopped = daemon.terminate();
    let newest = dev(&stopped).material_key;
    assert!(under(&stopped).iter().all(|key| *key == newest) && dev(&stopped).rotation.is_none());
    assert_eq!(material_keys(&stopped), 1, "the old one is destroyed");
}

#[test]
fn a_row_of_before_does_not_open_and_a_changed_one_keeps_the_old_key() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    for id in ["one", "two"] {
        cli.ok(&format!("key create {id} --algorithm ed25519 --protection software"));
    }
    let stopped = daemon.terminate();
    let before = stopped.scratch().join("before");
    Database::of(&stopped).save(&before);
    let daemon = stopped.start();
    let told = daemon.cli("admin").json("tenant rotate-key dev --yes --wait 3m");
    assert!(told["rotation"].is_null(), "{told}");

    // Put back from before the rotation.
    let stopped = daemon.terminate();
    let at = |id: &str| format!("collection = 5 AND id LIKE '%/keys/{id}/versions/%'");
    Database::of(&stopped).roll_back(&before, "record", &at("one"));
    let daemon = stopped.start();
    let cli = daemon.cli("admin");
    cli.refused("QUARANTINED", "sign one --in message --out signature");
    cli.ok("sign two --in message --out signature");
    let status = cli.json("status");
    let mut alarms = status["alarms"].as_array().unwrap().iter();
    let what_it_is = "under a wrapping key that was destroyed when the tenant's key was rotated";
    assert!(alarms.any(|alarm| alarm["detail"].as_str().unwrap().contains(what_it_is)), "{status}");

    // Changed during a rotation.
    let stopped = daemon.terminate();
    Database::of(&stopped).flip("record", "body", &at("two"));
    let daemon = stopped.start();
    let cli = daemon.cli("admin");
    let refused = cli.run("tenant rotate-key --yes --wait 3m");
    assert_eq!((refused.code, refused.stderr.contains("1 cannot be brought under")), (3, true), "{}", refused.stderr);
    let status = cli.json("status");
    assert_eq!(status["rotations"][0]["rotation"]["left"], 1, "{status}");
    assert!(status["alarms"].to_string().contains("NOT_REWRAPPED"), "{status}");
    let stopped = daemon.terminate();
    assert_eq!(material_keys(&stopped), 2, "the row may be mended");
}
