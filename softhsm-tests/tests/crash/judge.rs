//! Compares what the clients know with the state, the audit and the ledger, and these with each other.

use std::collections::BTreeSet;
use std::time::Duration;

use hufu_core::policy::Action;
use hufu_sdk::offline::{Event, Report, Status};
use hufu_sdk::{Client, Data, KeyRef, NewKey, v1};
use hufu_softhsm_tests::{Daemon, LogWitness, Trail, TrailRecord, token_objects, wait_until};

use crate::book::{Book, KeyPage, States};

/// A key of the judge alone.
const JUDGE: &str = "judge";

/// What outsiders have seen, from round to round.
pub(crate) struct Seen {
    pub(crate) witness: LogWitness,
    pub(crate) trail: Trail,
}

impl Seen {
    /// The first look at a new server.
    pub(crate) async fn first(client: &Client) -> Self {
        // The first event of the log brings its first checkpoint.
        create_judge(client).await;
        Self { witness: LogWitness::first(client).await, trail: Trail::default() }
    }
}

/// Judges one round; answers with a line that tells how much was looked at.
pub(crate) async fn round(daemon: &Daemon, book: &Book, seen: &mut Seen, all: bool) -> String {
    let client = daemon.client("admin");
    seen.witness.observe(&client).await.expect("the log proves that it only grew");
    let trail = Trail::export(&client).await;
    trail.must_extend(&seen.trail);
    let pages = book.pages(all);
    let mut told = Told::default();
    for (key, page) in &pages {
        let states = states(&client, key).await;
        assert!(page.possible().contains(&states), "`{key}` is {states:?}, and the clients know {page:?}");
        for (version, state) in (1..).zip(&states) {
            let name = key.parse::<KeyRef>().unwrap().at(version);
            let report = seen.witness.report(&client, &name).await;
            agree(&trail, &client, &name, *state, &report);
            told.events += report.events.len();
        }
        told.signatures += signatures(&trail, &client, key, page, states.len());
        nothing_beyond(&trail, &client, key, states.len());
        told.versions += states.len();
        book.adopt(key, states);
    }
    last_messages(&client, &pages).await;
    sound(daemon, &client).await;
    seen.trail = trail;
    format!("{} keys, {told:?}, {} leaves, {} records", pages.len(), seen.witness.size(), seen.trail.records().len())
}

/// What the shipped commands say.
pub(crate) fn commands(daemon: &Daemon) {
    let report = daemon.cli("auditor").json("audit verify");
    assert_eq!(report.get("intact"), Some(&true.into()), "{report}");
}

/// Makes a key that the load does not touch.
async fn create_judge(client: &Client) {
    client.create_key(NewKey::new(JUDGE, v1::Algorithm::Ed25519, v1::Protection::Software)).await.expect("a new key");
}

#[derive(Default, Debug)]
struct Told {
    versions: usize,
    events: usize,
    signatures: u64,
}

async fn states(client: &Client, key: &str) -> States {
    let pages = client.key_versions(&key.parse().unwrap());
    match pages.take(10_000).await {
        Ok((mut versions, _)) => {
            versions.sort_by_key(number);
            versions.iter().map(v1::KeyVersion::state).collect()
        }
        Err(hufu_sdk::Error::NotFound { .. }) => Vec::new(),
        Err(error) => panic!("`{key}`: {error:?}"),
    }
}

fn number(version: &v1::KeyVersion) -> u64 {
    version.name.rsplit('/').next().and_then(|number| number.parse().ok()).expect("a version number")
}

fn resource(client: &Client, name: &KeyRef) -> String {
    format!("tenants/{}/keys/{}/versions/{}", client.tenant(), name.key(), name.version().expect("a version"))
}

/// State, ledger and audit tell the same of a version; each event stands on the audit record that it names.
fn agree(trail: &Trail, client: &Client, name: &KeyRef, state: v1::KeyState, report: &Report) {
    let status = match report.status {
        Status::PreActive => v1::KeyState::PreActive,
        Status::Active => v1::KeyState::Active,
        Status::Suspended => v1::KeyState::Suspended,
        Status::Deactivated => v1::KeyState::Deactivated,
        Status::Compromised => v1::KeyState::Compromised,
        Status::Destroyed => v1::KeyState::Destroyed,
    };
    assert_eq!(status, state, "`{name}`: the ledger and the state disagree: {report}");
    let own = resource(client, name);
    for event in &report.events {
        let record = trail.by_hash(&event.evidence);
        let record = record.unwrap_or_else(|| panic!("`{name}`: no audit record behind {event}"));
        let entry = &record.entry;
        let fits = match event.event {
            Event::Register | Event::Activate => {
                *entry.resource == *own && matches!(entry.action, Action::CreateKey | Action::RotateKey)
            }
            Event::Rotate => *entry.resource != *own && entry.action == Action::RotateKey,
            Event::Revoke => *entry.resource == *own && entry.action == Action::RevokeVersion,
            _ => false,
        };
        assert!(fits, "`{name}`: {event} stands on {record:?}");
    }
    let known: BTreeSet<[u8; 32]> = report.events.iter().map(|event| event.evidence).collect();
    for action in [Action::CreateKey, Action::RotateKey, Action::RevokeVersion] {
        for TrailRecord { hash, entry, .. } in trail.done(action, &own) {
            assert!(known.contains(hash), "`{name}`: the ledger does not know of {entry:?}");
        }
    }
}

/// Every signature that was handed out is in the audit, and no more than were asked for.
fn signatures(trail: &Trail, client: &Client, key: &str, page: &KeyPage, versions: usize) -> u64 {
    let mut total = 0;
    for (version, signatures) in &page.signatures {
        assert!(*version <= versions, "`{key}@{version}` has signed and is gone");
        let name = key.parse::<KeyRef>().unwrap().at(*version as u64);
        let own = resource(client, &name);
        let records: Vec<_> = trail.done(Action::Sign, &own).collect();
        let inputs: BTreeSet<_> = records.iter().filter_map(|record| record.entry.input_mac.as_deref()).collect();
        let count = records.len() as u64;
        assert!(count >= signatures.acknowledged, "`{name}`: {count} of {} are audited", signatures.acknowledged);
        assert!(count <= signatures.asked, "`{name}`: {count} are audited and {} were asked for", signatures.asked);
        assert_eq!(inputs.len(), records.len(), "`{name}`: each message was another");
        total += signatures.acknowledged;
    }
    total
}

/// The audit knows of no version that the state does not have.
fn nothing_beyond(trail: &Trail, client: &Client, key: &str, versions: usize) {
    let name = key.parse::<KeyRef>().unwrap().at(versions as u64 + 1);
    for action in [Action::CreateKey, Action::RotateKey] {
        let own = resource(client, &name);
        assert_eq!(trail.done(action, &own).count(), 0, "`{name}` is in the audit and not in the state");
    }
}

/// The last messages before the crash are the ones in danger: signed again with another key, their records must show the
/// same input as those from before.
async fn last_messages(client: &Client, pages: &[(String, KeyPage)]) {
    let judge: KeyRef = JUDGE.parse().unwrap();
    let mut wanted = Vec::new();
    for (key, page) in pages {
        for (version, signatures) in &page.signatures {
            let Some(message) = &signatures.last else { continue };
            client.sign(&judge, Data::Message(message), v1::SignatureFormat::Der).await.expect("the judge signs");
            wanted.push((key.parse::<KeyRef>().unwrap().at(*version as u64), message.clone()));
        }
    }
    let trail = Trail::export(client).await;
    let judged: Vec<_> = trail.done(Action::Sign, "tenants/dev/keys/judge/versions/1").collect();
    let newest = judged.get(judged.len() - wanted.len()..).expect("a record of each");
    for ((name, message), record) in wanted.iter().zip(newest) {
        let own = resource(client, name);
        let known = trail.done(Action::Sign, &own).any(|earlier| earlier.entry.input_mac == record.entry.input_mac);
        assert!(known, "`{name}` has signed `{}`, and no record tells", String::from_utf8_lossy(message));
    }
}

/// No alarm, no open intent, and on the token exactly the keys that the state has.
async fn sound(daemon: &Daemon, client: &Client) {
    let status = client.status().await.expect("the status");
    let reconciler = status.reconciler.unwrap_or_default();
    assert_eq!((reconciler.open_intents, reconciler.unknown_objects), (0, 0), "{status:?}");
    assert!(status.alarms.is_empty() && status.quarantined_keys.is_empty(), "{status:?}");
    assert_eq!(status.ledger.map(|ledger| ledger.health()), Some(v1::Health::Ok));
    let (keys, _) = client.keys().take(100_000).await.expect("all keys");
    let mut versions = 1; // the log key
    for key in keys.iter().filter(|key| key.protection() == v1::Protection::Hsm) {
        versions += key.latest_version.as_ref().map_or(0, number);
    }
    let on_token = || token_objects(daemon, "privkey") as u64;
    let same = wait_until(Duration::from_secs(2), || (on_token() == versions).then_some(()));
    assert!(same.is_some(), "{} keys are on the token, {versions} in the state", on_token());
}
