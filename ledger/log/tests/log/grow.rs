//! Any interleaving of events, steps and restarts gives a log that verifies.

use std::collections::BTreeMap;

use hufu_log::LogError;
use hufu_verify::verify_checkpoints_consistent;
use proptest::prelude::*;

use crate::run;
use crate::world::{Stepped, World};

#[derive(Clone, Debug)]
enum Deed {
    Event(u8),
    OtherChange,
    Step(u32),
    /// The process dies after the root was fixed and before the note is published; the second time after signing.
    Die {
        signed: bool,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..4_u8).prop_map(Deed::Event),
        1 => Just(Deed::OtherChange),
        3 => (1..5_u32).prop_map(Deed::Step),
        1 => any::<bool>().prop_map(|signed| Deed::Die { signed }),
    ]
}

async fn perform(mut world: World, deed: Deed) -> World {
    match deed {
        Deed::Event(key) => world.event(key),
        Deed::OtherChange => world.other_change(),
        Deed::Step(limit) => drop(world.step(limit).await.unwrap()),
        Deed::Die { signed } => {
            let mut state = world.log.state().await.unwrap();
            world.sign(&state).await.unwrap();
            world.fix(&mut state, 3).await.unwrap();
            let before = world.store.snapshot();
            if signed {
                world.sign(&state).await.unwrap();
            }
            return world.with_rows(before);
        }
    }
    world
}

async fn check(world: &World) {
    let mut roots = BTreeMap::new();
    let mut checkpoints = Vec::new();
    for note in &world.notes {
        let checkpoint = world.checkpoint(note);
        assert_eq!(*roots.entry(checkpoint.size).or_insert(checkpoint.root), checkpoint.root, "two roots of a size");
        checkpoints.push(checkpoint);
    }
    let Some(newest) = world.log.signed().await.unwrap() else { return };
    let newest = world.checkpoint(&newest.note);
    for old in checkpoints {
        let extension = world.log.consistency(old.size).await.unwrap();
        verify_checkpoints_consistent(&old, &newest, &extension.proof).unwrap();
    }
    for (key, last) in world.keys() {
        let report = world.verify(&world.prove(*key).await.unwrap());
        assert!(report.public_key_matches);
        assert_eq!(report.events.len() as u64, last.sequence + 1);
        assert_eq!(report.last_event, last.event);
    }
    let total: u64 = world.keys().values().map(|leaf| leaf.sequence + 1).sum();
    let scrubbed = world.log.scrub(0, u64::MAX).await.unwrap();
    assert_eq!((newest.size, scrubbed.leaves, scrubbed.next), (total, total, None));
    assert_eq!(scrubbed.findings, []);
    assert_eq!(world.log.pending(100).await.unwrap(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_interleaving_verifies(deeds in prop::collection::vec(deed(), 1..60)) {
        run(async {
            let mut world = World::new();
            for deed in deeds {
                world = perform(world, deed).await;
            }
            world.drain().await;
            check(&world.restart()).await;
        });
    }
}

#[test]
fn a_log_of_several_tiles_verifies() {
    run(async {
        let mut world = World::new();
        for batch in [1_u32, 255, 1, 300, 100, 1] {
            (0..batch).for_each(|n| world.event((n % 3) as u8));
            world.drain().await;
        }
        check(&world.restart()).await;
    });
}

#[test]
fn an_event_is_pending_until_its_checkpoint_is_signed() {
    run(async {
        let mut world = World::new();
        assert_eq!(world.prove(1).await, Err(LogError::UnknownKey));
        assert_eq!(world.step(10).await.unwrap(), Stepped::Idle);
        world.event(1);
        assert_eq!(world.prove(1).await, Err(LogError::Pending));
        assert_eq!(world.log.pending(100).await.unwrap(), 1);
        let mut state = world.log.state().await.unwrap();
        world.fix(&mut state, 10).await.unwrap();
        assert_eq!(world.prove(1).await, Err(LogError::Pending), "the root is fixed and not signed");
        assert_eq!(world.log.pending(100).await.unwrap(), 1);
        assert!(world.sign(&state).await.unwrap());
        let report = world.verify(&world.prove(1).await.unwrap());
        assert_eq!(report.events.len(), 1);
        world.event(1);
        assert_eq!(world.prove(1).await, Err(LogError::Pending), "the newest event is not left out");
    });
}

#[test]
fn feed_items_without_leaves_are_passed_once() {
    run(async {
        let mut world = World::new();
        (0..10).for_each(|_| world.other_change());
        let mut state = world.log.state().await.unwrap();
        assert_eq!(world.fix(&mut state, 4).await.unwrap(), Stepped::Sequenced(0), "a full batch moves the position");
        assert_eq!(world.fix(&mut state, 4).await.unwrap(), Stepped::Sequenced(0));
        assert_eq!(world.fix(&mut state, 4).await.unwrap(), Stepped::Idle, "a few wait for the next leaf");
        world.event(1);
        assert_eq!(world.fix(&mut state, 4).await.unwrap(), Stepped::Sequenced(1));
        world.sign(&state).await.unwrap();
        let mut world = world.restart();
        assert_eq!(world.step(4).await.unwrap(), Stepped::Idle);
        assert_eq!(world.log.signed().await.unwrap().unwrap().size, 1);
    });
}
