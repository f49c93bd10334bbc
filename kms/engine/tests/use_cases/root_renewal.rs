//! A new root key on the same token: made, moved to, with an end at every commit; and the old one destroyed.

use std::sync::Arc;

use hufu_core::changeset::Collection;
use hufu_core::record::{RootState, WrappingKeyRecord};
use hufu_core::{Error, Reason};
use hufu_engine::Renewal;

use crate::common::server::Server;
use crate::common::token::SimToken;
use crate::common::world::World;
use crate::requests::reason;
use crate::roots::{assert_all_open, keep, keeper, one_slot, register, reports, retire, set_absent, vault, world};

fn renew(world: &mut World, slot: &str) -> Result<Renewal, Error> {
    world.run(async |server| keeper(server).renew(slot).await)
}

fn renewal(from: &str, to: &str) -> Renewal {
    Renewal { from: from.to_owned(), to: to.to_owned() }
}

/// All of it, as `hufud root rotate` does it.
async fn rotate(server: &Server, slot: &str) -> Result<(), Error> {
    let Renewal { from, to } = keeper(server).renew(slot).await?;
    keeper(server).retire(&from, &to, &|_| {}).await
}

/// Slot, state, and how many of the keys are under it.
fn under(world: &mut World) -> Vec<(String, Option<RootState>, u64)> {
    reports(world).into_iter().map(|report| (report.slot, report.state, report.wraps)).collect()
}

fn row(slot: &str, state: RootState, wraps: u64) -> (String, Option<RootState>, u64) {
    (slot.to_owned(), Some(state), wraps)
}

#[test]
fn a_root_key_is_replaced_on_its_token_again_and_again() {
    let mut world = one_slot();
    let objects = world.site.token.uids().len();
    assert_eq!(renew(&mut world, "token").unwrap(), renewal("token", "token/2"));
    assert_eq!(under(&mut world), [row("token", RootState::Active, 5), row("token/2", RootState::Active, 5)]);
    // It was begun, so that no further key is made.
    assert_eq!(renew(&mut world, "token").unwrap(), renewal("token", "token/2"));
    assert_all_open(&mut world);
    retire(&mut world, "token", "token/2").unwrap();
    assert_eq!(under(&mut world), [row("token", RootState::Retired, 0), row("token/2", RootState::Active, 5)]);
    world.run(async |server| keeper(server).destroy_key("token").await).unwrap();
    assert_eq!(world.site.token.uids().len(), objects, "one root key for one");
    assert_all_open(&mut world);
    register(&mut world, "later");
    world.run(async |server| rotate(server, "token").await).unwrap();
    keep(&mut world).unwrap();
    assert_all_open(&mut world);
    let (destroyed, retired) = (RootState::Destroyed, RootState::Retired);
    let expected = [row("token", destroyed, 0), row("token/2", retired, 0), row("token/3", RootState::Active, 7)];
    assert_eq!(under(&mut world), expected);
    world.run(async |server| server.engine.take_inventory().await).unwrap();
    assert!(world.server.alarms.all().is_empty(), "{:?}", world.server.alarms.all());
}

/// Each slot by itself; the other one opens everything all the time.
#[test]
fn each_of_two_slots_gets_a_new_root_key() {
    let mut world = world();
    world.run(async |server| rotate(server, "vault").await).unwrap();
    let active = RootState::Active;
    let expected = [row("token", active, 5), row("vault", RootState::Retired, 0), row("vault/2", active, 5)];
    assert_eq!(under(&mut world), expected);
    for gone in [world.site.token.clone(), vault(&world)] {
        set_absent(&gone, true);
        assert_all_open(&mut world);
        set_absent(&gone, false);
    }
    // And moving away from its newest one retires the slot.
    retire(&mut world, "vault/2", "token").unwrap();
    assert_eq!(reason(renew(&mut world, "vault")), Reason::InvalidArgument);
    assert_all_open(&mut world);
}

#[test]
fn what_cannot_be_renewed_is_refused_and_changes_nothing() {
    let mut world = world();
    let before = world.site.store.snapshot().rows[&Collection::Meta].clone();
    for slot in ["nowhere", "token/2", "", "vault/"] {
        assert_eq!(reason(renew(&mut world, slot)), Reason::InvalidArgument, "{slot}");
    }
    set_absent(&vault(&world), true);
    assert_eq!(reason(renew(&mut world, "vault")), Reason::BackendUnavailable);
    assert_eq!(world.site.store.snapshot().rows[&Collection::Meta], before);
    let mut group = World::on(SimToken::of_a_group());
    assert_eq!(reason(renew(&mut group, "token")), Reason::UnsupportedByBackend);
}

/// kill -9 after each commit: all keys open on the next start, and the same call ends the work.
#[test]
fn an_end_at_any_commit_leaves_every_key_openable() {
    for cut in 1.. {
        let mut world = one_slot();
        world.site.vault = Some(Arc::default());
        world.restart();
        keep(&mut world).unwrap();
        let work = async |server: &Server| {
            rotate(server, "vault").await?;
            keeper(server).destroy_key("vault").await
        };
        let ended = world.run_cut(cut, work);
        assert_all_open(&mut world);
        let token = world.site.token.clone();
        set_absent(&token, true);
        assert_all_open(&mut world);
        set_absent(&token, false);
        world.try_restart().unwrap();
        let made = vault(&world).uids().len();
        let old = reports(&mut world).into_iter().find(|report| report.slot == "vault").unwrap();
        if old.state.is_some_and(RootState::opens) {
            world.run(async |server| rotate(server, "vault").await).unwrap();
        }
        world.run(async |server| keeper(server).destroy_key("vault").await).unwrap();
        assert_all_open(&mut world);
        let state = reports(&mut world).into_iter().find(|report| report.slot == "vault/2").unwrap();
        assert_eq!((state.state, state.wraps), (Some(RootState::Active), 5), "cut after {cut}");
        assert!(made <= 2 && vault(&world).uids().len() == 1, "one root key is left, whenever it was cut");
        if ended.is_some() {
            assert!(cut > 8, "there were commits to cut after");
            break;
        }
    }
}

/// A wrapping of one root key does not stand in for that of another, on the same token either.
#[test]
fn a_wrapping_says_which_root_key_it_is_under() {
    let mut world = one_slot();
    renew(&mut world, "token").unwrap();
    let rows = world.site.store.snapshot().rows[&Collection::WrappingKey].clone();
    let (id, stored) = rows.iter().find(|(_, stored)| !stored.scope.is_empty()).unwrap();
    let record: WrappingKeyRecord = hufu_core::record::Record::from_row(stored).unwrap();
    let (old, new) = (record.under("token").unwrap().to_vec(), record.under("token/2").unwrap().to_vec());
    let swapped = record.clone().with("token", new).with("token/2", old);
    let forged = world.server.keyring.integrity().row(&swapped, stored.revision);
    world.site.store.tamper(|state| {
        state.rows.get_mut(&Collection::WrappingKey).unwrap().insert(id.clone(), forged);
    });
    world.try_restart().unwrap();
    assert!(world.run(async |server| server.keyring.open(record.id).await).is_err());
}
