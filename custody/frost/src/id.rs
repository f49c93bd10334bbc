//! What things are called on the wire: 32 bytes each, and no two kinds can be mixed up.

use std::fmt;

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

macro_rules! bytes32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

bytes32! {
    /// One run of a key generation, never used again: [`crate::SignedGenerationMandate::set_id`] derives it.
    SetId
}
bytes32! {
    /// SHA-256 of a [`crate::Group`]'s encoding: which shares of which key are meant.
    GroupDigest
}
bytes32! {
    /// SHA-256 of the `SubjectPublicKeyInfo` that [`crate::Group::spki`] gives: which key is meant, as everybody knows it.
    PublicKeyDigest
}
bytes32! {
    /// One attempt at one signature; [`crate::SignedMandate::session`] derives it.
    SessionId
}
bytes32! {
    /// SHA-256 of the message that is to be signed.
    MessageDigest
}

impl PublicKeyDigest {
    /// The digest of a `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn of(spki: &[u8]) -> Self {
        Self(sha256(spki))
    }
}

impl MessageDigest {
    /// The digest of a message.
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        Self(sha256(message))
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
