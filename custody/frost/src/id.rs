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
    /// One run of a key generation, drawn at random by whoever begins it and never used again.
    SetId
}
bytes32! {
    /// SHA-256 of a [`crate::Group`]'s encoding: which shares of which key are meant.
    GroupDigest
}
bytes32! {
    /// One attempt at one signature; [`crate::SignedMandate::session`] derives it.
    SessionId
}
bytes32! {
    /// SHA-256 of the message that is to be signed.
    MessageDigest
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
