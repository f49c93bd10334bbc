//! A database that says something else than the service wrote: the key is locked, with one reason, and an alarm.

use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::{Collection, Row};
use hufu_core::name::VersionNumber;
use hufu_core::record::{Intent, IntentKind, KeyState};
use hufu_engine::api::{Change, VersionChange};
use hufu_storage::MemoryState;

use crate::common::world::{ALICE, BOB, World};
use crate::requests::{REVOKE, create, key, primary, reason, version};

const QUARANTINE: &str = "quarantine";

/// A world with one key, started anew after someone has changed its database.
fn tampered(change: impl FnOnce(&mut MemoryState)) -> World {
    let mut world = World::new();
    world.signing_key("k");
    world.site.store.tamper(change);
    world.restart();
    world
}

fn row<'a>(state: &'a mut MemoryState, collection: Collection, id: &str) -> &'a mut Row {
    state.rows.get_mut(&collection).unwrap().get_mut(id).unwrap()
}

fn only(state: &mut MemoryState, collection: Collection) -> &mut Row {
    state.rows.get_mut(&collection).unwrap().values_mut().next().unwrap()
}

#[test]
fn a_changed_version_row_locks_the_version() {
    let changes: [fn(&mut Row); 4] = [
        |row| *row.body.last_mut().unwrap() ^= 1,
        |row| row.revision += 1,
        |row| row.due = Some(0),
        |row| row.tag.clear(),
    ];
    for change in changes {
        let mut world = tampered(|state| change(only(state, Collection::Version)));
        assert_eq!(reason(world.sign(&primary("k"))), Reason::Quarantined);
        assert!(world.server.alarms.is_raised(QUARANTINE, &version("k", 1).to_string()));
        assert_eq!(reason(world.change(version("k", 1), REVOKE)), Reason::Quarantined);
        assert_eq!(reason(world.rotate("k", None)), Reason::Quarantined);
    }
}

#[test]
fn an_older_row_with_its_own_good_tag_disagrees_with_the_ledger() {
    let mut world = World::new();
    world.signing_key("k");
    let before = world.site.store.snapshot();
    world.change(version("k", 1), REVOKE).unwrap();
    world.site.store.tamper(|state| {
        let id = version("k", 1).row_id();
        *row(state, Collection::Version, &id) = before.rows[&Collection::Version][&id].clone();
    });
    world.restart();
    assert_eq!(reason(world.sign(&primary("k"))), Reason::Quarantined);
    let shown = world.version(&version("k", 1)).unwrap();
    assert!(shown.quarantined, "it can be looked at, and says so");
}

#[test]
fn a_missing_or_changed_last_leaf_locks_the_version() {
    let mut world = tampered(|state| drop(state.rows.get_mut(&Collection::Leaf).unwrap().pop_last()));
    assert_eq!(reason(world.sign(&primary("k"))), Reason::Quarantined);
    let mut world = tampered(|state| {
        let mut leaf = state.rows.get_mut(&Collection::Leaf).unwrap().last_entry().unwrap();
        *leaf.get_mut().body.last_mut().unwrap() ^= 1;
    });
    assert_eq!(reason(world.sign(&primary("k"))), Reason::Quarantined);
}

#[test]
fn a_row_that_disagrees_is_not_destroyed() {
    let mut world = World::new();
    let made = world.signing_key("k");
    world.change(version("k", 1), REVOKE).unwrap();
    let delay = Change::ScheduleDestroy { after_ms: 1_000 };
    world.change(version("k", 1), delay).unwrap();
    let scheduled = world.site.store.snapshot();
    world.change(version("k", 1), Change::CancelDestroy).unwrap();
    world.change(version("k", 1), crate::requests::COMPROMISE).unwrap();
    world.site.store.tamper(|state| {
        let id = version("k", 1).row_id();
        *row(state, Collection::Version, &id) = scheduled.rows[&Collection::Version][&id].clone();
    });
    world.restart();
    world.site.time.advance(2_000);
    world.reconcile();
    assert!(world.holds(made.latest.record.uid));
    assert!(world.server.alarms.is_raised(QUARANTINE, &version("k", 1).to_string()));
}

#[test]
fn changed_key_tenant_principal_and_wrapping_key_rows_are_refused() {
    let mut world = tampered(|state| only(state, Collection::Key).body[30] ^= 1);
    assert_eq!(reason(world.sign(&primary("k"))), Reason::Quarantined);
    assert!(world.server.alarms.is_raised(QUARANTINE, &key(ALICE, "k").to_string()));

    let mut world = tampered(|state| row(state, Collection::Tenant, "acme").body[20] ^= 1);
    assert_eq!(reason(world.sign(&primary("k"))), Reason::Quarantined);

    let mut world = World::new();
    world.site.store.tamper(|state| {
        let principals = state.rows.get_mut(&Collection::Principal).unwrap();
        principals.values_mut().for_each(|row| row.tag[0] ^= 1);
    });
    assert_eq!(reason(world.run(async |server| BOB.call(server).await)), Reason::Unauthenticated);
    assert!(world.server.alarms.all().iter().any(|alarm| alarm.kind == QUARANTINE));
    assert_eq!(reason(world.run(async |server| BOB.register(server, true).await)), Reason::Quarantined);

    let mut world = tampered(|state| {
        let keys = state.rows.get_mut(&Collection::WrappingKey).unwrap();
        keys.values_mut().filter(|row| row.scope == "acme").for_each(|row| row.tag[0] ^= 1);
    });
    assert_eq!(reason(world.sign(&primary("k"))), Reason::BackendUnavailable);
}

#[test]
fn an_older_principal_row_brings_nobody_back() {
    let mut world = World::new();
    let earlier = world.site.store.snapshot();
    world.run(async |server| BOB.register(server, false).await).unwrap();
    world.site.store.tamper(|state| {
        let rows = earlier.rows.get(&Collection::Principal).unwrap().clone();
        state.rows.insert(Collection::Principal, rows);
    });
    assert_eq!(reason(world.run(async |server| BOB.call(server).await)), Reason::Unauthenticated);
}

#[test]
fn an_intent_that_is_put_back_destroys_nothing() {
    let mut world = World::new();
    let made = world.signing_key("k").latest.record;
    let intent = Intent {
        kind: IntentKind::Generate,
        uid: made.uid,
        tenant: made.tenant.clone(),
        key: made.key.clone(),
        number: made.number,
        algorithm: made.algorithm,
        protection: made.protection,
        expires_at: 0,
        writer: "w1".to_owned(),
    };
    let row = world.server.keyring.integrity().row(&intent, 1);
    for keep_owner in [true, false] {
        world.site.store.tamper(|state| {
            state.rows.entry(Collection::Intent).or_default().insert(row.id.clone(), row.clone());
            if !keep_owner {
                state.rows.get_mut(&Collection::Material).unwrap().clear();
            }
        });
        world.run(async |server| server.engine.reconcile_once().await).unwrap();
        assert!(world.site.token.find(made.uid).is_some(), "the key is still on the token");
    }
    assert!(world.server.alarms.is_raised(QUARANTINE, &made.name().to_string()));
}

#[test]
fn an_older_row_neither_destroys_nor_spares_a_version() {
    let mut world = World::new();
    let key = world.signing_key("k").key.record.name();
    world.call(ALICE, async |server, caller| server.engine.rotate_key(&caller, &key, None).await).unwrap();
    let name = key.version(VersionNumber::FIRST);
    let change = |change| VersionChange { name: name.clone(), etag: None, change };
    let schedule = change(Change::ScheduleDestroy { after_ms: 1_000 });
    world.call(ALICE, async |server, caller| server.engine.change_version(&caller, schedule).await).unwrap();
    let earlier = world.site.store.snapshot();
    let cancel = change(Change::CancelDestroy);
    world.call(ALICE, async |server, caller| server.engine.change_version(&caller, cancel).await).unwrap();
    world.site.store.tamper(|state| {
        let row = earlier.rows[&Collection::Version][&name.row_id()].clone();
        state.rows.get_mut(&Collection::Version).unwrap().insert(name.row_id(), row);
    });
    world.site.time.advance(10_000);
    world.run(async |server| server.engine.reconcile_once().await).unwrap();
    assert!(world.server.alarms.is_raised(QUARANTINE, &name.to_string()));
    assert_ne!(world.state(&name), KeyState::Destroyed);
}

#[test]
fn an_unknown_object_is_reported_and_kept() {
    let mut world = World::new();
    let made = world.signing_key("k");
    let uid = made.latest.record.uid;
    world
        .site
        .store
        .tamper(|state| drop(state.rows.get_mut(&Collection::Material).unwrap().remove(&uid.to_string())));
    world.run(async |server| server.engine.take_inventory().await).unwrap();
    assert!(world.server.alarms.is_raised("unknown-object", &format!("material {uid}")));
    assert!(world.holds(uid));
}

#[test]
fn a_forged_intent_deletes_nothing() {
    let mut world = World::new();
    let made = world.signing_key("k");
    world.abandon_creation(create(ALICE, "other", Algorithm::Ed25519));
    let uid = made.latest.record.uid;
    world.site.store.tamper(|state| {
        let intents = state.rows.get_mut(&Collection::Intent).unwrap();
        let mut forged = intents.pop_first().unwrap().1;
        forged.id = uid.to_string();
        intents.insert(forged.id.clone(), forged);
    });
    world.restart();
    world.reconcile();
    assert!(world.holds(uid));
    assert!(world.server.alarms.is_raised(QUARANTINE, &format!("intent {uid}")));
}
