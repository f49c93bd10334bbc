//! Trees, edges and proofs against the recursive definitions of RFC 6962 and known vectors.

use std::sync::OnceLock;

use hufu_tlog::{
    Edge, Hash, ProofError, SIZE_MAX, TileId, TreeError, consistency_proof, decode_tile, empty_root, inclusion_proof,
    leaf_hash, root_from_tiles, tiles_for_consistency, tiles_for_inclusion, tiles_for_root, verify_consistency,
    verify_inclusion,
};
use proptest::prelude::*;

use crate::reference::{self, Tiles, leaves, path, proof, root};

/// The eight leaves of the Certificate Transparency reference tests, and the roots of their first
/// 1 to 8.
const CT_LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const CT_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn roots_of_the_certificate_transparency_test_tree() {
    let mut edge = Edge::new();
    assert_eq!(edge.root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, expected) in CT_LEAVES.iter().zip(CT_ROOTS) {
        edge.append(&[leaf_hash(&unhex(leaf))]).unwrap();
        assert_eq!(edge.root().to_string(), expected);
    }
}

#[test]
fn proofs_of_the_certificate_transparency_test_tree() {
    let hashes: Vec<Hash> = CT_LEAVES.iter().map(|leaf| leaf_hash(&unhex(leaf))).collect();
    let lookup = |_: TileId| Some(hashes.as_slice());
    let strings = |proof: Vec<Hash>| proof.iter().map(Hash::to_string).collect::<Vec<_>>();
    assert_eq!(
        strings(inclusion_proof(5, 8, lookup).unwrap()),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        strings(consistency_proof(6, 8, lookup).unwrap()),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
}

#[test]
fn every_size_up_to_600_has_the_root_of_the_definition() {
    let (tiles, _) = Tiles::of(600);
    let mut edge = Edge::new();
    let leaves = leaves(600);
    for size in 0..=600_u64 {
        let expected = root(&leaves[..size as usize]);
        assert_eq!(edge.root(), expected, "{size}");
        assert_eq!(root_from_tiles(size, |id| tiles.lookup(id)), Ok(expected), "{size}");
        assert_eq!(Edge::from_tiles(size, |id| tiles.lookup(id)).as_ref(), Ok(&edge), "{size}");
        if let Some(leaf) = leaves.get(size as usize) {
            edge.append(&[*leaf]).unwrap();
        }
    }
}

#[test]
fn proofs_at_the_boundaries_of_tiles() {
    let (tiles, _) = Tiles::of(65_536 + 258);
    let all = leaves(65_536 + 258);
    for size in [255, 256, 257, 512, 513, 65_535, 65_536, 65_537, 65_794] {
        let root = root_from_tiles(size, |id| tiles.lookup(id)).unwrap();
        assert_eq!(root, reference::root(&all[..size as usize]));
        for index in [0, 255, 256, 65_535, 65_536, size - 1] {
            if index >= size {
                continue;
            }
            let proof = inclusion_proof(index, size, |id| tiles.lookup(id)).unwrap();
            assert_eq!(proof, path(index as usize, &all[..size as usize]));
            assert_eq!(verify_inclusion(&all[index as usize], index, size, &proof, &root), Ok(()));
        }
        for old in [1, 255, 256, 257, 65_535, 65_536, 65_537] {
            if old > size {
                continue;
            }
            let old_root = root_from_tiles(old, |id| tiles.lookup(id)).unwrap();
            let steps = consistency_proof(old, size, |id| tiles.lookup(id)).unwrap();
            assert_eq!(steps, proof(old as usize, &all[..size as usize]));
            assert_eq!(verify_consistency(old, &old_root, size, &root, &steps), Ok(()));
        }
    }
}

#[test]
fn the_tree_of_70_000_has_the_tiles_that_the_specification_counts() {
    let writes = Edge::new().append(&leaves(70_000)).unwrap();
    let count = |level, full| writes.iter().filter(|w| w.id.level == level && (w.id.width == 256) == full).count();
    assert_eq!((count(0, true), count(0, false)), (273, 1));
    assert_eq!((count(1, true), count(1, false)), (1, 1));
    assert_eq!((count(2, true), count(2, false)), (0, 1));
    let paths: Vec<String> = Edge::tiles(70_000).iter().map(TileId::to_string).collect();
    assert_eq!(paths, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    let first = writes.first().unwrap();
    assert_eq!(decode_tile(&first.to_bytes()).as_ref(), Ok(&first.hashes));
}

#[test]
fn impossible_requests_are_errors() {
    let none = |_: TileId| None;
    assert_eq!(inclusion_proof(0, 0, none), Err(TreeError::IndexOutOfRange { index: 0, size: 0 }));
    assert_eq!(inclusion_proof(7, 7, none), Err(TreeError::IndexOutOfRange { index: 7, size: 7 }));
    assert_eq!(inclusion_proof(0, u64::MAX, none), Err(TreeError::TooLarge));
    assert_eq!(consistency_proof(8, 7, none), Err(TreeError::SizesReversed { old: 8, new: 7 }));
    assert_eq!(tiles_for_root(SIZE_MAX + 1), Err(TreeError::TooLarge));
    assert_eq!(Edge::from_tiles(u64::MAX, none), Err(TreeError::TooLarge));
    let missing = TileId { level: 0, index: 1, width: 44 };
    assert_eq!(Edge::from_tiles(300, none), Err(TreeError::MissingTile(missing)));
    assert!(tiles_for_inclusion(SIZE_MAX - 1, SIZE_MAX).unwrap().len() <= 8);
}

#[test]
fn an_edge_at_the_largest_size_refuses_to_grow() {
    let ones = vec![leaf_hash(b""); 256];
    let mut edge = Edge::from_tiles(SIZE_MAX, |_| Some(&ones)).unwrap();
    let before = edge.clone();
    assert_eq!(edge.append(&[leaf_hash(b"")]), Err(TreeError::TooLarge));
    assert_eq!(edge, before);
}

#[test]
fn every_tree_extends_the_empty_one_and_itself() {
    let (_, edge) = Tiles::of(5);
    let root = edge.root();
    assert_eq!(verify_consistency(0, &empty_root(), 5, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(5, &root, 5, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &root, 5, &root, &[]), Err(ProofError::Root));
    assert_eq!(verify_consistency(5, &root, 5, &root, &[root]), Err(ProofError::Length));
    assert_eq!(verify_consistency(6, &root, 5, &root, &[]), Err(ProofError::Range));
    assert_eq!(verify_inclusion(&root, 0, 0, &[], &root), Err(ProofError::Range));
}

fn tiles_of_700() -> &'static Tiles {
    static TILES: OnceLock<Tiles> = OnceLock::new();
    TILES.get_or_init(|| Tiles::of(700).0)
}

fn sizes() -> impl Strategy<Value = u64> {
    prop_oneof![1..=600_u64, 1..=10_u64, 250..=260_u64, 510..=515_u64]
}

proptest! {
    #[test]
    fn batches_make_the_same_tree(batches in prop::collection::vec(0..300_usize, 1..6)) {
        let (mut tiles, mut edge) = (Tiles::default(), Edge::new());
        let all = leaves(batches.iter().sum::<usize>() as u64);
        let mut rest = all.as_slice();
        for batch in batches {
            let (now, later) = rest.split_at(batch);
            tiles.store(edge.append(now).unwrap());
            rest = later;
        }
        prop_assert_eq!(edge.root(), root(&all));
        prop_assert_eq!(Edge::from_tiles(edge.size(), |id| tiles.lookup(id)), Ok(edge));
    }

    #[test]
    fn inclusion_proofs_are_those_of_the_definition((size, index) in sizes().prop_flat_map(|size| (Just(size), 0..size))) {
        // The store is larger than the tree that is proven, so its tiles are wider.
        let tiles = tiles_of_700();
        let all = leaves(size);
        let proof = inclusion_proof(index, size, |id| tiles.lookup(id)).unwrap();
        prop_assert_eq!(&proof, &path(index as usize, &all));
        prop_assert_eq!(verify_inclusion(&all[index as usize], index, size, &proof, &root(&all)), Ok(()));
        for needed in tiles_for_inclusion(index, size).unwrap() {
            let mut tiles = tiles.clone();
            tiles.remove(needed);
            prop_assert_eq!(inclusion_proof(index, size, |id| tiles.lookup(id)), Err(TreeError::MissingTile(needed)));
        }
    }

    #[test]
    fn consistency_proofs_are_those_of_the_definition((new, old) in sizes().prop_flat_map(|new| (Just(new), 1..=new))) {
        let tiles = tiles_of_700();
        let all = leaves(new);
        let steps = consistency_proof(old, new, |id| tiles.lookup(id)).unwrap();
        prop_assert_eq!(&steps, &proof(old as usize, &all));
        prop_assert_eq!(verify_consistency(old, &root(&all[..old as usize]), new, &root(&all), &steps), Ok(()));
        for needed in tiles_for_consistency(old, new).unwrap() {
            let mut tiles = tiles.clone();
            tiles.remove(needed);
            prop_assert_eq!(consistency_proof(old, new, |id| tiles.lookup(id)), Err(TreeError::MissingTile(needed)));
        }
    }
}
