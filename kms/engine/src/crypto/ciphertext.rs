//! Ciphertexts: opaque to callers, they carry format, key version and nonce, all authenticated.

use hufu_core::codec;
use hufu_core::name::VersionNumber;
use hufu_core::record::VersionUid;
use minicbor::{Decode, Encode};

const DOMAIN: &str = "hufu-ciphertext";
const FORMAT: u32 = 1;

/// A ciphertext.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Ciphertext {
    /// The version that made it.
    #[n(0)]
    pub(super) version: VersionNumber,
    /// Nonce of 12 bytes; nothing for public-key encryption.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) nonce: Option<[u8; 12]>,
    /// Ciphertext ‖ tag, or the public-key ciphertext.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(super) body: Vec<u8>,
}

impl Ciphertext {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        codec::encode(DOMAIN, FORMAT, self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ciphertext: Self = codec::decode(DOMAIN, FORMAT, bytes).ok()?;
        // Only the canonical form is ours.
        (ciphertext.version.value() > 0 && ciphertext.to_bytes() == bytes).then_some(ciphertext)
    }

    /// The associated data of the cipher: format, version and the caller's own.
    pub(super) fn associated_data(uid: VersionUid, version: VersionNumber, aad: &[u8]) -> Vec<u8> {
        codec::encode("hufu-ciphertext-aad", FORMAT, &(uid, version, minicbor::bytes::ByteVec::from(aad.to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_read() {
        let ciphertext = Ciphertext { version: VersionNumber::FIRST, nonce: Some([7; 12]), body: vec![1, 2, 3] };
        let bytes = ciphertext.to_bytes();
        assert_eq!(Ciphertext::from_bytes(&bytes), Some(ciphertext));
        assert_eq!(Ciphertext::from_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Ciphertext::from_bytes(b""), None);
    }
}
