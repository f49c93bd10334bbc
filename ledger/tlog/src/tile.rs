//! Tiles of height 8 and the bundles of entries beside them (c2sp.org/tlog-tiles).

use alloc::vec::Vec;
use core::fmt;

use crate::error::TileError;
use crate::hash::{HASH_LEN, Hash, node_hash};
use crate::path::TilePath;
use crate::tree::Node;

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// Tree levels in one tile level: a tile is a subtree of this height.
pub(crate) const TILE_HEIGHT: u32 = 8;

/// A tile: `width` hashes of complete nodes at tree level `8 * level`, from `256 * index` on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TileId {
    /// Tile level, 0 for leaf hashes.
    pub level: u8,
    /// Position in the level, from 0.
    pub index: u64,
    /// Number of hashes, 1 to 256. Below 256 the tile is partial.
    pub width: u16,
}

/// A bundle of `width` entries from `256 * index` on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EntryBundleId {
    /// Position, from 0.
    pub index: u64,
    /// Number of entries, 1 to 256.
    pub width: u16,
}

impl TileId {
    /// The tile at this place in a tree of `size` leaves, as wide as that tree makes it, or nothing if
    /// the tree does not reach it.
    #[must_use]
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let width = width_at(hashes_at(level, size), index)?;
        Some(Self { level, index, width })
    }

    /// Number of the first leaf that the tile does not reach, or nothing if that is past any tree.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        let shift = TILE_HEIGHT.checked_mul(u32::from(self.level))?;
        let hashes = self.index.checked_mul(u64::from(TILE_WIDTH))?.checked_add(u64::from(self.width))?;
        1_u64.checked_shl(shift)?.checked_mul(hashes)
    }

    /// The tile that holds what `node` is computed from, in a tree of `size` leaves.
    pub(crate) fn of_node(node: Node, size: u64) -> Option<Self> {
        let level = u8::try_from(node.level / TILE_HEIGHT).ok()?;
        Self::in_tree(level, first_hash(node) / u64::from(TILE_WIDTH), size)
    }
}

impl EntryBundleId {
    /// The bundle that holds entry `256 * index` in a tree of `size` leaves, or nothing if the tree
    /// does not reach it.
    #[must_use]
    pub fn in_tree(index: u64, size: u64) -> Option<Self> {
        Some(Self { index, width: width_at(size, index)? })
    }
}

impl fmt::Display for TileId {
    /// The path, as in `tile/0/x001/x234/067.p/8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TilePath::Tile(*self).fmt(f)
    }
}

impl fmt::Display for EntryBundleId {
    /// The path, as in `tile/entries/x001/x234/067`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TilePath::Entries(*self).fmt(f)
    }
}

/// The bytes of a tile: its hashes one after another.
#[must_use]
pub fn encode_tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Reads the bytes of a tile.
///
/// # Errors
/// [`TileError::Data`] unless they are 1 to 256 hashes of 32 bytes.
pub fn decode_tile(bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<HASH_LEN>();
    let fits = !hashes.is_empty() && hashes.len() <= usize::from(TILE_WIDTH);
    if !fits || !rest.is_empty() {
        return Err(TileError::Data);
    }
    Ok(hashes.iter().map(|hash| Hash(*hash)).collect())
}

/// The hash of `node` out of the hashes of its tile, which may be wider than asked for.
pub(crate) fn node_in_tile(node: Node, tile: &[Hash]) -> Option<Hash> {
    let from = usize::try_from(first_hash(node) % u64::from(TILE_WIDTH)).ok()?;
    let count = 1_usize.checked_shl(node.level % TILE_HEIGHT)?;
    complete_root(tile.get(from..from.checked_add(count)?)?)
}

/// Root over a number of hashes that is a power of two.
pub(crate) fn complete_root(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        let (pairs, odd) = row.as_chunks::<2>();
        if !odd.is_empty() {
            return None;
        }
        row = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied()
}

/// How many hashes a tree of `size` leaves has at this tile level.
pub(crate) fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0)
}

/// Position, in its tile level, of the first hash that `node` is computed from.
fn first_hash(node: Node) -> u64 {
    node.index << (node.level % TILE_HEIGHT)
}

fn width_at(count: u64, index: u64) -> Option<u16> {
    let start = index.checked_mul(u64::from(TILE_WIDTH))?;
    let width = count.checked_sub(start)?.min(u64::from(TILE_WIDTH));
    u16::try_from(width).ok().filter(|width| *width > 0)
}
