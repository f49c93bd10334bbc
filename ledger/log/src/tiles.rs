//! Tiles fetched for one computation.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use hufu_core::changeset::{Collection, Row};
use hufu_core::record::Record;
use hufu_core::store::Store;
use hufu_tlog::{Hash, TileId, decode_tile};

use crate::error::{Damage, LogError};
use crate::rows::TileRecord;

/// Reads under way at once.
pub(crate) const READS_MAX: usize = 16;

/// Tiles by level and index, at least as wide as they were asked for.
#[derive(Default)]
pub(crate) struct Tiles(BTreeMap<(u8, u64), StoredTile>);

pub(crate) struct StoredTile {
    pub(crate) hashes: Vec<Hash>,
    pub(crate) revision: u64,
}

impl Tiles {
    /// Fetches tiles.
    pub(crate) async fn load(
        store: &dyn Store,
        ids: impl IntoIterator<Item = TileId, IntoIter: Send>,
    ) -> Result<Self, LogError> {
        let mut tiles = Self::default();
        tiles.add(store, ids).await?;
        Ok(tiles)
    }

    /// Fetches those that are not here yet.
    pub(crate) async fn add(
        &mut self,
        store: &dyn Store,
        ids: impl IntoIterator<Item = TileId, IntoIter: Send>,
    ) -> Result<(), LogError> {
        let missing: Vec<TileId> = ids.into_iter().filter(|id| self.lookup(*id).is_none()).collect();
        let reads = stream::iter(missing.into_iter().map(|id| read_tile(store, id))).buffered(READS_MAX);
        let read: Vec<_> = reads.try_collect().await?;
        self.0.extend(read.into_iter().map(|(id, tile)| ((id.level, id.index), tile)));
        Ok(())
    }

    /// The leading hashes of a tile, as many as its width.
    pub(crate) fn lookup(&self, id: TileId) -> Option<&[Hash]> {
        self.0.get(&(id.level, id.index))?.hashes.get(..usize::from(id.width))
    }

    /// Revision of the row of each tile.
    pub(crate) fn revisions(&self) -> BTreeMap<(u8, u64), u64> {
        self.0.iter().map(|(at, tile)| (*at, tile.revision)).collect()
    }
}

async fn read_tile(store: &dyn Store, id: TileId) -> Result<(TileId, StoredTile), LogError> {
    let row = store.get(Collection::Tile, &TileRecord::row_id(id)).await?;
    let tile = row.and_then(|row| decode(&row)).filter(|tile| tile.hashes.len() >= usize::from(id.width));
    Ok((id, tile.ok_or(Damage::Tile(id))?))
}

fn decode(row: &Row) -> Option<StoredTile> {
    let record = TileRecord::from_row(row).ok()?;
    let hashes = decode_tile(&record.hashes).ok()?;
    Some(StoredTile { hashes, revision: row.revision })
}
