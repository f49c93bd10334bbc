//! What an error of PostgreSQL means.

use hufu_core::store::{CommitError, StoreError};

use crate::OpenError;

/// A failure of a group.
pub(super) struct Failure {
    error: sqlx::Error,
    committing: bool,
}

impl Failure {
    /// It failed before a COMMIT was sent: without one the server undoes the transaction, whatever happens.
    pub(super) fn before_commit(error: sqlx::Error) -> Self {
        Self { error, committing: false }
    }

    /// A COMMIT, or a statement that commits itself, failed.
    pub(super) fn at_commit(error: sqlx::Error) -> Self {
        Self { error, committing: true }
    }

    /// Whether it is certain that nothing was written: the server has refused in so many words. Class 57P is its own
    /// shutdown, which may come between a commit on its disk and the confirmation of a standby.
    pub(super) fn is_certain(&self) -> bool {
        let refused = |code: &str| !code.starts_with("57P");
        !self.committing || code(&self.error).is_some_and(|code| refused(&code))
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        let message = describe(&failure.error);
        if failure.is_certain() { Self::NotCommitted(message) } else { Self::Unknown(message) }
    }
}

/// Whether the session is lost, rather than the statement refused.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match code(error) {
        Some(code) => code.starts_with("57P") || code.starts_with("08"),
        None => !is_decoding(error),
    }
}

/// What an error means to a read.
pub(super) fn explain(error: &sqlx::Error) -> StoreError {
    let damaged = |code: &str| code.starts_with("XX") || code.starts_with("42P01") || code.starts_with("42703");
    if is_decoding(error) || code(error).is_some_and(|code| damaged(&code)) {
        StoreError::Damaged(describe(error))
    } else {
        StoreError::Unavailable(describe(error))
    }
}

/// What an error means to the opening.
pub(super) fn explain_open(error: &sqlx::Error) -> OpenError {
    match explain(error) {
        StoreError::Damaged(why) => OpenError::Damaged(why),
        StoreError::Unavailable(why) => OpenError::Unavailable(why),
    }
}

/// The error without anything of the connection URL.
pub(super) fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => {
            format!("{} (SQLSTATE {})", database.message(), database.code().unwrap_or_default())
        }
        sqlx::Error::Io(error) => format!("connection: {}", error.kind()),
        sqlx::Error::Tls(_) => "the TLS handshake failed".into(),
        sqlx::Error::PoolTimedOut => "no answer in time".into(),
        sqlx::Error::Configuration(_) => "the connection options are refused".into(),
        other => other.to_string(),
    }
}

fn is_decoding(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
