//! Faults of database, token and checkpoint file at every point, restarts and rivals: one root a size, and in the end all
//! is proven.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hufu_storage::Fault;
use proptest::prelude::*;

use crate::world::{Outside, World};

#[derive(Clone, Debug)]
enum Deed {
    Event { server: usize, key: u8 },
    Step { server: usize },
    Together,
    Restart { server: usize },
    Database(Vec<Fault>),
    Signer(bool),
    Outside(bool),
    Wait(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let server = || 0..2_usize;
    let faults = prop::sample::select(vec![
        Fault::None,
        Fault::NotCommitted,
        Fault::NotCommittedAfterSealing,
        Fault::UnknownApplied,
        Fault::UnknownNotApplied,
    ]);
    prop_oneof![
        6 => (server(), 0..3_u8).prop_map(|(server, key)| Deed::Event { server, key }),
        6 => server().prop_map(|server| Deed::Step { server }),
        2 => Just(Deed::Together),
        2 => server().prop_map(|server| Deed::Restart { server }),
        2 => prop::collection::vec(faults, 1..4).prop_map(Deed::Database),
        1 => any::<bool>().prop_map(Deed::Signer),
        1 => any::<bool>().prop_map(Deed::Outside),
        2 => (1_000..12_000_u64).prop_map(Deed::Wait),
    ]
}

async fn play(deeds: Vec<Deed>) {
    let mut world = World::shared();
    let places = [world.outside.clone(), Arc::new(Outside::default())];
    let mut servers = Vec::new();
    for place in &places {
        servers.push(world.server_with(place.clone()).await);
    }
    for deed in deeds {
        match deed {
            Deed::Event { server, key } => drop(world.event(&servers[server], key).await),
            Deed::Step { server } => {
                if let Err(error) = servers[server].sequencer.step().await {
                    assert!(!error.is_fatal(), "{error}");
                }
            }
            Deed::Together => {
                let (a, b) = tokio::join!(servers[0].sequencer.step(), servers[1].sequencer.step());
                [a, b].into_iter().filter_map(Result::err).for_each(|error| assert!(!error.is_fatal(), "{error}"));
            }
            Deed::Restart { server } => servers[server] = world.server_with(places[server].clone()).await,
            Deed::Database(faults) => world.faults.lock().extend(faults),
            Deed::Signer(failing) => world.signer.failing.store(failing, Ordering::SeqCst),
            Deed::Outside(failing) => places[0].failing.store(failing, Ordering::SeqCst),
            Deed::Wait(ms) => world.clock.advance(ms),
        }
    }
    world.faults.lock().clear();
    world.signer.failing.store(false, Ordering::SeqCst);
    places[0].failing.store(false, Ordering::SeqCst);
    for server in &servers {
        world.clock.advance(20_000);
        server.drain().await;
    }
    for server in &servers {
        world.check(server).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn there_is_one_root_of_each_size(deeds in prop::collection::vec(deed(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(play(deeds));
    }
}

#[tokio::test]
async fn a_checkpoint_left_unsigned_is_signed_first_at_the_next_start() {
    let mut world = World::new();
    let first = world.server().await;
    assert!(world.event(&first, 1).await);
    world.signer.failing.store(true, Ordering::SeqCst);
    assert!(!first.sequencer.step().await.unwrap_err().is_fatal());
    let fixed = first.ledger.overview().await.unwrap();
    assert_eq!((fixed.size, fixed.pending, fixed.halted), (0, 1, None));
    world.signer.failing.store(false, Ordering::SeqCst);
    let second = world.server().await;
    assert!(world.event(&second, 1).await);
    second.sequencer.start().await.unwrap();
    assert_eq!(second.ledger.size().await.unwrap(), 1, "the root that was fixed, without the newer event");
    second.drain().await;
    world.check(&second).await;
}

#[tokio::test]
async fn nothing_is_published_that_is_not_kept_outside() {
    let mut world = World::new();
    let server = world.server().await;
    assert!(world.event(&server, 1).await);
    world.outside.failing.store(true, Ordering::SeqCst);
    assert!(!server.sequencer.step().await.unwrap_err().is_fatal());
    assert_eq!(server.ledger.size().await.unwrap(), 0);
    world.outside.failing.store(false, Ordering::SeqCst);
    server.drain().await;
    assert_eq!(server.ledger.size().await.unwrap(), 1);
    let published = server.ledger.checkpoint().await.unwrap();
    assert_eq!(*world.outside.note.lock(), Some(published.note));
}
