//! Looking for silent damage: stored leaves against tiles, tiles against the signed root.

use futures_util::stream::{self, StreamExt};
use hufu_core::changeset::Collection;
use hufu_core::record::Record;
use hufu_tlog::{EntryBundleId, Hash, TILE_WIDTH, TileId, node_hash, root_from_tiles, tiles_for_root};

use crate::error::{Damage, LogError};
use crate::log::Log;
use crate::rows::{IndexRecord, PlaceRecord};
use crate::signed::SignedCheckpoint;
use crate::tiles::{READS_MAX, Tiles};

/// Most findings of one call.
const FINDINGS_MAX: usize = 100;

/// What a look at a part of the log found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scrubbed {
    /// Size of the signed checkpoint against which was checked, 0 if there is none.
    pub size: u64,
    /// Number of leaves looked at.
    pub leaves: u64,
    /// Where to go on; nothing at the end of the log.
    pub next: Option<u64>,
    /// What is wrong, at most 100 findings a call.
    pub findings: Vec<Damage>,
}

impl Log {
    /// Checks about `limit` leaves from index `from` on: that the tiles lead to the newest signed root, that every
    /// leaf is still the one whose hash is in its tile, and that both indices between leaves and places are whole. Works in
    /// whole tiles of 256 leaves, at least one, and keeps no more in memory.
    ///
    /// # Errors
    /// [`LogError::Store`]; damage inside the log is a finding and no error, unless the checkpoint itself is damaged.
    pub async fn scrub(&self, from: u64, limit: u64) -> Result<Scrubbed, LogError> {
        let Some(signed) = self.signed().await? else { return Ok(Scrubbed::default()) };
        let mut scrubbed = Scrubbed { size: signed.size, ..Scrubbed::default() };
        let width = u64::from(TILE_WIDTH);
        let until = from.saturating_add(limit.max(1));
        let mut index = from / width;
        while let Some(entries) = EntryBundleId::in_tree(index, signed.size) {
            if index.saturating_mul(width) >= until || scrubbed.findings.len() >= FINDINGS_MAX {
                scrubbed.next = Some(index * width);
                break;
            }
            self.scrub_entries(entries, &signed, &mut scrubbed).await?;
            scrubbed.leaves += u64::from(entries.width);
            index += 1;
        }
        scrubbed.findings.truncate(FINDINGS_MAX);
        Ok(scrubbed)
    }

    async fn scrub_entries(
        &self,
        entries: EntryBundleId,
        signed: &SignedCheckpoint,
        scrubbed: &mut Scrubbed,
    ) -> Result<(), LogError> {
        let first = entries.index * u64::from(TILE_WIDTH);
        let hashes = match self.checked_tile(0, entries.index, signed).await {
            Err(LogError::Damaged(damage)) => {
                scrubbed.findings.push(damage);
                return Ok(());
            }
            hashes => hashes?,
        };
        let leaves = stream::iter((first..).zip(hashes).map(|(index, hash)| self.scrub_leaf(index, hash)));
        let mut leaves = leaves.buffered(READS_MAX);
        while let Some(looked) = leaves.next().await {
            match looked {
                Err(LogError::Damaged(damage)) => scrubbed.findings.push(damage),
                result => result?,
            }
        }
        Ok(())
    }

    async fn scrub_leaf(&self, index: u64, hash: Hash) -> Result<(), LogError> {
        let row = self.store.get(Collection::LeafIndex, &IndexRecord::row_id(index)).await?;
        let entry = row.and_then(|row| IndexRecord::from_row(&row).ok());
        let entry = entry.filter(|entry| entry.index == index && entry.hash == hash.0).ok_or(Damage::Index(index))?;
        let place = PlaceRecord { leaf: entry.leaf.clone(), index };
        let row = self.store.get(Collection::LeafIndex, &place.id()).await?;
        if row.and_then(|row| PlaceRecord::from_row(&row).ok()).as_ref() != Some(&place) {
            return Err(Damage::Place(entry.leaf).into());
        }
        self.logged_leaf(entry).await.map(|_| ())
    }

    /// The hash at an index, if the tiles lead from it to the signed root.
    pub(crate) async fn checked_hash(&self, index: u64, signed: &SignedCheckpoint) -> Result<Hash, LogError> {
        let hashes = self.checked_tile(0, index / u64::from(TILE_WIDTH), signed).await?;
        let at = usize::try_from(index % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
        hashes.get(at).copied().ok_or_else(|| Damage::Index(index).into())
    }

    /// The hashes of a tile, if it leads to the signed root: the tiles on the right edge make the root, and the root of every
    /// full tile is a hash in the tile above it. Looks from the top, so that the first one that disagrees is the one
    /// that is wrong.
    async fn checked_tile(&self, level: u8, index: u64, signed: &SignedCheckpoint) -> Result<Vec<Hash>, LogError> {
        let edge = Tiles::load(&*self.store, tiles_for_root(signed.size)?).await?;
        if root_from_tiles(signed.size, |id| edge.lookup(id))? != signed.root {
            return Err(Damage::Root { size: signed.size }.into());
        }
        let path = path_down(level, index, signed.size);
        let mut above: Option<Vec<Hash>> = None;
        for tile in path {
            let tiles = Tiles::load(&*self.store, [tile]).await?;
            let hashes = tiles.lookup(tile).ok_or(Damage::Tile(tile))?;
            let at = usize::try_from(tile.index % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
            let expected = above.as_ref().and_then(|above| above.get(at));
            if tile.width == TILE_WIDTH && full_root(hashes).as_ref() != expected {
                return Err(Damage::Tile(tile).into());
            }
            above = Some(hashes.to_vec());
        }
        above.ok_or_else(|| Damage::Root { size: signed.size }.into())
    }
}

/// The tiles from the right edge down to this one. Only the first of them is partial.
fn path_down(level: u8, index: u64, size: u64) -> Vec<TileId> {
    let mut path = Vec::new();
    let (mut level, mut index) = (level, index);
    while let Some(tile) = TileId::in_tree(level, index, size) {
        path.push(tile);
        if tile.width < TILE_WIDTH {
            break;
        }
        level += 1;
        index /= u64::from(TILE_WIDTH);
    }
    path.reverse();
    path
}

/// Root over the hashes of a full tile.
fn full_root(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied()
}
