//! What use cases read of the ledger.

use std::time::{Duration, Instant};

use hufu_core::Reason;
use hufu_core::changeset::Collection;

use crate::world::World;

#[tokio::test]
async fn before_the_first_checkpoint_there_is_none() {
    let mut world = World::new();
    let server = world.server().await;
    assert_eq!(server.ledger.checkpoint().await.unwrap_err().reason(), Reason::LedgerUnavailable);
    assert_eq!(server.ledger.size().await.unwrap(), 0);
    assert_eq!(server.ledger.tile("tile/0/000.p/1").await.unwrap(), None);
    assert_eq!(server.ledger.consistency(1).await.unwrap_err().reason(), Reason::InvalidArgument);
}

#[tokio::test]
async fn a_proof_waits_for_its_checkpoint() {
    let mut world = World::new();
    let server = world.server().await;
    assert!(world.event(&server, 1).await);
    let late = server.ledger.prove(&World::ledger_id(1), None, Instant::now() + Duration::from_millis(30)).await;
    assert_eq!(late.unwrap_err().reason(), Reason::DeadlineExceeded);
    let (report, ()) = tokio::join!(world.prove(&server, 1), server.drain());
    assert_eq!(report.events.len(), 1);
    let unknown = server.ledger.prove(&[0; 32], None, Instant::now()).await;
    assert_eq!(unknown.unwrap_err().reason(), Reason::LedgerUnavailable);
}

#[tokio::test]
async fn views_agree() {
    let mut world = World::new();
    let server = world.server().await;
    for _ in 0..6 {
        assert!(world.event(&server, 1).await);
    }
    server.drain().await;
    let checkpoint = server.ledger.checkpoint().await.unwrap();
    assert_eq!((checkpoint.size, &*checkpoint.origin), (6, crate::world::ORIGIN));
    let extension = server.ledger.consistency(4).await.unwrap();
    assert_eq!(extension.checkpoint, checkpoint);
    assert_eq!(server.ledger.tile("tile/0/000.p/6").await.unwrap().unwrap().len(), 6 * 32);
    assert_eq!(server.ledger.tile("tile/0/000").await.unwrap(), None);
    assert_eq!(server.ledger.tile("nonsense").await.unwrap(), None);
    assert_eq!(server.ledger.pending().await.unwrap(), 0);
}

#[tokio::test]
async fn damage_found_by_a_reader_raises_an_alarm() {
    let mut world = World::new();
    let server = world.server().await;
    for _ in 0..2 {
        assert!(world.event(&server, 1).await);
    }
    server.drain().await;
    let mut state = world.snapshot();
    state.rows.get_mut(&Collection::Leaf).unwrap().values_mut().next().unwrap().body.pop();
    world.store.restore(state);
    let refused = server.ledger.prove(&World::ledger_id(1), None, Instant::now()).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::LedgerUnavailable);
    let alarms = server.alarms.all();
    assert_eq!((alarms.len(), alarms[0].kind), (1, "ledger-damaged"));
}
