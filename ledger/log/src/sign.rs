//! The signature on a checkpoint, between the commit that fixed the root and the commit that publishes the note.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::policy::Action;
use hufu_core::record;
use hufu_core::record::Record;
use hufu_tlog::{Checkpoint, Hash, SignedNote};
use hufu_verify::{VerifyError, verify_note};

use crate::error::{Damage, LogError};
use crate::log::Log;
use crate::plan::Fence;
use crate::rows::{UNSIGNED, checkpoint_from_row, checkpoint_row};
use crate::signed::SignedCheckpoint;
use crate::state::LogState;

/// A checkpoint whose root is fixed for ever and that waits for its signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsigned {
    record: record::Checkpoint,
    revision: u64,
    text: String,
}

impl Unsigned {
    /// What the log key signs (C2SP signed-note).
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.record.size
    }
}

/// A signed checkpoint that is not yet published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// What to commit.
    pub changeset: Changeset,
    /// The checkpoint, once that is durable.
    pub signed: SignedCheckpoint,
}

impl Log {
    /// The checkpoint that waits for its signature, if one does: after a plan was committed, or left over from a
    /// sequencer that stopped. It is that of `state`, and the tree extends the one signed before: else nothing of it may be signed.
    ///
    /// # Errors
    /// [`LogError::Stale`] when `state` is no longer that of the log; [`LogError::Forked`], [`LogError::Damaged`].
    pub async fn unsigned(&self, state: &LogState) -> Result<Option<Unsigned>, LogError> {
        match self.read_unsigned(state).await {
            Err(error) if error.is_fatal() && self.is_stale(state).await? => Err(LogError::Stale),
            result => result,
        }
    }

    /// Whether the position has moved since the state was read.
    pub(crate) async fn is_stale(&self, state: &LogState) -> Result<bool, LogError> {
        Ok(self.position().await?.map(|(_, revision)| revision) != state.revision)
    }

    async fn read_unsigned(&self, state: &LogState) -> Result<Option<Unsigned>, LogError> {
        let Some(row) = self.store.last(Collection::Checkpoint, UNSIGNED).await? else { return Ok(None) };
        let record = checkpoint_from_row(&row)?;
        if !self.is_genuine(&row) {
            return Err(Damage::CheckpointRow(row.id).into());
        }
        if record.size != state.size() {
            return Err(Damage::PositionSize { position: state.size(), checkpoint: record.size }.into());
        }
        if record.root != state.root().0 {
            return Err(Damage::Checkpoint(record.size).into());
        }
        if let Some(signed) = self.signed().await? {
            self.check_extends((signed.size, signed.root), (record.size, state.root())).await?;
        }
        let said = self.checkpoint_of(&record);
        let text = said.encode().map_err(|_| Damage::Checkpoint(record.size))?;
        Ok(Some(Unsigned { record, revision: row.revision, text }))
    }

    /// Puts the signature on the checkpoint.
    ///
    /// # Errors
    /// [`LogError::Signature`] when it does not verify under the log's key.
    pub fn seal(&self, unsigned: &Unsigned, signature: &[u8], fence: &Fence, now: u64) -> Result<Sealed, LogError> {
        let size = unsigned.size();
        let note = self.signed_note(unsigned, signature).map_err(|error| LogError::Signature { size, error })?;
        let record = record::Checkpoint { note: Some(note.clone()), ..unsigned.record.clone() };
        let audit = AuditEntry {
            detail: Some(format!("checkpoint {size}")),
            ..AuditEntry::done(now, AuditEntry::system(), Action::Sequence, "ledger")
        };
        let guard = Guard::Revision(Collection::Checkpoint, record.id(), unsigned.revision);
        let row = self.tagged(checkpoint_row(&record, unsigned.revision + 1));
        let changeset = Changeset {
            guards: vec![fence.guard.clone(), guard],
            writes: vec![Write::Put(fence.renewal.clone()), Write::Put(row)],
            audit: vec![audit],
            ..Changeset::default()
        }
        .urgent();
        let signed = SignedCheckpoint { note, size, root: Hash(record.root), created_at: record.created_at };
        Ok(Sealed { changeset, signed })
    }

    fn signed_note(&self, unsigned: &Unsigned, signature: &[u8]) -> Result<String, VerifyError> {
        let mut note = SignedNote::new(&unsigned.text)?;
        note.add_signature(&self.key, signature)?;
        let note = note.encode();
        // A device that signs wrongly must not get its output published.
        verify_note(note.as_bytes(), &self.key)?;
        Ok(note)
    }

    fn checkpoint_of(&self, record: &record::Checkpoint) -> Checkpoint {
        Checkpoint {
            origin: self.origin().to_owned(),
            size: record.size,
            root: Hash(record.root),
            extensions: Vec::new(),
        }
    }
}
