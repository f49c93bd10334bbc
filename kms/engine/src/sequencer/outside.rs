//! The seam to the place outside the database where the newest checkpoint is kept.

use hufu_core::BoxFuture;
use thiserror::Error;

/// Keeps one note where whoever sets the database back does not set it back too.
pub trait OutsideCheckpoint: Send + Sync + 'static {
    /// The note stored last; nothing before the first.
    fn load(&self) -> BoxFuture<'_, Result<Option<String>, OutsideError>>;

    /// Replaces the note, whole or not at all, durably before it returns.
    fn store<'a>(&'a self, note: &'a str) -> BoxFuture<'a, Result<(), OutsideError>>;
}

/// The place outside cannot be used now.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum OutsideError {
    /// The note cannot be read.
    #[error("the checkpoint kept outside the database cannot be read: {0}")]
    Unreadable(String),
    /// The note cannot be stored.
    #[error("the checkpoint cannot be kept outside the database: {0}")]
    Unwritable(String),
}
