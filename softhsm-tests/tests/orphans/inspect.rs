//! Compares the database with the token, both seen by other programs.

use std::collections::BTreeSet;
use std::time::Duration;

use hufu_core::record::{Intent, KeyState, Material, VersionRecord};
use hufu_sdk::{Client, KeyRef, v1};
use hufu_softhsm_tests::{Daemon, Database, LogWitness, Stopped, token_ids};
use tokio::runtime::Runtime;

use crate::word;

const PATIENCE: Duration = Duration::from_secs(15);
/// More than this test makes.
const JOBS_MAX: usize = 16;
const CLASSES: [&str; 2] = ["privkey", "pubkey"];

/// Looks at what a process has left behind; answers with how much was unfinished.
pub(crate) fn at_rest(stopped: &Stopped) -> String {
    let database = Database::of(stopped);
    let versions: Vec<VersionRecord> = database.records();
    let intents: BTreeSet<String> = database.records().iter().map(|intent: &Intent| intent.uid.to_string()).collect();
    let objects = objects(stopped.dir().as_path());
    for version in &versions {
        let (uid, name) = (version.uid.to_string(), version.name());
        match version.state {
            KeyState::Destroyed => assert!(!objects.contains(&uid), "{name} is called destroyed and is there"),
            KeyState::Destroying => {}
            state => assert!(objects.contains(&uid), "{name} is called {state} and its object is gone"),
        }
    }
    let known = owned(&database);
    let stray: Vec<_> = objects.iter().filter(|id| !known.contains(*id) && !intents.contains(*id)).collect();
    assert!(stray.is_empty(), "nothing tells of {stray:?}");
    let destroying = versions.iter().filter(|version| version.state == KeyState::Destroying).count();
    format!("{} intents, {destroying} destroying", intents.len())
}

/// Waits until the server has settled everything, compares it with the token, and answers with the state of version 1 of
/// the key, whose ledger must tell the same.
pub(crate) fn in_order(daemon: &Daemon, key: &str) -> Option<String> {
    Runtime::new().unwrap().block_on(async {
        let client = daemon.client("admin");
        let settled = settled(daemon, &client).await;
        assert!(settled, "not settled: {:?}; on the token: {:?}", client.status().await, objects(&daemon.dir()));
        let name = key.parse::<KeyRef>().unwrap().at(1);
        let version = match client.key_version(&name).await {
            Ok(version) => version,
            Err(hufu_sdk::Error::NotFound { .. }) => return None,
            Err(error) => panic!("`{name}`: {error:?}"),
        };
        let state = word(version.state());
        let report = LogWitness::first(&client).await.report(&client, &name).await;
        assert_eq!(report.status.to_string(), state, "{report}");
        Some(state)
    })
}

/// As many objects as living versions, and the log key; nothing open, no alarm.
async fn settled(daemon: &Daemon, client: &Client) -> bool {
    let end = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < end {
        let status = client.status().await.unwrap();
        let reconciler = status.reconciler.unwrap_or_default();
        assert!(status.alarms.is_empty(), "{:?}", status.alarms);
        assert_eq!(reconciler.unknown_objects, 0);
        let living = living(client).await;
        let same = CLASSES.iter().all(|class| token_ids(&daemon.dir(), class).len() == living + 1);
        if reconciler.open_intents == 0 && same {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

async fn living(client: &Client) -> usize {
    let (keys, _) = client.keys().take(10_000).await.unwrap();
    let mut living = 0;
    for key in keys {
        let name: KeyRef = key.name.parse().unwrap();
        let (versions, _) = client.key_versions(&name).take(10_000).await.unwrap();
        living += versions.iter().filter(|version| word(version.state()) != "destroyed").count();
    }
    // The import key of an open job is on the token too.
    for n in 0..JOBS_MAX {
        let job = client.import_job(&job_of(&format!("k{n}"))).await;
        living += usize::from(job.is_ok_and(|job| job.state() == v1::ImportJobState::Open));
    }
    living
}

/// The import job of a key, in this test.
pub(crate) fn job_of(key: &str) -> String {
    format!("job-{key}")
}

fn objects(dir: &std::path::Path) -> BTreeSet<String> {
    CLASSES.iter().flat_map(|class| token_ids(dir, class)).collect()
}

/// Every identity that the database has an owner for.
fn owned(database: &Database) -> BTreeSet<String> {
    database.records().iter().map(|material: &Material| material.uid.to_string()).collect()
}
