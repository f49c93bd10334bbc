//! How a token is opened, and why it could not be.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;

/// Which token of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenSelector {
    /// The one with this serial number: the right choice once it is known.
    Serial(String),
    /// The only one with this label; two of them are an error.
    Label(String),
}

/// How to open a token.
#[derive(Debug)]
pub struct Config {
    /// Path of the PKCS#11 module.
    pub module: PathBuf,
    /// Which token.
    pub token: TokenSelector,
    /// PIN of the normal user. It is presented once; a refusal is remembered and the PIN is never tried again.
    pub pin: SecretBytes,
    /// Number of sessions, each with a thread of its own.
    pub sessions: NonZeroUsize,
    /// A call that takes longer hangs: its session is given up, and another one takes its place. Making a key may take ten
    /// times as long.
    pub hang_after: Duration,
    /// Whether keys must not pass for hardware-protected; by default the token's manufacturer and model decide.
    pub simulated: Option<bool>,
    /// The group whose key the token shares with others, so that keys can be replicated; none for a token by itself.
    pub group: Option<String>,
    /// Who is told of logins, if anybody.
    pub login_watch: Option<LoginWatch>,
}

/// A step of a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginStep {
    /// The PIN is about to be presented.
    Presenting,
    /// The token has answered, whatever it says.
    Judged,
}

/// Is told of each step of a login before the next one: a process that ends between the two has perhaps presented a wrong
/// PIN.
#[derive(Clone)]
pub struct LoginWatch(pub Arc<dyn Fn(LoginStep) + Send + Sync>);

impl LoginWatch {
    pub(crate) fn tell(watch: Option<&Self>, step: LoginStep) {
        if let Some(Self(watch)) = watch {
            watch(step);
        }
    }
}

impl fmt::Debug for LoginWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginWatch")
    }
}

impl Config {
    /// Two sessions, calls that may take three seconds, and simulation told by manufacturer and model.
    #[must_use]
    pub fn new(module: impl Into<PathBuf>, token: TokenSelector, pin: SecretBytes) -> Self {
        let (sessions, hang_after) = (NonZeroUsize::MIN.saturating_add(1), Duration::from_secs(3));
        Self {
            module: module.into(),
            token,
            pin,
            sessions,
            hang_after,
            simulated: None,
            group: None,
            login_watch: None,
        }
    }
}

/// Why a token could not be opened or initialised.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The module could not be loaded or initialised.
    #[error("cannot load the PKCS#11 module `{path}`: {why}")]
    Module {
        /// The module's path.
        path: String,
        /// What the loader or the module says.
        why: String,
    },
    /// No such token.
    #[error("no token with {0}")]
    NotFound(String),
    /// More than one such token.
    #[error("more than one token with {0}")]
    Ambiguous(String),
    /// A PIN is not UTF-8, which initialising a token needs.
    #[error("the PIN is not UTF-8")]
    PinEncoding,
    /// The token cannot be in its group.
    #[error("the token cannot be in the group `{group}`: {why}")]
    Group {
        /// The group's name.
        group: String,
        /// Why.
        why: String,
    },
    /// The token or the PIN was refused.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread(#[from] std::io::Error),
}
