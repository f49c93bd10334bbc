//! The newest signed checkpoint: the end of what may be served or proven.

use std::sync::Arc;

use hufu_core::changeset::{Collection, Row};
use hufu_tlog::{Checkpoint, Hash};
use hufu_verify::verify_note;

use crate::error::{Damage, LogError};
use crate::log::Log;
use crate::rows::{SIGNED, checkpoint_from_row};

/// A checkpoint whose signature was checked under the log's key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedCheckpoint {
    /// The signed note (C2SP tlog-checkpoint).
    pub note: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree of that size.
    pub root: Hash,
    /// When the root was fixed, in milliseconds since the Unix epoch.
    pub created_at: u64,
}

impl SignedCheckpoint {
    /// What the note says.
    #[must_use]
    pub fn to_checkpoint(&self, origin: &str) -> Checkpoint {
        Checkpoint { origin: origin.to_owned(), size: self.size, root: self.root, extensions: Vec::new() }
    }
}

impl Log {
    /// The newest signed checkpoint; nothing before the first leaf.
    ///
    /// # Errors
    /// [`Damage::Checkpoint`] when its signature is not the log's, [`Damage::Cut`] when a newer one was seen before,
    /// [`LogError::Forked`] when another root of the same size was.
    pub async fn signed(&self) -> Result<Option<Arc<SignedCheckpoint>>, LogError> {
        // What was known before the read was durable before it: the read cannot find less.
        let known = self.newest.lock().clone();
        let row = self.store.last(Collection::Checkpoint, SIGNED).await?;
        let Some(found) = row.map(|row| self.read_signed(&row, known.as_ref())).transpose()? else {
            return known.map_or(Ok(None), |known| Err(Damage::Cut { found: 0, known: known.size }.into()));
        };
        if let Some(known) = known {
            if found.size < known.size {
                return Err(Damage::Cut { found: found.size, known: known.size }.into());
            }
            if found.size == known.size && found.root != known.root {
                return Err(LogError::Forked { signed: known.size, size: found.size });
            }
        }
        self.remember(&found);
        Ok(Some(found))
    }

    /// The newest signed checkpoint, which must cover a size.
    pub(crate) async fn signed_over(&self, size: u64) -> Result<Arc<SignedCheckpoint>, LogError> {
        let signed = self.signed().await?;
        let newest = signed.as_ref().map_or(0, |signed| signed.size);
        signed.filter(|signed| size <= signed.size).ok_or(LogError::OutOfRange { asked: size, size: newest })
    }

    fn read_signed(&self, row: &Row, known: Option<&Arc<SignedCheckpoint>>) -> Result<Arc<SignedCheckpoint>, Damage> {
        let record = checkpoint_from_row(row)?;
        let wrong = Damage::Checkpoint(record.size);
        let Some(note) = record.note else { return Err(wrong) };
        if let Some(known) = known.filter(|known| known.note == note && known.size == record.size) {
            return Ok(known.clone());
        }
        let said = verify_note(note.as_bytes(), &self.key).map_err(|_| wrong.clone())?;
        if said.size != record.size || said.root.0 != record.root {
            return Err(wrong);
        }
        let created_at = record.created_at;
        Ok(Arc::new(SignedCheckpoint { note, size: said.size, root: said.root, created_at }))
    }

    fn remember(&self, found: &Arc<SignedCheckpoint>) {
        let mut newest = self.newest.lock();
        if newest.as_ref().is_none_or(|newest| newest.size < found.size) {
            *newest = Some(found.clone());
        }
    }
}
