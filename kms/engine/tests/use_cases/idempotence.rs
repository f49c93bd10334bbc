//! Repetitions: answered with what the first request did, never done again.

use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::Collection;
use hufu_core::record::KeyState;
use hufu_engine::api::{Caller, Change, Idempotency, VersionChange};

use crate::common::world::{ALICE, BOB, Member, World};
use crate::requests::{create, key, reason, version};

const CREATE: Idempotency = Idempotency { request_id: [9; 16], method: "CreateKey", body: [1; 32] };
const ROTATE: Idempotency = Idempotency { request_id: [9; 16], method: "RotateKey", body: [1; 32] };

fn rotate(world: &mut World, request: Idempotency) -> Result<u32, hufu_core::Error> {
    let name = key(ALICE, "k");
    let rotated =
        world.call_once(ALICE, request, async |server, caller| server.engine.rotate_key(&caller, &name, None).await);
    rotated.map(|rotated| rotated.latest.record.number.value())
}

fn create_as(world: &mut World, member: Member, request: Idempotency) -> Result<(), hufu_core::Error> {
    let new = create(member, "k", Algorithm::Ed25519);
    world.call_once(member, request, async |server, caller| server.engine.create_key(&caller, new).await).map(drop)
}

#[test]
fn a_repetition_is_answered_and_not_done_again() {
    let mut world = World::new();
    create_as(&mut world, ALICE, CREATE).unwrap();
    create_as(&mut world, ALICE, CREATE).unwrap();
    assert_eq!(rotate(&mut world, ROTATE).unwrap(), 2, "another method is another request");
    assert_eq!(rotate(&mut world, ROTATE).unwrap(), 2);
    world.restart();
    assert_eq!(rotate(&mut world, ROTATE).unwrap(), 2, "a restart forgets nothing");
    assert_eq!(world.rows(Collection::Version), 2);
    let fresh = Idempotency { request_id: [8; 16], ..ROTATE };
    assert_eq!(rotate(&mut world, fresh).unwrap(), 3);
}

#[test]
fn another_request_under_a_used_id_is_refused() {
    let mut world = World::new();
    create_as(&mut world, ALICE, CREATE).unwrap();
    rotate(&mut world, ROTATE).unwrap();
    let other = Idempotency { body: [2; 32], ..ROTATE };
    assert_eq!(reason(rotate(&mut world, other)), Reason::RequestIdReused);
    create_as(&mut world, BOB, Idempotency { body: [2; 32], ..CREATE }).unwrap();
    assert_eq!(world.rows(Collection::Version), 3, "ids are each caller's own");
}

#[test]
fn what_failed_may_be_tried_again_under_the_same_id() {
    let mut world = World::new();
    assert_eq!(reason(rotate(&mut world, ROTATE)), Reason::KeyNotFound);
    create_as(&mut world, ALICE, CREATE).unwrap();
    assert_eq!(rotate(&mut world, ROTATE).unwrap(), 2);
}

#[test]
fn ids_are_forgotten_after_a_day() {
    let mut world = World::new();
    create_as(&mut world, ALICE, CREATE).unwrap();
    rotate(&mut world, ROTATE).unwrap();
    world.site.time.advance(24 * 3_600_000 + 1);
    world.reconcile();
    assert_eq!(world.rows(Collection::Request), 0);
    assert_eq!(rotate(&mut world, ROTATE).unwrap(), 3);
}

#[test]
fn a_repetition_that_overtakes_the_first_is_answered_alike() {
    let mut world = World::new();
    let once = |caller: &Caller, request| Caller { idempotency: Some(request), ..caller.clone() };
    let new = create(ALICE, "k", Algorithm::Ed25519);
    let both = world.call(ALICE, async |server, caller| {
        let caller = once(&caller, CREATE);
        tokio::join!(server.engine.create_key(&caller, new.clone()), server.engine.create_key(&caller, new.clone()))
    });
    assert_eq!(both.0.unwrap(), both.1.unwrap());

    let name = key(ALICE, "k");
    let both = world.call(ALICE, async |server, caller| {
        let caller = once(&caller, ROTATE);
        tokio::join!(server.engine.rotate_key(&caller, &name, None), server.engine.rotate_key(&caller, &name, None))
    });
    assert_eq!(both.0.unwrap(), both.1.unwrap());
    assert_eq!(world.rows(Collection::Version), 2);

    let suspend = VersionChange { name: version("k", 2), etag: None, change: Change::Suspend };
    let both = world.call(ALICE, async |server, caller| {
        let caller = once(&caller, Idempotency { method: "SuspendKeyVersion", ..ROTATE });
        let change = || server.engine.change_version(&caller, suspend.clone());
        tokio::join!(change(), change())
    });
    assert_eq!(both.0.unwrap(), both.1.unwrap());
    assert_eq!(world.state(&version("k", 2)), KeyState::Suspended);
    assert_eq!(world.rows(Collection::Intent), 0, "what the slower attempts made is undone");
}
