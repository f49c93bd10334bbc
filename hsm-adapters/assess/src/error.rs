//! Why there is no report.

use hufu_core::backend::BackendError;

/// An assessment that could not be made. What the token does wrong is no error but a finding.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token could not be opened.
    #[error(transparent)]
    Open(#[from] hufu_pkcs11::OpenError),
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread(#[from] hufu_software::OpenError),
    /// The token does not answer to the simplest of calls.
    #[error("the token does not answer: {0}")]
    Token(String),
    /// The host has no random numbers.
    #[error("the host's random source failed")]
    Host,
    /// It was stopped from outside. The keys that could not be destroyed are named.
    #[error("stopped before the end{0}")]
    Stopped(Left),
    /// The report could not be written.
    #[error("cannot write `{path}`: {cause}")]
    Write {
        /// Which file.
        path: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The report could not be encoded.
    #[error("cannot encode the report: {0}")]
    Encode(#[from] serde_json::Error),
}

/// Identities of keys that are left on the token.
#[derive(Debug, Default)]
pub struct Left(pub Vec<String>);

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, "; left on the token, delete them by hand: {}", self.0.join(", "))
        }
    }
}

impl From<BackendError> for Error {
    fn from(error: BackendError) -> Self {
        Self::Token(error.to_string())
    }
}

impl From<cryptoki::error::Error> for Error {
    fn from(error: cryptoki::error::Error) -> Self {
        Self::Token(crate::raw::describe(&error))
    }
}
