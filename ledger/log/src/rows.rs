//! The rows of the log: hash tiles, the two indices between leaves and places, checkpoints.

use hufu_core::changeset::{Collection, Row};
use hufu_core::codec::CodecError;
use hufu_core::record::{Checkpoint, Record};
use hufu_tlog::{TileId, TileWrite};
use minicbor::{Decode, Encode};

use crate::error::Damage;

/// Scope of checkpoint rows that carry a note.
pub(crate) const SIGNED: &str = "signed";
/// Scope of the checkpoint row that is fixed and waits for its signature. There is one at most.
pub(crate) const UNSIGNED: &str = "unsigned";

/// Scope of the leaves of a key: its ledger id in hexadecimal.
#[must_use]
pub fn leaf_scope(ledger_id: &[u8; 32]) -> String {
    hex::encode(ledger_id)
}

/// Row id of the leaf of an event: ledger id and sequence number.
#[must_use]
pub fn leaf_row_id(ledger_id: &[u8; 32], sequence: u64) -> String {
    format!("{}/{sequence:010}", leaf_scope(ledger_id))
}

/// Scope of the audit heads of a writer.
#[must_use]
pub fn audit_leaf_scope(writer: &str) -> String {
    format!("audit/{writer}")
}

/// Row id of an audit head: writer and number, from 0.
#[must_use]
pub fn audit_leaf_row_id(writer: &str, number: u64) -> String {
    format!("{}/{number:010}", audit_leaf_scope(writer))
}

/// A hash tile, as wide as it is so far.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub(crate) struct TileRecord {
    #[n(0)]
    pub(crate) level: u8,
    #[n(1)]
    pub(crate) index: u64,
    /// Hashes of 32 bytes, one after another.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) hashes: Vec<u8>,
}

impl TileRecord {
    pub(crate) fn new(write: &TileWrite) -> Self {
        Self { level: write.id.level, index: write.id.index, hashes: write.to_bytes() }
    }

    pub(crate) fn row_id(tile: TileId) -> String {
        format!("{:02}/{:020}", tile.level, tile.index)
    }
}

impl Record for TileRecord {
    const COLLECTION: Collection = Collection::Tile;
    const DOMAIN: &'static str = "hufu-tile";

    fn id(&self) -> String {
        format!("{:02}/{:020}", self.level, self.index)
    }
}

/// Which leaf has an index. Lists in the order of the log.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub(crate) struct IndexRecord {
    #[n(0)]
    pub(crate) index: u64,
    /// Row id of the leaf.
    #[n(1)]
    pub(crate) leaf: String,
    /// Leaf hash (RFC 6962 §2.1).
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) hash: [u8; 32],
}

impl IndexRecord {
    pub(crate) fn row_id(index: u64) -> String {
        format!("{index:020}")
    }
}

impl Record for IndexRecord {
    const COLLECTION: Collection = Collection::LeafIndex;
    const DOMAIN: &'static str = "hufu-leaf-index";

    fn id(&self) -> String {
        Self::row_id(self.index)
    }
}

/// Which index a leaf has. Lists by the leaf's own scope, so that the places of all events of a key are one list.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub(crate) struct PlaceRecord {
    /// Row id of the leaf.
    #[n(0)]
    pub(crate) leaf: String,
    #[n(1)]
    pub(crate) index: u64,
}

impl Record for PlaceRecord {
    const COLLECTION: Collection = Collection::LeafIndex;
    const DOMAIN: &'static str = "hufu-leaf-place";

    fn id(&self) -> String {
        format!("by-leaf/{}", self.leaf)
    }

    fn scope(&self) -> String {
        self.leaf.rsplit_once('/').map_or_else(|| self.leaf.clone(), |(scope, _)| scope.to_owned())
    }
}

/// The row of a checkpoint. Its scope tells whether it is signed, so that the newest of either kind is one read.
pub(crate) fn checkpoint_row(checkpoint: &Checkpoint, revision: u64) -> Row {
    let scope = if checkpoint.note.is_some() { SIGNED } else { UNSIGNED };
    Row { scope: scope.to_owned(), ..checkpoint.to_row(revision) }
}

/// Reads a checkpoint from the row that [`checkpoint_row`] made.
pub(crate) fn checkpoint_from_row(row: &Row) -> Result<Checkpoint, Damage> {
    let read: Result<Checkpoint, CodecError> = Checkpoint::from_row(&Row { scope: String::new(), ..row.clone() });
    let agrees = |checkpoint: &Checkpoint| (row.scope == SIGNED) == checkpoint.note.is_some();
    read.ok().filter(agrees).ok_or_else(|| Damage::CheckpointRow(row.id.clone()))
}
