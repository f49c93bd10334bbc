//! Resources of c2sp.org/tlog-tiles: tiles and entry bundles, as of the newest signed checkpoint.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use hufu_core::changeset::{Collection, Row};
use hufu_core::record::Record;
use hufu_core::store::Page;
use hufu_tlog::{EntryBundleId, Hash, TILE_WIDTH, TileId, TilePath, encode_entries, encode_tile, leaf_hash};

use crate::error::{Damage, LogError};
use crate::log::Log;
use crate::rows::IndexRecord;
use crate::tiles::{READS_MAX, Tiles};

impl Log {
    /// The bytes of a tile or entry bundle, cut to the width that the path asks for; nothing if the tree of the newest
    /// signed checkpoint is not that wide there.
    ///
    /// # Errors
    /// [`LogError::Damaged`], [`LogError::Store`].
    pub async fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, LogError> {
        let Some(signed) = self.signed().await? else { return Ok(None) };
        match path {
            TilePath::Tile(id) => {
                let reached = TileId::in_tree(id.level, id.index, signed.size).is_some_and(|t| id.width <= t.width);
                if reached { self.tile_bytes(id).await.map(Some) } else { Ok(None) }
            }
            TilePath::Entries(id) => {
                let reached = EntryBundleId::in_tree(id.index, signed.size).is_some_and(|b| id.width <= b.width);
                if reached { self.entry_bytes(id).await.map(Some) } else { Ok(None) }
            }
        }
    }

    /// Leaves that are committed and not in the newest signed checkpoint, counted up to `limit` feed items.
    ///
    /// # Errors
    /// [`LogError::Damaged`], [`LogError::Store`].
    pub async fn pending(&self, limit: u32) -> Result<u64, LogError> {
        let signed = self.signed().await?.map_or(0, |signed| signed.size);
        let position = self.position().await?.map(|(position, _)| position).unwrap_or_default();
        let cursor = hufu_core::store::FeedCursor { order: position.order, position: position.position };
        let feed = self.store.feed(cursor, limit).await?;
        let waiting = feed.iter().filter(|entry| entry.item.leaf.is_some()).count();
        Ok(position.size.saturating_sub(signed).saturating_add(u64::try_from(waiting).unwrap_or(u64::MAX)))
    }

    async fn tile_bytes(&self, id: TileId) -> Result<Vec<u8>, LogError> {
        let tiles = Tiles::load(&*self.store, [id]).await?;
        let hashes = tiles.lookup(id).ok_or(Damage::Tile(id))?;
        Ok(encode_tile(hashes))
    }

    async fn entry_bytes(&self, id: EntryBundleId) -> Result<Vec<u8>, LogError> {
        let start = id.index * u64::from(TILE_WIDTH);
        let entries = self.indexed(start, id.width).await?;
        let rows = stream::iter(entries.into_iter().map(|entry| self.logged_leaf(entry)));
        let rows: Vec<Row> = rows.buffered(READS_MAX).try_collect().await?;
        let bodies: Vec<&[u8]> = rows.iter().map(|row| row.body.as_slice()).collect();
        // 1 to 256 leaves of at most 16 KiB always fit.
        encode_entries(&bodies).map_err(|_| Damage::Index(start).into())
    }

    /// The index rows of `width` leaves from `start` on.
    pub(crate) async fn indexed(&self, start: u64, width: u16) -> Result<Vec<IndexRecord>, LogError> {
        let after = start.checked_sub(1).map(IndexRecord::row_id);
        let page = Page { after: after.as_deref(), limit: u32::from(width) };
        let rows = self.store.list(Collection::LeafIndex, "", page).await?;
        let mut rows = rows.iter();
        (start..start + u64::from(width))
            .map(|index| {
                let record = rows.next().and_then(|row| IndexRecord::from_row(row).ok());
                record.filter(|record| record.index == index).ok_or_else(|| Damage::Index(index).into())
            })
            .collect()
    }

    /// The leaf that has an index, if it is still what was logged.
    pub(crate) async fn logged_leaf(&self, entry: IndexRecord) -> Result<Row, LogError> {
        let row = self.store.get(Collection::Leaf, &entry.leaf).await?;
        match row {
            None => Err(Damage::LeafMissing(entry.leaf).into()),
            Some(row) if leaf_hash(&row.body) == Hash(entry.hash) => Ok(row),
            Some(_) => Err(Damage::Leaf(entry.leaf).into()),
        }
    }
}
