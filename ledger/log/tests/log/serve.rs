//! What is served over HTTP: tiles and entry bundles, never beyond the newest signed checkpoint.

use hufu_log::LogError;
use hufu_tlog::{Hash, TilePath, decode_entries, decode_tile, leaf_hash};

use crate::run;
use crate::world::World;

async fn get(world: &World, path: &str) -> Option<Vec<u8>> {
    world.log.tile(TilePath::parse(path).unwrap()).await.unwrap()
}

#[test]
fn tiles_and_entries_agree_and_end_at_the_signed_checkpoint() {
    run(async {
        let mut world = World::new();
        assert_eq!(get(&world, "tile/0/000.p/1").await, None);
        (0..300).for_each(|_| world.event(1));
        world.drain().await;
        (0..10).for_each(|_| world.event(1));
        let mut state = world.log.state().await.unwrap();
        world.fix(&mut state, 10).await.unwrap();
        for (tile, entries) in [("tile/0/000", "tile/entries/000"), ("tile/0/001.p/44", "tile/entries/001.p/44")] {
            let hashes = decode_tile(&get(&world, tile).await.unwrap()).unwrap();
            let bundle = get(&world, entries).await.unwrap();
            let leaves: Vec<Hash> = decode_entries(&bundle).unwrap().into_iter().map(leaf_hash).collect();
            assert_eq!(hashes, leaves);
        }
        let cut = decode_tile(&get(&world, "tile/0/001.p/7").await.unwrap()).unwrap();
        assert_eq!(cut.len(), 7);
        assert_eq!(get(&world, "tile/1/000.p/1").await.unwrap().len(), 32);
        for beyond in ["tile/0/001.p/45", "tile/0/001", "tile/entries/001.p/45", "tile/1/000.p/2", "tile/2/000.p/1"] {
            assert_eq!(get(&world, beyond).await, None, "{beyond}");
        }
    });
}

#[test]
fn consistency_is_proven_up_to_the_newest_checkpoint() {
    run(async {
        let mut world = World::new();
        assert_eq!(world.log.consistency(1).await, Err(LogError::OutOfRange { asked: 1, size: 0 }));
        (0..3).for_each(|_| world.event(1));
        world.drain().await;
        assert!(world.log.consistency(0).await.unwrap().proof.is_empty());
        assert!(world.log.consistency(3).await.unwrap().proof.is_empty());
        assert!(!world.log.consistency(2).await.unwrap().proof.is_empty());
        assert_eq!(world.log.consistency(4).await, Err(LogError::OutOfRange { asked: 4, size: 3 }));
    });
}
