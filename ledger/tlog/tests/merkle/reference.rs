//! The definitions of RFC 6962 §2.1 written down as they stand there, to judge the crate by, and a
//! store of tiles in memory.

use std::collections::BTreeMap;

use hufu_tlog::{Edge, Hash, TileId, TileWrite, empty_root, leaf_hash, node_hash};

/// Leaf hashes of entries that are their own index.
pub(crate) fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

/// MTH(D\[n\])
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// PATH(m, D\[n\])
pub(crate) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) =
        if index < k { (path(index, left), root(right)) } else { (path(index - k, right), root(left)) };
    path.push(sibling);
    path
}

/// PROOF(m, D\[n\])
pub(crate) fn proof(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(old, leaves, true)
}

fn subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { vec![root(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, sibling) = if old <= k {
        (subproof(old, left, known), root(right))
    } else {
        (subproof(old - k, right, false), root(left))
    };
    proof.push(sibling);
    proof
}

fn split(len: usize) -> usize {
    len.next_power_of_two() / 2
}

/// Stored tiles; a wider one replaces a narrower one, as in a database row keyed by level and index.
#[derive(Clone, Default)]
pub(crate) struct Tiles(BTreeMap<(u8, u64), Vec<Hash>>);

impl Tiles {
    /// A tree of `size` leaves, appended at once.
    pub(crate) fn of(size: u64) -> (Self, Edge) {
        let (mut tiles, mut edge) = (Self::default(), Edge::new());
        tiles.store(edge.append(&leaves(size)).unwrap());
        (tiles, edge)
    }

    pub(crate) fn store(&mut self, writes: Vec<TileWrite>) {
        for write in writes {
            assert_eq!(usize::from(write.id.width), write.hashes.len());
            self.0.insert((write.id.level, write.id.index), write.hashes);
        }
    }

    pub(crate) fn lookup(&self, id: TileId) -> Option<&[Hash]> {
        self.0.get(&(id.level, id.index)).map(Vec::as_slice)
    }

    pub(crate) fn remove(&mut self, id: TileId) {
        self.0.remove(&(id.level, id.index));
    }
}
