//! How a worker is started, and why it could not be.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Name of the worker's program, which lies beside that of the service.
pub const PROGRAM: &str = "hufu-hsm-worker";

/// What a worker opens, and how it is run.
#[derive(Debug)]
pub struct Config {
    /// The token. Its `login_watch` is not used.
    pub token: hufu_pkcs11::Config,
    /// The worker's program; [`PROGRAM`] beside the running one when missing.
    pub program: Option<PathBuf>,
    /// Names of further environment variables that the driver needs.
    pub environment: Vec<String>,
    /// A worker with a call that has outlived its deadline by this is replaced.
    pub hang_margin: Duration,
    /// How long opening the token may take. Every algorithm is tried then.
    pub open_wait: Duration,
}

impl Config {
    /// Usual patience.
    #[must_use]
    pub fn new(token: hufu_pkcs11::Config) -> Self {
        Self {
            token,
            program: None,
            environment: Vec::new(),
            hang_margin: Duration::from_secs(5),
            open_wait: Duration::from_secs(130),
        }
    }

    /// The worker's program.
    pub(super) fn program(&self) -> io::Result<PathBuf> {
        match &self.program {
            Some(path) => Ok(path.clone()),
            None => Ok(std::env::current_exe()?.with_file_name(PROGRAM)),
        }
    }
}

/// Why a worker does not serve.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The worker says why the token cannot be opened.
    #[error(transparent)]
    Token(#[from] hufu_pkcs11::OpenError),
    /// The program cannot be started.
    #[error("cannot start the worker `{path}`: {error}")]
    Program {
        /// Where it should be.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The worker ended, was silent, or said something else than it should.
    #[error("the worker {0}")]
    Worker(String),
    /// The worker ended while the token judged the PIN: whether it was counted as wrong is not known.
    #[error("the worker ended while the token judged the PIN, which is not presented again: {0}")]
    PinInDoubt(String),
    /// The operating system gave no thread or socket.
    #[error("cannot supervise a worker")]
    System(#[from] io::Error),
}
