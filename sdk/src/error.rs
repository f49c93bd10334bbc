use std::time::Duration;

use crate::{ProfileError, UnknownWord};

/// Why a call did not give what was asked for.
///
/// `reason` is the name of an `ErrorReason` of the API (`WRONG_STATE`), or the gRPC status code in the same style when
/// the service gave none. `help` says what can be done about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service refuses: policy, state, quota of a key, or a stale etag. Asking again changes nothing.
    #[error("{message}")]
    Refused {
        /// Name of the reason.
        reason: String,
        /// For people.
        message: String,
        /// Field of the request that is at fault.
        field: Option<String>,
        /// What can be done.
        help: Option<String>,
    },
    /// The service cannot take the request as it is.
    #[error("{message}")]
    Invalid {
        /// Name of the reason.
        reason: String,
        /// For people.
        message: String,
        /// Field of the request that is at fault.
        field: Option<String>,
        /// What can be done.
        help: Option<String>,
    },
    /// There is no such key or version.
    #[error("{message}")]
    NotFound {
        /// Name of the reason.
        reason: String,
        /// For people.
        message: String,
        /// What can be done.
        help: Option<String>,
    },
    /// The service, or something that it needs, is not available now. Later it may work.
    #[error("{message}")]
    Unavailable {
        /// Name of the reason.
        reason: String,
        /// For people.
        message: String,
        /// After how long the service suggests to try again.
        retry_after: Option<Duration>,
        /// What can be done.
        help: Option<String>,
    },
    /// The service tried and failed.
    #[error("{message}")]
    Failed {
        /// Name of the reason.
        reason: String,
        /// For people.
        message: String,
        /// What can be done.
        help: Option<String>,
    },
    /// The service cannot be reached: nothing listens, or the connection broke.
    #[error("{message}")]
    Transport {
        /// For people.
        message: String,
        /// What can be done.
        help: Option<String>,
    },
    /// The service does not accept this client's certificate.
    #[error("{message}")]
    CertificateRefused {
        /// For people.
        message: String,
        /// What can be done.
        help: Option<String>,
    },
    /// The service's certificate is not trusted.
    #[error("{message}")]
    Untrusted {
        /// For people.
        message: String,
        /// What can be done.
        help: Option<String>,
    },
    /// The caller gave something that cannot be meant.
    #[error("{message}")]
    Usage {
        /// For people.
        message: String,
        /// What can be done.
        help: Option<String>,
    },
    /// The profile cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A word that the API does not know.
    #[error(transparent)]
    Word(#[from] UnknownWord),
    /// A bundle or checkpoint of the ledger does not prove what it should.
    #[error("does not verify: {0}")]
    Verify(hufu_verify::VerifyError),
    /// A receipt of the ledger is good, and of something else.
    #[error("the receipt is of another ceremony, or of another event of it")]
    Receipt,
    /// A vendor's statement does not attest the key.
    #[error("key is not attested: {0}")]
    Attestation(hufu_attestation::AttestationError),
    /// The text is no verifier key of a log.
    #[error("no verifier key of a log: {0}")]
    VerifierKey(hufu_tlog::VerifierKeyError),
    /// The service's answer lacks something that it must have.
    #[error("the service's answer lacks {0}")]
    Incomplete(&'static str),
    /// A deposit is not made, or is not what was dealt.
    #[error("the deposit is refused: {0}")]
    Deposit(String),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Randomness,
    /// No mandate was signed for holders.
    #[error("no mandate: {0}")]
    Mandate(String),
    /// A request id is empty: nothing would be signed only once.
    #[error("the request id is empty")]
    RequestId,
}

impl Error {
    /// What can be done about it.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Refused { help, .. }
            | Self::Invalid { help, .. }
            | Self::NotFound { help, .. }
            | Self::Unavailable { help, .. }
            | Self::Failed { help, .. }
            | Self::Transport { help, .. }
            | Self::CertificateRefused { help, .. }
            | Self::Untrusted { help, .. }
            | Self::Usage { help, .. } => help.as_deref(),
            _ => None,
        }
    }

    /// Name of the reason, when the service gave one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused { reason, .. }
            | Self::Invalid { reason, .. }
            | Self::NotFound { reason, .. }
            | Self::Unavailable { reason, .. }
            | Self::Failed { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// Field of the request that is at fault, when the service named one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Refused { field, .. } | Self::Invalid { field, .. } => field.as_deref(),
            _ => None,
        }
    }
}
