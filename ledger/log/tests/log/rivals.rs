//! Two sequencers at once: whatever the order of their commits, there is one root of each size.

use std::collections::BTreeMap;

use hufu_log::{LogError, LogState, Sealed};
use proptest::prelude::*;

use crate::run;
use crate::world::{Stepped, World};

/// A sequencer that keeps its state between commits and drops it when one fails.
#[derive(Default)]
struct Rival {
    state: Option<LogState>,
    held_up: Option<Sealed>,
}

impl Rival {
    /// One commit: what is to be signed first, else a plan. Its view may be stale.
    async fn act(&mut self, world: &mut World) {
        let mut state = match self.state.take() {
            Some(state) => state,
            None => world.log.state().await.unwrap(),
        };
        let done = match world.log.unsigned(&state).await {
            Err(error) => {
                assert_eq!(error, LogError::Stale, "another one's progress is no damage");
                false
            }
            Ok(Some(_)) => world.sign(&state).await.unwrap(),
            Ok(None) => match world.fix(&mut state, 2).await {
                Ok(stepped) => stepped != Stepped::Guarded,
                Err(error) => {
                    assert_eq!(error, LogError::Stale);
                    false
                }
            },
        };
        self.state = done.then_some(state);
    }

    /// Signs, and is held up before the note is committed.
    async fn sign_slowly(&mut self, world: &mut World) {
        let state = world.log.state().await.unwrap();
        if let Some(sealed) = world.seal(&state).await.unwrap() {
            self.held_up = Some(sealed);
        }
    }

    fn publish(&mut self, world: &World) {
        if let Some(sealed) = self.held_up.take() {
            drop(world.store.apply(&sealed.changeset));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn rivals_never_make_two_roots_of_one_size(deeds in prop::collection::vec(0..10_u8, 1..80)) {
        run(async {
            let mut world = World::new();
            let mut rivals = [Rival::default(), Rival::default()];
            for deed in deeds {
                match deed {
                    0 | 1 => rivals[usize::from(deed)].act(&mut world).await,
                    2 | 3 => rivals[usize::from(deed) - 2].sign_slowly(&mut world).await,
                    4 | 5 => rivals[usize::from(deed) - 4].publish(&world),
                    deed => world.event(deed),
                }
            }
            world.drain().await;
            let mut roots = BTreeMap::new();
            for note in &world.notes {
                let checkpoint = world.checkpoint(note);
                assert_eq!(*roots.entry(checkpoint.size).or_insert(checkpoint.root), checkpoint.root);
            }
            for key in world.keys().keys() {
                world.verify(&world.prove(*key).await.unwrap());
            }
        });
    }
}

#[test]
fn a_signature_that_came_too_late_is_not_published() {
    run(async {
        let mut world = World::new();
        world.event(1);
        let mut state = world.log.state().await.unwrap();
        world.fix(&mut state, 1).await.unwrap();
        let late = world.seal(&state).await.unwrap().unwrap();
        assert!(world.sign(&state).await.unwrap());
        assert!(world.store.apply(&late.changeset).is_err());
        assert_eq!(world.log.unsigned(&state).await.unwrap(), None);
        assert_eq!(world.notes[0], world.notes[1], "one root has one note");
    });
}
