//! What can go wrong in a developer command.

use std::io;
use std::path::{Path, PathBuf};

/// Failure of a developer command; its message is the last line the user sees.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The program could not be started at all.
    #[error("cannot run `{program}`: {source}")]
    Spawn { program: String, source: io::Error },

    /// The program ran and said no.
    #[error("`{command}` ended with {status}")]
    Failed { command: String, status: String },

    /// A file operation failed.
    #[error("cannot {action} `{}`: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },

    /// A package is needed, is not there and cannot be installed by us.
    #[error("missing: {packages}; install with `apt-get install {packages}` ({why})")]
    Missing { packages: String, why: &'static str },

    /// `cargo metadata` gave no usable answer.
    #[error("cargo metadata: {0}")]
    Metadata(#[from] cargo_metadata::Error),

    /// `tidy` found something.
    #[error("tidy found {0} problem(s)")]
    Untidy(usize),

    /// A process did not become ready in its time.
    #[error("{what} ended or was not ready within {seconds} s:\n{output}")]
    NotReady { what: &'static str, seconds: u64, output: String },

    /// A step of the quickstart did not do what it promises.
    #[error("step `{step}`: expected {expected}\n{output}")]
    Unexpected { step: String, expected: String, output: String },

    /// Some stages of the test run failed.
    #[error("failed: {0}")]
    Stages(String),
}

impl Error {
    /// Turns an I/O error into one that names what was done to which file.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
