//! Why the sequencer did not get on.

use hufu_core::backend::BackendError;
use hufu_core::store::StoreError;
use hufu_journal::JournalError;
use hufu_log::LogError;
use hufu_verify::{LeafError, VerifyError};
use thiserror::Error;

use super::outside::OutsideError;

/// Why the sequencer did not get on.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SequencerError {
    /// The log cannot be read, or must not be extended.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The journal did not commit.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The log key did not sign.
    #[error("the log key did not sign: {0}")]
    Signer(#[from] BackendError),
    /// The checkpoint outside the database can be neither read nor written.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The checkpoint outside the database is not one of this log.
    #[error("the checkpoint kept outside the database is not one of this log: {0}")]
    OutsideNote(#[source] VerifyError),
    /// The lease row is malformed.
    #[error("the row of the sequencer's lease is malformed")]
    Lease,
    /// The audit head does not fit into a leaf.
    #[error("the audit head cannot be recorded: {0}")]
    AuditHead(#[from] LeafError),
    /// It has halted after an earlier error.
    #[error("the sequencer has halted: {0}")]
    Halted(String),
}

impl SequencerError {
    /// Whether the sequencer must stand until someone has looked: signing on could make a fork that cannot be taken
    /// back.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Log(error) => error.is_fatal(),
            Self::OutsideNote(_) | Self::Lease | Self::Halted(_) => true,
            _ => false,
        }
    }

    /// Whether another server was faster.
    pub(super) fn is_contention(&self) -> bool {
        matches!(self, Self::Log(LogError::Stale) | Self::Journal(JournalError::Guarded(_)))
    }
}

impl From<StoreError> for SequencerError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}
