//! A share on its way to a ceremony, as a file.

use minicbor::{Decode, Encode};

use crate::canonical::Format;
use crate::{Fingerprint, Refusal};

const BROUGHT: Format =
    Format { what: "a share for a ceremony", domain: "hufu-ceremony-share-file", len_max: 96 << 10 };

/// What a custodian's tool makes of a share for a ceremony: whoever carries it does not matter.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct BroughtShare {
    /// The [`crate::ShareStatement`], as its custodian has signed it.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub statement: Vec<u8>,
    /// The share as it was sealed, whose digest the statement has.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl BroughtShare {
    /// What the statement says of a sealed share: its SHA-256.
    #[must_use]
    pub fn digest(sealed: &[u8]) -> Fingerprint {
        use sha2::Digest as _;
        Fingerprint(sha2::Sha256::digest(sealed).into())
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        BROUGHT.write(self)
    }

    /// Reads what [`BroughtShare::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Refusal::Codec`], [`Refusal::Malformed`], [`Refusal::TooLarge`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        BROUGHT.read(bytes)
    }
}
