//! Limits that guard something: encryptions under one version, and time that has jumped.

use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::Collection;
use hufu_core::record::{KeyState, Record, UsageCeiling};
use hufu_engine::api::Change;

use crate::common::world::{ALICE, World};
use crate::requests::{create, reason, version};

#[test]
fn a_version_encrypts_at_most_two_to_the_32_times() {
    let mut world = World::new();
    let request = create(ALICE, "k", Algorithm::Aes256Gcm);
    let made = world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap();
    let uid = made.latest.record.uid;
    world.encrypt("k").unwrap();

    // All but the last block are taken, as by years of use.
    let almost = UsageCeiling { uid, reserved: UsageCeiling::MAX - (1 << 16) };
    let row = world.server.keyring.integrity().row(&almost, 7);
    world
        .site
        .store
        .tamper(|state| drop(state.rows.get_mut(&Collection::Usage).unwrap().insert(row.id.clone(), row)));
    world.restart();
    world.encrypt("k").unwrap();
    world.restart();
    assert_eq!(reason(world.encrypt("k")), Reason::UsageLimitReached);
    let rows = world.site.store.snapshot().rows;
    let left = UsageCeiling::from_row(&rows[&Collection::Usage][&uid.to_string()]).unwrap();
    assert_eq!(left.reserved, UsageCeiling::MAX);

    world.rotate("k", None).unwrap();
    world.encrypt("k").unwrap();
}

#[test]
fn blocks_of_encryptions_are_never_taken_twice() {
    let mut world = World::new();
    let request = create(ALICE, "k", Algorithm::Aes256Gcm);
    let made = world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap();
    for starts in 1..=3 {
        world.encrypt("k").unwrap();
        world.encrypt("k").unwrap();
        let rows = world.site.store.snapshot().rows;
        let row = &rows[&Collection::Usage][&made.latest.record.uid.to_string()];
        assert_eq!(UsageCeiling::from_row(row).unwrap().reserved, starts << 16);
        world.restart();
    }
}

#[test]
fn a_jump_of_the_clock_brings_no_destruction_forward() {
    let mut world = World::new();
    world.signing_key("k");
    world.rotate("k", None).unwrap();
    let name = version("k", 1);
    world.change(name.clone(), Change::ScheduleDestroy { after_ms: 600_000 }).unwrap();
    world.reconcile();
    world.server.clock.jump(600_001);
    world.reconcile();
    assert_eq!(world.state(&name), KeyState::Deactivated, "the clock jumped, no time has passed");
    assert!(world.server.alarms.is_raised("clock", "system"));

    // It stays frozen until someone has looked, even when time has passed.
    world.site.time.advance(600_001);
    world.reconcile();
    assert_eq!(world.state(&name), KeyState::Deactivated);
    world.restart();
    world.reconcile();
    assert_eq!(world.state(&name), KeyState::Deactivated, "a new server waits as long again");
    world.site.time.advance(600_001);
    world.reconcile();
    assert_eq!(world.state(&name), KeyState::Destroyed);
}

#[test]
fn a_clock_set_forward_while_no_server_runs_brings_no_destruction_forward() {
    let mut world = World::new();
    world.signing_key("k");
    world.rotate("k", None).unwrap();
    let name = version("k", 1);
    world.change(name.clone(), Change::ScheduleDestroy { after_ms: 1_800_000 }).unwrap();
    world.site.ahead_ms = 30 * 86_400_000;
    world.restart();
    world.reconcile();
    world.site.time.advance(1_799_999);
    world.reconcile();
    assert_eq!(world.state(&name), KeyState::Deactivated);
    world.site.time.advance(1);
    world.reconcile();
    assert_eq!(world.state(&name), KeyState::Destroyed);
}

#[test]
fn intents_are_settled_even_while_time_is_frozen() {
    let mut world = World::new();
    world.reconcile();
    world.abandon_creation(create(ALICE, "k", Algorithm::Ed25519));
    world.server.clock.jump(600_001);
    world.reconcile();
    assert_eq!(world.rows(Collection::Intent), 0);
}
