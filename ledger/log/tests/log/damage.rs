//! Whatever is tampered with is named, and nothing is signed or proven on top of it.

use hufu_core::changeset::Collection;
use hufu_core::record::{LogPosition, Record};
use hufu_log::{Damage, LogError, ProofOf, leaf_row_id};
use hufu_tlog::TileId;

use crate::run;
use crate::store::State;
use crate::world::World;

/// Three full tiles and a bit: keys 0, 1 and 2 in turn.
async fn grown() -> World {
    let mut world = World::new();
    (0..800_u32).for_each(|n| world.event((n % 3) as u8));
    world.drain().await;
    world.restart()
}

fn flip(state: &mut State, collection: Collection, id: &str) {
    let row = state.rows.get_mut(&(collection, id.to_owned())).unwrap_or_else(|| panic!("no row `{id}`"));
    let last = row.body.len() - 1;
    row.body[last] ^= 1;
}

fn tile(level: u8, index: u64, width: u16) -> Damage {
    Damage::Tile(TileId { level, index, width })
}

async fn findings(world: &World) -> Vec<Damage> {
    world.log.scrub(0, u64::MAX).await.unwrap().findings
}

#[test]
fn a_damaged_inner_tile_is_named() {
    run(async {
        let world = grown().await;
        world.store.tamper(|state| flip(state, Collection::Tile, "00/00000000000000000001"));
        assert_eq!(findings(&world).await, [tile(0, 1, 256)]);
        assert_eq!(world.prove(0).await, Err(LogError::Damaged(tile(0, 1, 256))));
        world.log.state().await.unwrap();
    });
}

#[test]
fn a_damaged_edge_stops_the_sequencer() {
    run(async {
        for id in ["00/00000000000000000003", "01/00000000000000000000"] {
            let world = grown().await;
            world.store.tamper(|state| flip(state, Collection::Tile, id));
            let root = Damage::Root { size: 800 };
            assert_eq!(world.log.state().await, Err(LogError::Damaged(root.clone())));
            assert!(findings(&world).await.contains(&root));
            let world = grown().await;
            world.store.tamper(|state| drop(state.rows.remove(&(Collection::Tile, id.to_owned()))));
            let Err(LogError::Damaged(Damage::Tile(missing))) = world.log.state().await else { panic!("{id}") };
            assert!(missing.width < 256);
        }
    });
}

#[test]
fn a_damaged_or_missing_leaf_is_named() {
    run(async {
        let id = leaf_row_id(&World::ledger_id(1), 3);
        let world = grown().await;
        world.store.tamper(|state| flip(state, Collection::Leaf, &id));
        assert_eq!(findings(&world).await, [Damage::Leaf(id.clone())]);
        assert_eq!(world.prove(1).await, Err(LogError::Damaged(Damage::Leaf(id.clone()))));
        world.verify(&world.prove(0).await.unwrap());
        world.store.tamper(|state| drop(state.rows.remove(&(Collection::Leaf, id.clone()))));
        assert_eq!(findings(&world).await, [Damage::LeafMissing(id.clone())]);
        assert_eq!(world.prove(1).await, Err(LogError::Damaged(Damage::LeafMissing(id))));
    });
}

#[test]
fn a_leaf_that_never_was_ours_is_not_sequenced() {
    run(async {
        let mut world = grown().await;
        let mut leaf = world.keys()[&1].clone();
        leaf.origin = "another.test/log".into();
        leaf.sequence += 1;
        leaf.previous = Some([1; 32]);
        world.commit_leaf(&leaf);
        let id = leaf_row_id(&World::ledger_id(1), leaf.sequence);
        assert_eq!(world.step(10).await, Err(LogError::Damaged(Damage::Leaf(id.clone()))));
        world.store.tamper(|state| drop(state.rows.remove(&(Collection::Leaf, id.clone()))));
        assert_eq!(world.step(10).await, Err(LogError::Damaged(Damage::LeafMissing(id))));
    });
}

#[test]
fn a_cut_tail_of_a_key_is_seen_by_who_knows_better() {
    run(async {
        let world = grown().await;
        let (ledger_id, last) = (World::ledger_id(2), world.keys()[&2].clone());
        let known = Some((last.sequence, hufu_tlog::leaf_hash(&last.encode().unwrap()).0));
        let of = ProofOf { ledger_id: &ledger_id, public_key: None, known };
        world.log.bundle(&of).await.unwrap();
        let id = leaf_row_id(&ledger_id, last.sequence);
        world.store.tamper(|state| drop(state.rows.remove(&(Collection::Leaf, id.clone()))));
        assert_eq!(world.log.bundle(&of).await, Err(LogError::Damaged(Damage::LeafMissing(id))));
    });
}

#[test]
fn wrong_indices_are_named() {
    run(async {
        let world = grown().await;
        let leaf = leaf_row_id(&World::ledger_id(0), 1);
        world.store.tamper(|state| {
            state.rows.remove(&(Collection::LeafIndex, format!("{:020}", 500)));
            flip(state, Collection::LeafIndex, &format!("by-leaf/{leaf}"));
        });
        assert_eq!(findings(&world).await, [Damage::Place(leaf.clone()), Damage::Index(500)]);
        assert_eq!(world.prove(0).await, Err(LogError::Damaged(Damage::Place(leaf))));
    });
}

#[test]
fn a_leaf_that_the_service_did_not_write_is_never_signed() {
    run(async {
        let mut world = grown().await;
        world.event(0);
        world.store.tamper(|state| {
            let forged = state.rows.iter_mut().filter(|((collection, _), _)| *collection == Collection::Leaf);
            forged.for_each(|(_, row)| row.tag[0] ^= 1);
        });
        let mut state = world.log.state().await.unwrap();
        let Err(LogError::Damaged(Damage::Leaf(_))) = world.fix(&mut state, 100).await else {
            panic!("it was planned")
        };
    });
}

#[test]
fn a_wrong_position_is_named() {
    run(async {
        let world = grown().await;
        let row = (Collection::Meta, LogPosition::ID.to_owned());
        world.store.tamper(|state| {
            let old = state.rows.get_mut(&row).unwrap();
            let position = LogPosition { root: [3; 32], ..LogPosition::from_row(old).unwrap() };
            old.body = position.to_row(old.revision).body;
        });
        assert_eq!(world.log.state().await, Err(LogError::Damaged(Damage::Position)), "its tag is another's");
        world.store.tamper(|state| state.rows.get_mut(&row).unwrap().body.truncate(9));
        assert_eq!(world.log.state().await, Err(LogError::Damaged(Damage::Position)));
        world.store.tamper(|state| drop(state.rows.remove(&row)));
        assert_eq!(world.log.state().await, Err(LogError::Damaged(Damage::Position)));
    });
}

#[test]
fn a_forged_checkpoint_is_named() {
    run(async {
        let world = grown().await;
        let id = format!("{:020}", 800);
        world.store.tamper(|state| {
            let row = state.rows.get_mut(&(Collection::Checkpoint, id.clone())).unwrap();
            let at = row.body.windows(4).position(|bytes| bytes == b"\n800").unwrap();
            row.body[at + 1] = b'9';
        });
        assert_eq!(world.log.signed().await, Err(LogError::Damaged(Damage::Checkpoint(800))));
        assert_eq!(world.log.state().await, Err(LogError::Damaged(Damage::Checkpoint(800))));
        world.store.tamper(|state| drop(state.rows.remove(&(Collection::Checkpoint, id))));
        let sizes = Damage::PositionSize { position: 800, checkpoint: 768 };
        assert_eq!(world.log.state().await, Err(LogError::Damaged(sizes)));
    });
}

#[test]
fn an_older_database_is_behind_the_checkpoint_outside() {
    run(async {
        let mut world = grown().await;
        let backup = world.store.snapshot();
        world.event(0);
        world.drain().await;
        let outside = world.checkpoint(world.notes.last().unwrap());
        let state = world.log.state().await.unwrap();
        world.log.check_outside(&state, &outside).await.unwrap();
        world.store.restore(backup.clone());
        let cut = Damage::Cut { found: 800, known: 801 };
        assert_eq!(world.log.signed().await, Err(LogError::Damaged(cut)), "a running server notices by itself");
        let world = world.with_rows(backup);
        let state = world.log.state().await.unwrap();
        let behind = LogError::Behind { outside: 801, size: 800 };
        assert_eq!(world.log.check_outside(&state, &outside).await, Err(behind.clone()));
        assert_eq!(world.log.check_signed_extends(&outside).await, Err(behind));
    });
}

#[test]
fn a_log_that_went_another_way_is_forked() {
    run(async {
        let mut world = grown().await;
        world.event(0);
        world.drain().await;
        let outside = world.checkpoint(world.notes.last().unwrap());
        let mut other = World::new();
        (0..900_u32).for_each(|n| other.event((n % 3) as u8 + 3));
        other.drain().await;
        let state = other.log.state().await.unwrap();
        let forked = LogError::Forked { signed: 801, size: 900 };
        assert_eq!(other.log.check_outside(&state, &outside).await, Err(forked));
    });
}

#[test]
fn nothing_is_signed_that_does_not_extend_what_was_signed() {
    run(async {
        let world = grown().await;
        // An intruder who writes to the database grows another log and leaves a checkpoint of it to be signed.
        let mut other = World::new();
        (0..900_u32).for_each(|n| other.event((n % 3) as u8 + 3));
        let mut state = other.log.state().await.unwrap();
        other.fix(&mut state, 900).await.unwrap();
        let mut forged = other.store.snapshot();
        let signed = (Collection::Checkpoint, format!("{:020}", 800));
        forged.rows.insert(signed.clone(), world.store.snapshot().rows[&signed].clone());
        let mut world = world.with_rows(forged);
        let state = world.log.state().await.unwrap();
        assert_eq!(world.sign(&state).await, Err(LogError::Forked { signed: 800, size: 900 }));
    });
}

#[test]
fn a_bad_signature_is_not_published() {
    run(async {
        let mut world = World::new();
        world.event(0);
        let mut state = world.log.state().await.unwrap();
        world.fix(&mut state, 1).await.unwrap();
        let unsigned = world.log.unsigned(&state).await.unwrap().unwrap();
        let sealed = world.log.seal(&unsigned, &[9; 64], &world.fence("a"), 0);
        assert!(matches!(sealed, Err(LogError::Signature { size: 1, .. })));
    });
}
