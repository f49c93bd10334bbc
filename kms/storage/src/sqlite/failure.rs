//! What an error of SQLite means.

use hufu_core::store::{CommitError, StoreError};

use crate::OpenError;

// Primary result codes, https://www.sqlite.org/rescode.html
const ERROR: i32 = 1;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const TOOBIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const NOTADB: i32 = 26;

/// A failure of a group.
pub(super) struct Failure {
    error: sqlx::Error,
    committing: bool,
}

impl Failure {
    /// A statement failed that cannot have committed anything.
    pub(super) fn before_commit(error: sqlx::Error) -> Self {
        Self { error, committing: false }
    }

    /// A COMMIT, or a statement that commits itself, failed.
    pub(super) fn at_commit(error: sqlx::Error) -> Self {
        Self { error, committing: true }
    }

    /// Whether there is no space left.
    pub(super) fn is_full(&self) -> bool {
        primary_code(&self.error) == Some(FULL)
    }

    /// Whether it is certain that nothing was written.
    ///
    /// An I/O error or a lack of memory at the commit is not: the frames of the group may stand whole in the
    /// write-ahead log, unknown to this process but valid to a recovery after a crash. The codes below arise before
    /// the last frame is written.
    pub(super) fn is_certain(&self) -> bool {
        let before_last_frame = |code| {
            let certain =
                [ERROR, BUSY, LOCKED, READONLY, CORRUPT, FULL, CANTOPEN, TOOBIG, CONSTRAINT, MISMATCH, NOTADB];
            certain.contains(&code)
        };
        !self.committing || primary_code(&self.error).is_some_and(before_last_frame)
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        let message = failure.error.to_string();
        if failure.is_certain() { Self::NotCommitted(message) } else { Self::Unknown(message) }
    }
}

/// What an error means to a read.
pub(super) fn explain(error: &sqlx::Error) -> StoreError {
    match (primary_code(error), error) {
        (Some(CORRUPT | NOTADB), _) | (_, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
            StoreError::Damaged(error.to_string())
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// What an error means to the opening.
pub(super) fn explain_open(error: &sqlx::Error) -> OpenError {
    match primary_code(error) {
        Some(NOTADB) => OpenError::Foreign(error.to_string()),
        Some(CORRUPT) => OpenError::Damaged(error.to_string()),
        _ => OpenError::Unavailable(error.to_string()),
    }
}

/// The extended code's low byte.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
