//! The two suites.

use std::fmt;

use minicbor::{Decode, Encode};

/// A ciphersuite of FROST: which curve and hash, and whose verifier takes the signatures.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Suite {
    /// FROST(Ed25519, SHA-512), RFC 9591 §6.1. Signatures are those of RFC 8032.
    #[n(1)]
    Ed25519,
    /// FROST over secp256k1 with x-only keys. Signatures are those of BIP-340. The group key bears the tweak of
    /// BIP-341 that commits to no script.
    #[n(2)]
    Bip340,
}

impl Suite {
    /// Length of an encoded point in bytes: RFC 8032, or SEC 1 compressed.
    #[must_use]
    pub const fn point_len(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            Self::Bip340 => 33,
        }
    }

    /// Length of an encoded scalar in bytes: a secret share, a signature share.
    #[must_use]
    pub const fn scalar_len(self) -> usize {
        32
    }

    /// Length of a signature in bytes.
    #[must_use]
    pub const fn signature_len(self) -> usize {
        64
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "ed25519",
            Self::Bip340 => "bip340",
        })
    }
}
