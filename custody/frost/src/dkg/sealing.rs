//! How a share travels to its holder is the caller's business; what it is bound to is not.

use hufu_secret::SecretBytes;

use crate::id::SetId;
use crate::threshold::Identifier;

/// Seals shares to the other holders' keys and opens what they sealed to this one. The binding is authenticated, and
/// not sent: HPKE takes it as `info` or as associated data.
pub trait Sealer {
    /// Seals a secret of at most 192 bytes for a holder.
    ///
    /// # Errors
    /// [`SealError::Own`] when the holder's key is unknown or the sealing fails.
    fn seal(&mut self, to: Identifier, binding: &[u8], secret: &SecretBytes) -> Result<Vec<u8>, SealError>;

    /// Opens what a holder has sealed for this one under this binding.
    ///
    /// # Errors
    /// [`SealError::Sealed`] when it does not open: the sender is named for that. [`SealError::Own`] when this
    /// holder's own key fails: nobody is.
    fn open(&mut self, from: Identifier, binding: &[u8], sealed: &[u8]) -> Result<SecretBytes, SealError>;
}

/// A share could not be sealed or opened, and on whose side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealError {
    /// This holder's key, or what keeps it, failed.
    #[error("this holder could not seal or open a share")]
    Own,
    /// What was sealed opens under no key of this holder's, or not for this purpose: whoever sealed is at fault.
    #[error("a share was not sealed for this holder")]
    Sealed,
}

/// The longest sealed share that is given to a [`Sealer`] to open, in bytes.
pub(super) const SEALED_LEN_MAX: usize = 1_024;

/// What a sealed share is bound to: the key generation, who deals, and for whom.
pub(super) fn binding(set: SetId, sender: Identifier, receiver: Identifier) -> Vec<u8> {
    hufu_codec::encode("hufu-dkg-sealing", 1, &(set, sender, receiver))
}
