//! The checkpoint kept outside the database against databases that were set back or replaced.

use hufu_core::Reason;
use hufu_core::changeset::Collection;
use hufu_engine::sequencer::SequencerError;
use hufu_log::LogError;

use crate::world::{Server, World};

async fn grown(world: &mut World, events: u8) -> Server {
    let server = world.server().await;
    for n in 0..events {
        assert!(world.event(&server, n % 3).await);
    }
    server.drain().await;
    server
}

#[tokio::test]
async fn a_database_set_back_halts_the_next_start() {
    let mut world = World::new();
    let server = grown(&mut world, 5).await;
    let backup = world.snapshot();
    assert!(world.event(&server, 1).await);
    server.drain().await;
    world.store.restore(backup);
    let next = world.server().await;
    let error = next.sequencer.start().await.unwrap_err();
    assert_eq!(error, SequencerError::Log(LogError::Behind { outside: 6, size: 5 }));
    assert!(matches!(next.sequencer.step().await, Err(SequencerError::Halted(_))));
    let refused = next.ledger.checkpoint().await.unwrap_err();
    assert_eq!(refused.reason(), Reason::LedgerUnavailable);
    assert!(next.ledger.overview().await.unwrap().halted.is_some());
}

#[tokio::test]
async fn a_database_set_back_under_a_running_server_halts_it() {
    let mut world = World::new();
    let server = grown(&mut world, 5).await;
    let backup = world.snapshot();
    assert!(world.event(&server, 1).await);
    server.drain().await;
    world.store.restore(backup);
    // The journal of the running server goes on; its leaf must not get the index of another.
    assert!(world.event(&server, 2).await);
    server.halts().await;
}

#[tokio::test]
async fn another_log_under_the_same_key_is_a_fork() {
    let mut world = World::new();
    grown(&mut world, 5).await;
    let mut other = World::new();
    let server = other.server().await;
    for key in [9, 9, 9, 9, 9, 9, 9] {
        assert!(other.event(&server, key).await);
    }
    server.drain().await;
    other.outside = world.outside.clone();
    let next = other.server().await;
    let error = next.sequencer.start().await.unwrap_err();
    assert_eq!(error, SequencerError::Log(LogError::Forked { signed: 5, size: 7 }));
    next.sequencer.step().await.unwrap_err();
}

#[tokio::test]
async fn a_note_of_another_key_is_refused() {
    let mut world = World::new();
    grown(&mut world, 1).await;
    let note = world.outside.note.lock().take().unwrap();
    *world.outside.note.lock() = Some(note.replace(crate::world::ORIGIN, "hufu.test/other"));
    let next = world.server().await;
    assert!(matches!(next.sequencer.start().await, Err(SequencerError::OutsideNote(_))));
    assert!(next.ledger.halted().is_some());
}

#[tokio::test]
async fn a_missing_note_is_made_good() {
    let mut world = World::new();
    grown(&mut world, 3).await;
    let note = world.outside.note.lock().take();
    let next = world.server().await;
    next.sequencer.start().await.unwrap();
    assert_eq!(*world.outside.note.lock(), note);
}

#[tokio::test]
async fn damage_halts_and_is_told() {
    let mut world = World::new();
    grown(&mut world, 3).await;
    let mut state = world.snapshot();
    state.rows.get_mut(&Collection::Tile).unwrap().clear();
    world.store.restore(state);
    let next = world.server().await;
    let error = next.halts().await;
    assert!(error.to_string().contains("tile/0/000"), "{error}");
}
