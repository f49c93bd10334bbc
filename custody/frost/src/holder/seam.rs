//! What a holder asks of the process around it.

use super::decision::Refusal;
use crate::id::SessionId;

/// Verifies requesters' signatures: P-256, Ed25519, SM2 or what else the process knows.
pub trait VerifySignature {
    /// Whether `signature` over `signed` is by the key that the policy pins, in whatever form the policy pins it.
    /// Anything malformed or unknown means no.
    fn verifies(&self, public_key: &[u8], signed: &[u8], signature: &[u8]) -> bool;
}

/// Remembers across restarts in which sessions a share has left.
pub trait SessionJournal {
    /// Writes durably that this session is used. It is called before the share is made; after an error none is.
    /// The session may be forgotten once the time is `expires_at_ms`.
    ///
    /// # Errors
    /// [`JournalError`] when the session was used before, or when nothing durable was written.
    fn record_used(&mut self, session: SessionId, expires_at_ms: u64) -> Result<(), JournalError>;
}

/// Why a session could not be recorded as used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JournalError {
    /// It is recorded already.
    #[error("the session was used before")]
    AlreadyUsed,
    /// It could not be written.
    #[error("the session could not be recorded")]
    Failed,
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::AlreadyUsed => Self::SessionUsed,
            JournalError::Failed => Self::JournalFailed,
        }
    }
}
