//! Proofs made from tiles: which tiles are needed, then the hashes.
//!
//! `lookup` closures give the hashes of a tile that was fetched before. They may give a wider tile
//! than asked for; only the leading `width` hashes are looked at.

use alloc::vec::Vec;

use crate::error::TreeError;
use crate::hash::{Hash, empty_root, node_hash};
use crate::tile::{TileId, node_in_tile};
use crate::tree::{Node, Subtree, check_size, consistency_subtrees, inclusion_subtrees};

/// The tiles from which [`inclusion_proof`] is made, sorted, each once.
///
/// # Errors
/// [`TreeError::IndexOutOfRange`], [`TreeError::TooLarge`].
pub fn tiles_for_inclusion(index: u64, size: u64) -> Result<Vec<TileId>, TreeError> {
    Ok(tiles_of(&inclusion_subtrees(index, size)?, size))
}

/// The tiles from which [`consistency_proof`] is made, sorted, each once.
///
/// # Errors
/// [`TreeError::SizesReversed`], [`TreeError::TooLarge`].
pub fn tiles_for_consistency(old: u64, new: u64) -> Result<Vec<TileId>, TreeError> {
    Ok(tiles_of(&consistency_subtrees(old, new)?, new))
}

/// The tiles from which [`root_from_tiles`] computes the root, sorted, each once.
///
/// # Errors
/// [`TreeError::TooLarge`].
pub fn tiles_for_root(size: u64) -> Result<Vec<TileId>, TreeError> {
    check_size(size)?;
    Ok(tiles_of(&[Subtree::whole(size)], size))
}

/// Audit path from leaf `index` to the root of the tree of `size` leaves (RFC 6962 §2.1.1).
///
/// # Errors
/// [`TreeError::IndexOutOfRange`], [`TreeError::TooLarge`], [`TreeError::MissingTile`].
pub fn inclusion_proof<'a>(
    index: u64,
    size: u64,
    lookup: impl Fn(TileId) -> Option<&'a [Hash]>,
) -> Result<Vec<Hash>, TreeError> {
    hashes_of(&inclusion_subtrees(index, size)?, size, lookup)
}

/// Proof that the tree of `new` leaves extends the one of `old` (RFC 6962 §2.1.2). It is empty if the
/// sizes are equal or `old` is 0.
///
/// # Errors
/// [`TreeError::SizesReversed`], [`TreeError::TooLarge`], [`TreeError::MissingTile`].
pub fn consistency_proof<'a>(
    old: u64,
    new: u64,
    lookup: impl Fn(TileId) -> Option<&'a [Hash]>,
) -> Result<Vec<Hash>, TreeError> {
    hashes_of(&consistency_subtrees(old, new)?, new, lookup)
}

/// Root of the tree of `size` leaves.
///
/// # Errors
/// [`TreeError::TooLarge`], [`TreeError::MissingTile`].
pub fn root_from_tiles<'a>(size: u64, lookup: impl Fn(TileId) -> Option<&'a [Hash]>) -> Result<Hash, TreeError> {
    check_size(size)?;
    Ok(subtree_hash(Subtree::whole(size), size, &lookup)?.unwrap_or_else(empty_root))
}

fn tiles_of(subtrees: &[Subtree], size: u64) -> Vec<TileId> {
    let nodes = subtrees.iter().flat_map(|subtree| subtree.nodes());
    let mut tiles: Vec<TileId> = nodes.filter_map(|node| TileId::of_node(node, size)).collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}

fn hashes_of<'a>(
    subtrees: &[Subtree],
    size: u64,
    lookup: impl Fn(TileId) -> Option<&'a [Hash]>,
) -> Result<Vec<Hash>, TreeError> {
    subtrees.iter().filter_map(|subtree| subtree_hash(*subtree, size, &lookup).transpose()).collect()
}

/// Nothing only for the subtree without leaves.
fn subtree_hash<'a>(
    subtree: Subtree,
    size: u64,
    lookup: &impl Fn(TileId) -> Option<&'a [Hash]>,
) -> Result<Option<Hash>, TreeError> {
    let hashes = subtree.nodes().map(|node| read(node, size, lookup)).collect::<Result<Vec<_>, _>>()?;
    Ok(hashes.into_iter().rev().reduce(|right, left| node_hash(&left, &right)))
}

fn read<'a>(node: Node, size: u64, lookup: &impl Fn(TileId) -> Option<&'a [Hash]>) -> Result<Hash, TreeError> {
    let tile = TileId::of_node(node, size).ok_or(TreeError::TooLarge)?;
    let hashes = lookup(tile).and_then(|hashes| hashes.get(..usize::from(tile.width)));
    hashes.and_then(|hashes| node_in_tile(node, hashes)).ok_or(TreeError::MissingTile(tile))
}
