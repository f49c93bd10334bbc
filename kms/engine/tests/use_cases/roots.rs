//! Root slots: added, missed, found again, moved away from, with an end at every commit; and a database that was changed.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use hufu_core::algorithm::Algorithm;
use hufu_core::backend::BackendError;
use hufu_core::changeset::{Collection, Row};
use hufu_core::name::{JobId, TenantId};
use hufu_core::record::{Protection, Record as _, RootSlot, RootState, WrappingKeyRecord};
use hufu_core::{Error, Reason};
use hufu_engine::api::{CreateImportJob, CreateKey};
use hufu_engine::{MoveStep, RootKeeper, RootReport};

use crate::common::server::Server;
use crate::common::token::SimToken;
use crate::common::world::{ALICE, World};
use crate::requests::{create, primary, reason};

const ROOT_MISSING: &str = "root-missing";
const ROOT_REVIVED: &str = "root-revived";

/// A world with a software key, a second root slot, and everything under both.
pub(crate) fn world() -> World {
    let mut world = one_slot();
    world.site.vault = Some(Arc::default());
    world.restart();
    keep(&mut world).unwrap();
    world
}

pub(crate) fn one_slot() -> World {
    let mut world = World::new();
    let request = CreateKey { protection: Protection::Software, ..create(ALICE, "soft", Algorithm::Ed25519) };
    world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await).unwrap();
    world
}

pub(crate) fn keep(world: &mut World) -> Result<(), Error> {
    world.run(async |server| server.engine.keep_roots().await)
}

pub(crate) fn reports(world: &mut World) -> Vec<RootReport> {
    world.run(async |server| keeper(server).report().await).unwrap()
}

pub(crate) fn keeper(server: &Server) -> RootKeeper<'_> {
    RootKeeper { keyring: &server.keyring, journal: &server.journal, clock: &*server.clock }
}

pub(crate) fn retire(world: &mut World, from: &str, to: &str) -> Result<(), Error> {
    world.run(async |server| keeper(server).retire(from, to, &|_| {}).await)
}

/// State, and how many of the keys are under each slot: of the first one and of the vault.
fn under(world: &mut World) -> [(Option<RootState>, u64, u64); 2] {
    let all = reports(world);
    ["token", "vault"].map(|slot| {
        let report = all.iter().find(|report| report.slot == slot).unwrap();
        (report.state, report.wraps, report.keys)
    })
}

pub(crate) fn register(world: &mut World, tenant: &str) {
    let tenant = TenantId::parse(tenant).unwrap();
    world.run(async |server| server.engine.register_tenant(&tenant).await).unwrap();
}

pub(crate) fn set_absent(token: &SimToken, absent: bool) {
    token.is_absent.store(absent, Ordering::Relaxed);
}

pub(crate) fn vault(world: &World) -> Arc<SimToken> {
    world.site.vault.clone().unwrap()
}

/// Every wrapping key opens on a server that was started just now, and the software key signs.
pub(crate) fn assert_all_open(world: &mut World) {
    world.try_restart().unwrap();
    let rows: Vec<Row> = world.site.store.snapshot().rows[&Collection::WrappingKey].values().cloned().collect();
    for row in rows {
        let record = WrappingKeyRecord::from_row(&row).unwrap();
        let opened = world.run(async |server| server.keyring.open(record.id).await);
        assert!(opened.is_ok(), "{}: {opened:?}", record.id);
    }
    world.sign(&primary("soft")).unwrap();
}

#[test]
fn one_slot_needs_no_row_and_is_told_of() {
    let mut world = one_slot();
    keep(&mut world).unwrap();
    let [report] = &reports(&mut world)[..] else { panic!("one slot") };
    assert_eq!((report.slot.as_str(), report.state), ("token", Some(RootState::Active)));
    assert_eq!((report.wraps, report.keys), (5, 5));
    let meta = world.site.store.snapshot().rows[&Collection::Meta].keys().cloned().collect::<Vec<_>>();
    assert!(meta.iter().all(|id| !id.starts_with("root/")), "{meta:?}");
}

#[test]
fn either_token_opens_everything() {
    let mut world = world();
    let active = Some(RootState::Active);
    assert_eq!(under(&mut world), [(active, 5, 5), (active, 5, 5)]);
    let (token, vault) = (world.site.token.clone(), vault(&world));
    for gone in [&token, &vault] {
        set_absent(gone, true);
        assert_all_open(&mut world);
        set_absent(gone, false);
    }
    set_absent(&token, true);
    set_absent(&vault, true);
    assert!(world.try_restart().unwrap_err().contains("the root token"));
}

/// It may be able to do what is asked: the same call works when it is back.
#[test]
fn a_token_that_is_away_refuses_nothing_for_good() {
    let mut world = world();
    let token = world.site.token.clone();
    let job = || CreateImportJob {
        job: JobId::parse("j").unwrap(),
        key: create(ALICE, "in", Algorithm::HmacSha256),
        public_key: None,
        import_algorithm: None,
        lifetime_ms: None,
    };
    let make = |world: &mut World| {
        let request = create(ALICE, "hard", Algorithm::Ed25519);
        world.call(ALICE, async |server, caller| server.engine.create_key(&caller, request).await)
    };
    let open = |world: &mut World| {
        world.call(ALICE, async |server, caller| server.engine.create_import_job(&caller, job()).await)
    };
    set_absent(&token, true);
    world.try_restart().unwrap();
    assert_eq!(reason(make(&mut world)), Reason::BackendUnavailable);
    assert_eq!(reason(open(&mut world)), Reason::BackendUnavailable);
    set_absent(&token, false);
    make(&mut world).unwrap();
    open(&mut world).unwrap();
    let never = create(ALICE, "never", Algorithm::Sm2);
    let made = world.call(ALICE, async |server, caller| server.engine.create_key(&caller, never).await);
    assert_eq!(reason(made), Reason::UnsupportedByBackend);
}

#[test]
fn what_was_made_while_a_token_was_away_is_wrapped_when_it_is_back() {
    let mut world = world();
    for gone in [world.site.token.clone(), vault(&world)] {
        set_absent(&gone, true);
        let tenant = format!("tenant-{}", world.rows(Collection::Tenant));
        register(&mut world, &tenant);
        keep(&mut world).unwrap();
        let [first, second] = under(&mut world);
        assert_eq!(first.1 + second.1 + 2, first.2 + second.2, "two keys are under one slot alone");
        set_absent(&gone, false);
        keep(&mut world).unwrap();
        let [first, second] = under(&mut world);
        assert_eq!((first.1, second.1), (first.2, second.2));
    }
}

#[test]
fn a_token_that_stays_away_is_an_alarm() {
    let mut world = world();
    let vault = vault(&world);
    set_absent(&vault, true);
    keep(&mut world).unwrap();
    assert!(!world.server.alarms.is_raised(ROOT_MISSING, "root/vault"), "it may be opening again");
    keep(&mut world).unwrap();
    assert!(world.server.alarms.is_raised(ROOT_MISSING, "root/vault"));
    world.site.vault = None;
    world.restart();
    keep(&mut world).unwrap();
    keep(&mut world).unwrap();
    assert!(world.server.alarms.is_raised(ROOT_MISSING, "root/vault"), "it is not configured any more");
}

#[test]
fn a_move_leaves_everything_with_the_new_slot_and_the_root_key_can_be_destroyed() {
    let mut world = world();
    let token = world.site.token.clone();
    let steps = std::sync::Mutex::new(Vec::new());
    world
        .run(async |server| keeper(server).retire("token", "vault", &|step| steps.lock().unwrap().push(step)).await)
        .unwrap();
    let steps = steps.into_inner().unwrap();
    assert_eq!(steps, [MoveStep::Covered(5), MoveStep::Retiring, MoveStep::Stripped(5), MoveStep::Retired]);
    let (active, retired) = (Some(RootState::Active), Some(RootState::Retired));
    assert_eq!(under(&mut world), [(retired, 0, 5), (active, 5, 5)]);
    // The keeper does not fill it again, nor do new tenants.
    keep(&mut world).unwrap();
    register(&mut world, "later");
    assert_eq!(under(&mut world), [(retired, 0, 7), (active, 7, 7)]);
    retire(&mut world, "token", "vault").unwrap();
    let objects = token.uids().len();
    let destroy = async |server: &Server| keeper(server).destroy_key("token").await;
    world.run(destroy).unwrap();
    assert_eq!(token.uids().len(), objects - 1, "the root key, and the log key is left");
    world.run(destroy).unwrap();
    assert_eq!(under(&mut world)[0].0, Some(RootState::Destroyed));
    assert_all_open(&mut world);
    world.run(async |server| server.engine.take_inventory().await).unwrap();
    let records = world.run(async |server| server.engine.status_now().await).unwrap();
    assert_eq!((records.unknown_objects, records.roots.len()), (0, 2));
}

/// The token of the old slot may be gone for good.
#[test]
fn a_move_needs_nothing_of_the_old_token() {
    let mut world = world();
    set_absent(&world.site.token.clone(), true);
    world.try_restart().unwrap();
    retire(&mut world, "token", "vault").unwrap();
    assert_all_open(&mut world);
    let destroyed = world.run(async |server| keeper(server).destroy_key("token").await);
    assert_eq!(reason(destroyed), Reason::BackendUnavailable);
    assert_all_open(&mut world);
}

#[test]
fn moves_that_cannot_be_meant_are_refused_and_change_nothing() {
    let mut world = world();
    let vault = vault(&world);
    for (from, to) in [("token", "token"), ("token", "nowhere"), ("nowhere", "vault"), ("", "vault")] {
        assert_eq!(reason(retire(&mut world, from, to)), Reason::InvalidArgument, "{from} {to}");
    }
    for slot in ["token", "vault", "nowhere"] {
        let destroyed = world.run(async |server| keeper(server).destroy_key(slot).await);
        assert_eq!(reason(destroyed), Reason::InvalidArgument, "{slot}");
    }
    set_absent(&vault, true);
    assert_eq!(reason(retire(&mut world, "token", "vault")), Reason::BackendUnavailable);
    set_absent(&vault, false);
    let active = Some(RootState::Active);
    assert_eq!(under(&mut world), [(active, 5, 5), (active, 5, 5)]);
    retire(&mut world, "vault", "token").unwrap();
    assert_eq!(reason(retire(&mut world, "token", "vault")), Reason::InvalidArgument, "it is retired");
    let mut alone = one_slot();
    assert_eq!(reason(retire(&mut alone, "token", "vault")), Reason::InvalidArgument, "it is the only one");
    assert_all_open(&mut world);
}

/// Two operators, each moving to the slot that the other moves away from.
#[test]
fn of_moves_that_cross_one_is_refused() {
    let mut world = world();
    let (one, other) = world.run(async |server| {
        let (there, back) = (keeper(server), keeper(server));
        both(there.retire("token", "vault", &|_| {}), back.retire("vault", "token", &|_| {})).await
    });
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let (retired, active) = if one.is_ok() { ("token", "vault") } else { ("vault", "token") };
    let states = reports(&mut world).into_iter().map(|report| (report.slot, (report.state.unwrap(), report.wraps)));
    let states: BTreeMap<_, _> = states.collect();
    assert_eq!((states[retired], states[active]), ((RootState::Retired, 0), (RootState::Active, 5)));
    world.run(async |server| keeper(server).destroy_key(retired).await).unwrap();
    assert_all_open(&mut world);
}

/// Polls two futures by turns.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(done) = one.as_mut().poll(context)
        {
            first = Some(done);
        }
        if second.is_none()
            && let Poll::Ready(done) = other.as_mut().poll(context)
        {
            second = Some(done);
        }
        if first.is_some() && second.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (first.unwrap(), second.unwrap())
}

/// Whoever can write to the database puts an older row of a wrapping key back: with it the retired slot wraps again.
#[test]
fn a_root_key_is_not_destroyed_while_a_key_is_under_it() {
    let mut world = world();
    let older = world.site.store.snapshot().rows[&Collection::WrappingKey].clone();
    retire(&mut world, "token", "vault").unwrap();
    let put_back = |world: &mut World| {
        world.site.store.tamper(|state| {
            let (id, row) = older.last_key_value().unwrap();
            state.rows.get_mut(&Collection::WrappingKey).unwrap().insert(id.clone(), row.clone());
        });
    };
    put_back(&mut world);
    let objects = world.site.token.uids().len();
    let destroyed = world.run(async |server| keeper(server).destroy_key("token").await);
    assert_eq!(reason(destroyed), Reason::WrongState);
    assert_eq!(world.site.token.uids().len(), objects);
    assert_eq!(under(&mut world)[0], (Some(RootState::Retired), 1, 5));
    // The same move takes it away once more, and then the key may go.
    retire(&mut world, "token", "vault").unwrap();
    // Cut off between the intent and the token.
    world.run_cut(1, async |server| keeper(server).destroy_key("token").await);
    assert_eq!(under(&mut world)[0].0, Some(RootState::Destroying));
    put_back(&mut world);
    assert_eq!(reason(world.run(async |server| keeper(server).destroy_key("token").await)), Reason::WrongState);
    assert_eq!(world.site.token.uids().len(), objects);
    retire(&mut world, "token", "vault").unwrap();
    world.run(async |server| keeper(server).destroy_key("token").await).unwrap();
    assert_all_open(&mut world);
}

/// kill -9 after each commit of adding a slot and of a move: all keys open on the next start, and the same call ends the work.
#[test]
fn an_end_at_any_commit_leaves_every_key_openable() {
    for cut in 1.. {
        let mut world = one_slot();
        world.site.vault = Some(Arc::default());
        world.restart();
        let ended = world.run_cut(cut, async |server| server.engine.keep_roots().await);
        assert_all_open(&mut world);
        keep(&mut world).unwrap();
        let active = Some(RootState::Active);
        assert_eq!(under(&mut world), [(active, 5, 5), (active, 5, 5)], "cut after {cut}");
        assert_eq!(vault(&world).uids().len(), 1, "one root key, whenever it was cut");
        if ended.is_some() {
            break;
        }
    }
    for cut in 1.. {
        let mut world = world();
        let work = async |server: &Server| {
            keeper(server).retire("token", "vault", &|_| {}).await?;
            keeper(server).destroy_key("token").await
        };
        let ended = world.run_cut(cut, work);
        assert_all_open(&mut world);
        let token = world.site.token.clone();
        let covered = under(&mut world)[1].1 == 5;
        set_absent(&token, covered);
        assert_all_open(&mut world);
        set_absent(&token, false);
        world.try_restart().unwrap();
        world.run(work).unwrap();
        assert_all_open(&mut world);
        assert_eq!(under(&mut world)[0].0, Some(RootState::Destroyed));
        if ended.is_some() {
            assert!(cut > 8, "there were commits to cut after");
            break;
        }
    }
}

/// Whoever can write to the database cannot put one slot's wrapping in the place of another's, nor one tenant's.
#[test]
fn wrappings_cannot_be_swapped() {
    let swaps: [fn(&mut WrappingKeyRecord, &WrappingKeyRecord); 4] = [
        |one, other| one.others.clone_from(&other.others),
        |one, other| one.wrapped.clone_from(&other.wrapped),
        |one, _| one.wrapped = one.others[0].bytes.clone(),
        |one, _| one.others[0].bytes = one.wrapped.clone(),
    ];
    for swap in swaps {
        let mut world = world();
        let rows = world.site.store.snapshot().rows[&Collection::WrappingKey].clone();
        let mut records: Vec<_> = rows.values().map(|row| (row, WrappingKeyRecord::from_row(row).unwrap())).collect();
        records.retain(|(_, record)| !record.tenant.is_empty());
        let (row, mut one) = records[0].clone();
        swap(&mut one, &records[1].1);
        // With a good tag even: as someone could who has stolen the integrity key.
        let forged = world.server.keyring.integrity().row(&one, row.revision);
        world.site.store.tamper(|state| {
            state.rows.get_mut(&Collection::WrappingKey).unwrap().insert(row.id.clone(), forged.clone());
        });
        let which = one.under("token") != records[0].1.under("token");
        let genuine = if which { vault(&world) } else { world.site.token.clone() };
        set_absent(&genuine, true);
        world.try_restart().unwrap();
        let opened = world.run(async |server| server.keyring.open(one.id).await);
        assert!(matches!(opened, Err(BackendError::Rejected | BackendError::Unavailable(_))), "{opened:?}");
        set_absent(&genuine, false);
        // What the other slot wraps is genuine, and opens.
        assert!(world.run(async |server| server.keyring.open(one.id).await).is_ok());
    }
}

#[test]
fn a_slot_row_that_was_changed_is_found() {
    let changes: [fn(&mut Row); 3] =
        [|row| *row.body.last_mut().unwrap() ^= 1, |row| row.revision += 1, |row| row.tag.clear()];
    for change in changes {
        let mut world = world();
        world.site.store.tamper(|state| {
            change(state.rows.get_mut(&Collection::Meta).unwrap().get_mut("root/vault").unwrap());
        });
        assert!(world.try_restart().is_err());
    }
}

/// Whoever can write to the database makes the row of a retired slot say less than it did, and lets the service work on.
#[test]
fn a_retired_slot_wraps_nothing_again_whatever_its_row_says() {
    for deletes in [true, false] {
        for restarts in [false, true] {
            let mut world = world();
            retire(&mut world, "token", "vault").unwrap();
            let row = world.site.store.snapshot().rows[&Collection::Meta]["root/token"].clone();
            // As it would have been, were the first slot's state written down while it was active.
            let active = RootSlot { state: RootState::Active, ..RootSlot::from_row(&row).unwrap() };
            let older = world.server.keyring.integrity().row(&active, 1);
            world.site.store.tamper(|state| {
                let rows = state.rows.get_mut(&Collection::Meta).unwrap();
                rows.remove("root/token");
                if !deletes {
                    rows.insert("root/token".to_owned(), older);
                }
            });
            if restarts {
                world.restart();
            }
            register(&mut world, "later");
            keep(&mut world).unwrap();
            keep(&mut world).unwrap();
            let at = format!("deletes {deletes}, restarts {restarts}");
            let states = [(Some(RootState::Retired), 0, 7), (Some(RootState::Active), 7, 7)];
            assert_eq!(under(&mut world), states, "{at}");
            assert!(world.server.alarms.is_raised(ROOT_REVIVED, "root/token"), "{at}");
            assert!(!world.server.alarms.is_raised(ROOT_REVIVED, "root/vault"), "{at}");
            // Nothing moves back to it, and the same move once more puts its row right.
            assert_eq!(reason(retire(&mut world, "vault", "token")), Reason::InvalidArgument, "{at}");
            retire(&mut world, "token", "vault").unwrap();
            world.restart();
            keep(&mut world).unwrap();
            assert!(!world.server.alarms.is_raised(ROOT_REVIVED, "root/token"), "{at}");
            assert_all_open(&mut world);
        }
    }
}

/// A further slot whose row is gone is not made anew under its old name.
#[test]
fn a_retired_slot_without_a_row_is_not_made_again() {
    let mut world = world();
    retire(&mut world, "vault", "token").unwrap();
    world.site.store.tamper(|state| drop(state.rows.get_mut(&Collection::Meta).unwrap().remove("root/vault")));
    world.restart();
    keep(&mut world).unwrap();
    assert!(world.server.alarms.is_raised(ROOT_REVIVED, "root/vault"));
    let states = [(Some(RootState::Active), 5, 5), (Some(RootState::Retired), 0, 5)];
    assert_eq!((under(&mut world), vault(&world).uids().len()), (states, 1));
}

/// Keys from before they were told of retired slots learn of them, and from any one of them the others do.
#[test]
fn keys_of_an_earlier_release_hear_of_retired_slots() {
    let mut world = world();
    retire(&mut world, "token", "vault").unwrap();
    let unmarked = |world: &World, all: bool| {
        let seal = world.server.keyring.clone();
        world.site.store.tamper(|state| {
            for row in state.rows.get_mut(&Collection::WrappingKey).unwrap().values_mut() {
                let record = WrappingKeyRecord::from_row(row).unwrap();
                if all || record.tenant.is_empty() {
                    let record = WrappingKeyRecord { stripped: Vec::new(), ..record };
                    *row = seal.integrity().row(&record, row.revision);
                }
            }
        });
    };
    unmarked(&world, true);
    world.restart();
    keep(&mut world).unwrap();
    let rows = world.site.store.snapshot().rows[&Collection::WrappingKey].clone();
    assert!(rows.values().all(|row| WrappingKeyRecord::from_row(row).unwrap().is_stripped_of("token")));
    // The deployment's own key is put back together with the slot's row: the tenants' keys still tell.
    unmarked(&world, false);
    world.site.store.tamper(|state| drop(state.rows.get_mut(&Collection::Meta).unwrap().remove("root/token")));
    world.restart();
    keep(&mut world).unwrap();
    assert!(world.server.alarms.is_raised(ROOT_REVIVED, "root/token"));
    register(&mut world, "later");
    assert_eq!(under(&mut world), [(Some(RootState::Retired), 0, 7), (Some(RootState::Active), 7, 7)]);
}
