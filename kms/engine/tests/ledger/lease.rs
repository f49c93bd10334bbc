//! Which of two servers sequences.

use std::sync::Arc;

use hufu_engine::sequencer::Progress;

use crate::world::{Outside, World};

#[tokio::test]
async fn one_server_sequences_until_its_lease_expires() {
    let mut world = World::shared();
    let (a, place) = (world.server().await, Arc::new(Outside::default()));
    let b = world.server_with(place.clone()).await;
    assert!(world.event(&a, 1).await);
    assert_eq!(a.sequencer.step().await.unwrap().sequenced, 1);
    assert!(world.event(&b, 2).await);
    assert_eq!(b.sequencer.step().await.unwrap(), Progress::default(), "the lease is held");
    assert_eq!(*place.note.lock(), *world.outside.note.lock(), "it keeps the other's checkpoint outside as well");
    world.clock.advance(10_001);
    assert_eq!(b.sequencer.step().await.unwrap().sequenced, 1);
    assert!(world.event(&a, 1).await);
    assert_eq!(a.sequencer.step().await.unwrap(), Progress::default());
    world.clock.advance(10_001);
    a.drain().await;
    world.check(&a).await;
    world.check(&b).await;
}

#[tokio::test]
async fn a_server_of_its_own_does_not_wait_for_its_former_self() {
    let mut world = World::new();
    let first = world.server().await;
    assert!(world.event(&first, 1).await);
    first.drain().await;
    let second = world.server().await;
    assert!(world.event(&second, 1).await);
    assert_eq!(second.sequencer.step().await.unwrap().sequenced, 1);
}
