//! The log: where its rows are and whose signature its checkpoints carry.

use std::sync::Arc;

use hufu_core::changeset::{Row, RowSeal};
use hufu_core::store::Store;
use hufu_tlog::VerifierKey;
use parking_lot::Mutex;

use crate::signed::SignedCheckpoint;

/// The log in a store. Cheap to read from many tasks at once; one sequencer plans.
pub struct Log {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) key: VerifierKey,
    /// Tags the rows that decide what is signed, and tells which are genuine.
    rows: Arc<dyn RowSeal>,
    /// The newest signed checkpoint seen so far: the log never goes back behind it.
    pub(crate) newest: Mutex<Option<Arc<SignedCheckpoint>>>,
}

impl Log {
    /// The log whose checkpoints `key` signs. Its origin is the name of the key.
    #[must_use]
    pub fn open(store: Arc<dyn Store>, key: VerifierKey, rows: Arc<dyn RowSeal>) -> Self {
        Self { store, key, rows, newest: Mutex::default() }
    }

    /// The row with the tag without which the log does not take it: for leaves.
    #[must_use]
    pub fn tagged(&self, row: Row) -> Row {
        self.rows.seal(row)
    }

    pub(crate) fn is_genuine(&self, row: &Row) -> bool {
        self.rows.is_genuine(row)
    }

    /// Origin of the log (C2SP tlog-checkpoint).
    #[must_use]
    pub fn origin(&self) -> &str {
        self.key.name()
    }

    /// The key that its checkpoints verify under.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }
}
