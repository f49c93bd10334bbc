//! What can be wrong with the log, and why something cannot be read from it.

use hufu_core::store::StoreError;
use hufu_tlog::{TileId, TreeError};
use hufu_verify::{BundleError, VerifyError};
use thiserror::Error;

/// Why the log could not be read, extended or proven.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The database does not answer, or is damaged outside the log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored data disagree. Nothing more may be signed until someone has looked.
    #[error("the ledger is damaged: {0}")]
    Damaged(#[from] Damage),
    /// The log is smaller than a checkpoint of it that is kept elsewhere: it was cut, or an old backup restored.
    #[error("the ledger has {size} leaves, but a checkpoint of {outside} leaves was signed")]
    Behind {
        /// Size of the checkpoint kept elsewhere.
        outside: u64,
        /// Size of the log.
        size: u64,
    },
    /// The log does not extend a checkpoint of it that was signed.
    #[error("the ledger of {size} leaves does not extend the signed checkpoint of {signed} leaves")]
    Forked {
        /// Size of the signed checkpoint.
        signed: u64,
        /// Size of the log.
        size: u64,
    },
    /// The log has moved since its state was read: another sequencer has extended it, or the database was set back. Read
    /// the state again.
    #[error("the ledger has moved meanwhile")]
    Stale,
    /// The newest event is not yet in a signed checkpoint. Try again.
    #[error("not yet in a signed checkpoint")]
    Pending,
    /// The log has no events of this key.
    #[error("the ledger has no events of this key")]
    UnknownKey,
    /// The newest checkpoint is smaller than the size asked for.
    #[error("the newest checkpoint has {size} leaves, not {asked}")]
    OutOfRange {
        /// Size that was asked for.
        asked: u64,
        /// Size of the newest signed checkpoint.
        size: u64,
    },
    /// The events do not fit into a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The signature of a new checkpoint does not verify under the log's key. It was not used.
    #[error("the signature made for the checkpoint of {size} leaves is not good: {error}")]
    Signature {
        /// Size of the checkpoint.
        size: u64,
        /// What is wrong.
        error: VerifyError,
    },
    /// The tree cannot grow, or cannot be of the size asked for.
    #[error(transparent)]
    Tree(TreeError),
}

impl LogError {
    /// Whether trying again cannot help and signing on could make it worse.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Store(error) => matches!(error, StoreError::Damaged(_)),
            Self::Damaged(_) | Self::Behind { .. } | Self::Forked { .. } | Self::Tree(_) => true,
            _ => false,
        }
    }
}

impl From<TreeError> for LogError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::MissingTile(tile) => Damage::Tile(tile).into(),
            error => Self::Tree(error),
        }
    }
}

/// What disagrees.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Damage {
    /// The row that tells how far the log has come is malformed, or missing from a log that has leaves.
    #[error("the position row is missing or malformed")]
    Position,
    /// The position and the newest checkpoint row were written together and do not agree.
    #[error("the position says {position} leaves, the newest checkpoint {checkpoint}")]
    PositionSize {
        /// Leaves by the position row.
        position: u64,
        /// Leaves by the newest checkpoint row.
        checkpoint: u64,
    },
    /// The tiles on the right edge do not lead to the root of this size.
    #[error("the tiles on the right edge do not lead to the root of {size} leaves")]
    Root {
        /// Number of leaves.
        size: u64,
    },
    /// A tile is missing, malformed, too narrow, or does not lead to the root.
    #[error("tile `{0}` is missing or wrong")]
    Tile(TileId),
    /// A checkpoint row is malformed, contradicts its note, or the note is not the log's.
    #[error("the checkpoint of {0} leaves is wrong")]
    Checkpoint(u64),
    /// The checkpoint row of this id cannot be read.
    #[error("checkpoint row `{0}` is malformed")]
    CheckpointRow(String),
    /// A checkpoint that was there is no longer.
    #[error("the newest signed checkpoint has {found} leaves, but one of {known} was there")]
    Cut {
        /// Size of the newest checkpoint now, 0 if there is none.
        found: u64,
        /// Size of the newest checkpoint that was seen.
        known: u64,
    },
    /// A leaf that others tell of is missing.
    #[error("leaf `{0}` is missing")]
    LeafMissing(String),
    /// A leaf is not what was logged, or not one of this log.
    #[error("leaf `{0}` is wrong")]
    Leaf(String),
    /// The row that tells which leaf has this index is missing or wrong.
    #[error("index row {0} is missing or wrong")]
    Index(u64),
    /// The row that tells which index this leaf has is missing or wrong.
    #[error("index of leaf `{0}` is missing or wrong")]
    Place(String),
    /// The events of a key are on the log, and do not make a history that verifies.
    #[error("events of key `{key}` do not verify: {error}")]
    History {
        /// The key's id on the ledger, in hexadecimal.
        key: String,
        /// What does not hold.
        error: VerifyError,
    },
}

impl Damage {
    /// The key that it is about, by its id on the ledger in hexadecimal, where that is known and there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::LeafMissing(leaf) | Self::Leaf(leaf) | Self::Place(leaf) => leaf.split('/').next(),
            Self::History { key, .. } => Some(key),
            _ => None,
        }
    }
}
