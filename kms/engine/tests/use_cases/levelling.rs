//! Keys of a group of tokens, brought to each of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::record::{Exit, KeyState, VersionUid};
use hufu_engine::api::{Change, CreateKey, Levelling};

use crate::common::token::SimToken;
use crate::common::world::{ALICE, World};
use crate::requests::{REVOKE, create, reason, version};
use crate::roots::keeper;

/// More than one step looks at.
const KEYS: usize = 70;
const MINUTE_MS: u64 = 60_000;

fn group() -> World {
    World::on(SimToken::of_a_group())
}

fn make(world: &mut World, id: &str, exit: Exit) -> VersionUid {
    let request = CreateKey { exit, ..create(ALICE, id, Algorithm::Ed25519) };
    let made = world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await);
    made.unwrap().latest.record.uid
}

/// Steps until there is nothing to do, and answers what was levelled.
fn level(world: &mut World) -> BTreeSet<VersionUid> {
    let levelled = |world: &World| std::mem::take(&mut *world.site.token.group.as_ref().unwrap().levelled.lock());
    drop(levelled(world));
    for _ in 0..KEYS {
        if !world.run(async |server| server.engine.level_step().await).unwrap() {
            let found = levelled(world);
            let once: BTreeSet<_> = found.iter().copied().collect();
            assert_eq!(once.len(), found.len(), "each key once");
            return once;
        }
    }
    panic!("levelling does not end");
}

fn shown(world: &mut World) -> Levelling {
    world.run(async |server| server.engine.status_now().await).unwrap().levelling.unwrap()
}

#[test]
fn every_shared_key_is_levelled_once_a_return() {
    let mut world = group();
    let shared: BTreeSet<_> = (0..KEYS).map(|n| make(&mut world, &format!("s{n}"), Exit::Replicable)).collect();
    let alone: Vec<_> = (0..3).map(|n| make(&mut world, &format!("a{n}"), Exit::Never)).collect();
    let levelled = level(&mut world);
    assert!(shared.is_subset(&levelled));
    assert!(alone.iter().all(|uid| !levelled.contains(uid)), "a key that stays is left alone");
    assert_eq!(levelled.len(), KEYS + 2, "and so are root and log key levelled");
    let state = shown(&mut world);
    assert_eq!((state.running, state.left, state.seen), (false, 0, KEYS as u64 + 5));
    assert_eq!(level(&mut world).len(), 0, "nothing has returned since");
    world.site.token.group.as_ref().unwrap().returns.fetch_add(1, Ordering::Relaxed);
    assert_eq!(level(&mut world), levelled);
    world.restart();
    assert_eq!(level(&mut world), levelled, "a start levels too");
}

#[test]
fn what_is_destroyed_or_about_to_be_is_not_levelled() {
    let mut world = group();
    let (doomed, kept) = (make(&mut world, "doomed", Exit::Replicable), make(&mut world, "kept", Exit::Replicable));
    world.change(version("doomed", 1), REVOKE).unwrap();
    world.change(version("doomed", 1), Change::ScheduleDestroy { after_ms: 1_000 }).unwrap();
    assert!(level(&mut world).contains(&doomed), "it lives until its time has come");
    world.site.time.advance(1_001);
    world.reconcile();
    assert_eq!(world.state(&version("doomed", 1)), KeyState::Destroyed);
    world.site.token.group.as_ref().unwrap().returns.fetch_add(1, Ordering::Relaxed);
    let levelled = level(&mut world);
    assert!(levelled.contains(&kept) && !levelled.contains(&doomed));
}

/// One of the tokens is away while the root key is destroyed: when it is back, it gives the key to none of the others.
#[test]
fn a_root_key_that_is_being_destroyed_is_not_levelled() {
    let mut world = group();
    world.site.vault = Some(Arc::default());
    world.restart();
    world.run(async |server| server.engine.keep_roots().await).unwrap();
    world.run(async |server| keeper(server).retire("token", "vault", &|_| {}).await).unwrap();
    assert_eq!(level(&mut world).len(), 2, "a retired root key and the log key");
    let token = world.site.token.clone();
    token.is_absent.store(true, Ordering::Relaxed);
    let destroyed = world.run(async |server| keeper(server).destroy_key("token").await);
    assert_eq!(reason(destroyed), Reason::BackendUnavailable);
    token.is_absent.store(false, Ordering::Relaxed);
    token.group.as_ref().unwrap().returns.fetch_add(1, Ordering::Relaxed);
    assert_eq!(level(&mut world).len(), 1, "the log key alone");
    world.run(async |server| keeper(server).destroy_key("token").await).unwrap();
    token.group.as_ref().unwrap().returns.fetch_add(1, Ordering::Relaxed);
    assert_eq!(level(&mut world).len(), 1);
}

#[test]
fn what_was_left_is_tried_again() {
    let mut world = group();
    make(&mut world, "k", Exit::Replicable);
    world.site.token.group.as_ref().unwrap().is_short.store(true, Ordering::Relaxed);
    assert_eq!(level(&mut world).len(), 0);
    assert_eq!(shown(&mut world).left, 3);
    world.site.token.group.as_ref().unwrap().is_short.store(false, Ordering::Relaxed);
    assert_eq!(level(&mut world).len(), 0, "not at once");
    world.site.time.advance(MINUTE_MS);
    assert_eq!(level(&mut world).len(), 3);
    assert_eq!(shown(&mut world).left, 0);
}
