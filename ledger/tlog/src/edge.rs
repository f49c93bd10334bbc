//! The right edge of the tree: all that is needed to append and to know the root.

use alloc::vec::Vec;

use crate::error::TreeError;
use crate::hash::{Hash, empty_root, node_hash};
use crate::tile::{TILE_HEIGHT, TILE_WIDTH, TileId, complete_root, encode_tile, hashes_at};
use crate::tree::{SIZE_MAX, check_size};

/// The partial tile of each tile level.
///
/// Level L holds `floor(size / 256^L) mod 256` hashes, none if its rightmost tile is full. At most 8
/// levels of 255 hashes each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edge {
    size: u64,
    partials: Vec<Vec<Hash>>,
}

/// A tile to be stored. A wider tile at the same level and index takes the place of a narrower one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TileWrite {
    /// Where it belongs.
    pub id: TileId,
    /// Its hashes, as many as `id.width`.
    pub hashes: Vec<Hash>,
}

impl TileWrite {
    /// The bytes of the tile as they are stored and served.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode_tile(&self.hashes)
    }
}

impl Edge {
    /// The edge of the tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The partial tiles from which [`Edge::from_tiles`] loads the edge of a tree of `size` leaves.
    #[must_use]
    pub fn tiles(size: u64) -> Vec<TileId> {
        (0..levels(size)).filter_map(|level| partial_tile(level, size)).collect()
    }

    /// Loads the edge of a tree of `size` leaves. `lookup` may give a wider tile than asked for.
    ///
    /// The tiles are taken as they are: compare [`Edge::root`] with the root of a trusted checkpoint of
    /// this size before you append.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`], [`TreeError::MissingTile`].
    pub fn from_tiles<'a>(size: u64, lookup: impl Fn(TileId) -> Option<&'a [Hash]>) -> Result<Self, TreeError> {
        check_size(size)?;
        let load = |level| {
            let Some(tile) = partial_tile(level, size) else { return Ok(Vec::new()) };
            let hashes = lookup(tile).and_then(|hashes| hashes.get(..usize::from(tile.width)));
            hashes.map(<[Hash]>::to_vec).ok_or(TreeError::MissingTile(tile))
        };
        let partials = (0..levels(size)).map(load).collect::<Result<_, _>>()?;
        Ok(Self { size, partials })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree (RFC 6962 §2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        let nodes = self.partials.iter().flat_map(|hashes| complete_nodes(hashes));
        nodes.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// Appends leaves and returns the tiles that changed, each once, as wide as the tree then makes
    /// them. Costs O(leaves + log size).
    ///
    /// The edge has moved on before the tiles are stored: work on a clone and keep that once they are.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`], and the edge is as it was.
    pub fn append(&mut self, leaf_hashes: &[Hash]) -> Result<Vec<TileWrite>, TreeError> {
        let added = u64::try_from(leaf_hashes.len()).map_err(|_| TreeError::TooLarge)?;
        let size = self.size.checked_add(added).filter(|size| *size <= SIZE_MAX).ok_or(TreeError::TooLarge)?;
        let mut writes = Vec::new();
        let mut rising = leaf_hashes.to_vec();
        let mut level = 0_u8;
        while !rising.is_empty() {
            rising = self.append_at(level, &rising, &mut writes);
            level += 1;
        }
        self.size = size;
        Ok(writes)
    }

    /// Appends hashes at one tile level and returns the roots of the tiles that became full, which are
    /// the hashes to append one level up.
    fn append_at(&mut self, level: u8, hashes: &[Hash], writes: &mut Vec<TileWrite>) -> Vec<Hash> {
        if self.partials.len() <= usize::from(level) {
            self.partials.push(Vec::new());
        }
        let first = hashes_at(level, self.size) / u64::from(TILE_WIDTH);
        let Some(partial) = self.partials.get_mut(usize::from(level)) else { return Vec::new() };
        partial.extend_from_slice(hashes);
        let all = core::mem::take(partial);
        let mut full_roots = Vec::new();
        for (index, tile) in (first..).zip(all.chunks(usize::from(TILE_WIDTH))) {
            let width = u16::try_from(tile.len()).unwrap_or(TILE_WIDTH);
            writes.push(TileWrite { id: TileId { level, index, width }, hashes: tile.to_vec() });
            if width < TILE_WIDTH {
                *partial = tile.to_vec();
            } else {
                full_roots.extend(complete_root(tile));
            }
        }
        full_roots
    }
}

/// Number of tile levels that a tree of this size has hashes at.
fn levels(size: u64) -> u8 {
    let height = size.checked_ilog2().map_or(0, |log| log / TILE_HEIGHT + 1);
    u8::try_from(height).unwrap_or(u8::MAX)
}

fn partial_tile(level: u8, size: u64) -> Option<TileId> {
    let index = hashes_at(level, size) / u64::from(TILE_WIDTH);
    TileId::in_tree(level, index, size)
}

/// Roots of the complete subtrees in a partial tile, from the right, ever larger.
fn complete_nodes(hashes: &[Hash]) -> impl Iterator<Item = Hash> {
    let mut rest = hashes;
    core::iter::from_fn(move || {
        let count = 1 << rest.len().trailing_zeros().min(usize::BITS - 1);
        let (before, last) = rest.split_at_checked(rest.len().checked_sub(count)?)?;
        rest = before;
        complete_root(last)
    })
}
