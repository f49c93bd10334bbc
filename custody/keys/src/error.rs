//! Why a custodian's keys cannot be made or used.

use hufu_codec::CodecError;
use hufu_core::backend::BackendError;

/// Why a custodian's keys cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The passphrase opens nothing, or what it should open was changed.
    #[error("the passphrase is wrong, or the file was changed")]
    Passphrase,
    /// A new passphrase that is too short or too long.
    #[error("a passphrase has {min} to {max} bytes")]
    PassphraseLen {
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A new PIN that is too short or too long.
    #[error("a PIN for keys in a TPM has {min} to {max} bytes")]
    PinLen {
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
    /// How dear a guess is, out of bounds.
    #[error("the cost of a guess is out of bounds: {0}")]
    Cost(&'static str),
    /// There is not as much memory as a guess costs.
    #[error("there are no {0} MiB of memory, which the passphrase needs")]
    Memory(u32),
    /// A key file that is not one.
    #[error("the key file is refused: {0}")]
    KeyFile(&'static str),
    /// The keys are elsewhere.
    #[error("the keys are {0}")]
    Place(&'static str),
    /// The private keys do not belong to the public ones that the file names.
    #[error("the private keys are not those of the custodian in the file")]
    NotTheirs,
    /// The token or TPM is a simulation and the key file says that it is real, or the other way round.
    #[error("the key file says otherwise than the token or TPM whether it is a simulation")]
    Simulated,
    /// The TPM cannot load the keys: it is not the one that sealed them, or was cleared since.
    #[error("the keys are in the TPM {wanted}, and this is {found}: another one, or one that was cleared since")]
    AnotherTpm {
        /// The one in the key file.
        wanted: String,
        /// The one that answers.
        found: String,
    },
    /// Something about custodians.
    #[error(transparent)]
    Custodian(#[from] hufu_custodian::Error),
    /// The token could not be opened.
    #[error(transparent)]
    Open(#[from] hufu_pkcs11::OpenError),
    /// The TPM could not be opened.
    #[cfg(feature = "tpm")]
    #[error(transparent)]
    OpenTpm(#[from] hufu_tpm::OpenError),
    /// The token, the TPM or the software refused or failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The operating system gave no thread or no randomness.
    #[error("the operating system gave no {0}")]
    System(&'static str),
    /// Bytes that are not what they should be.
    #[error(transparent)]
    Codec(#[from] CodecError),
}
