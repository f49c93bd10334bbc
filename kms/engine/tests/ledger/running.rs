//! The loop.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::world::World;

#[tokio::test]
async fn it_is_woken_by_events_outlives_failures_and_ends_with_the_audit_head() {
    let mut world = World::new();
    let server = world.server().await;
    let (stop, stopped) = watch::channel(false);
    let sequencer = server.sequencer.clone();
    let running = tokio::spawn(async move { sequencer.run(stopped).await });
    sleep(Duration::from_millis(20)).await;
    for key in 0..9 {
        assert!(world.event(&server, key % 3).await);
    }
    let proven = timeout(Duration::from_millis(900), world.check(&server)).await;
    proven.expect("it does not wait for the poll period");
    world.signer.failing.store(true, Ordering::SeqCst);
    assert!(world.event(&server, 1).await);
    let mut status = server.sequencer.status();
    timeout(Duration::from_secs(5), status.wait_for(|status| status.failing.is_some())).await.unwrap().unwrap();
    world.signer.failing.store(false, Ordering::SeqCst);
    timeout(Duration::from_secs(5), status.wait_for(|status| status.failing.is_none())).await.unwrap().unwrap();
    world.check(&server).await;
    assert_eq!(server.ledger.size().await.unwrap(), 10);
    stop.send(true).unwrap();
    timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
    assert_eq!(server.ledger.size().await.unwrap(), 11, "the audit head came last");
    assert_eq!(server.ledger.pending().await.unwrap(), 0);
}

#[tokio::test]
async fn a_server_that_ends_lets_its_lease_go() {
    let mut world = World::shared();
    let (a, b) = (world.server().await, world.server().await);
    assert!(world.event(&a, 1).await);
    a.drain().await;
    let (stop, stopped) = watch::channel(true);
    a.sequencer.run(stopped).await;
    drop(stop);
    assert!(world.event(&b, 1).await);
    assert_eq!(b.sequencer.step().await.unwrap().sequenced, 1);
}
