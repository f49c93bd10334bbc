//! How a TPM is opened, and why it could not be.

use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;

/// How to open a TPM.
#[derive(Debug)]
pub struct Config {
    /// Where it is, as the software stack writes it: `device:/dev/tpmrm0`, `tabrmd`, `swtpm:host=127.0.0.1,port=2321`.
    pub tcti: String,
    /// What the authorization value of the keys is derived from. It is presented once; a refusal is remembered and it is never
    /// tried again, because a TPM locks after a number of failures.
    pub pin: SecretBytes,
    /// Whether keys must not pass for hardware-protected; by default the way to the TPM and its maker decide.
    pub simulated: Option<bool>,
}

/// Why a TPM could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The way to the TPM is malformed.
    #[error("`{0}` names no way to a TPM")]
    Tcti(String),
    /// The TPM does not answer, or not as it should.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread(#[from] std::io::Error),
}
