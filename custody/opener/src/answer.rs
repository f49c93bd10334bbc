//! What an opener answers.

use std::fmt;

use hufu_custodian::Name;
use minicbor::{Decode, Encode};

/// The answer to a [`crate::Task`]. It holds no secret that anyone but custodians or the named backend could open.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Answer {
    /// A new key is split.
    #[n(1)]
    Split {
        /// SubjectPublicKeyInfo of a pair, DER.
        #[cbor(n(0), with = "minicbor::bytes")]
        public_key: Option<Vec<u8>>,
        /// [`hufu_shares::Dealt`], for the dealer to sign.
        #[cbor(n(1), with = "minicbor::bytes")]
        dealt: Vec<u8>,
        /// The material, wrapped for the backend that was named.
        #[cbor(n(2), with = "minicbor::bytes")]
        wrapped: Option<Vec<u8>>,
    },
    /// A key is together.
    #[n(2)]
    Recovered {
        /// The material, wrapped for the backend that was named.
        #[cbor(n(0), with = "minicbor::bytes")]
        wrapped: Vec<u8>,
        /// Whose shares did it.
        #[n(1)]
        by: Vec<Name>,
        /// Who brought something wrong, and what is wrong with it.
        #[n(2)]
        wrong: Vec<Wrong>,
    },
    /// A key could be put together.
    #[n(3)]
    Rehearsed {
        /// Whose shares did it.
        #[n(0)]
        by: Vec<Name>,
        /// Who brought something wrong, and what is wrong with it.
        #[n(1)]
        wrong: Vec<Wrong>,
    },
    /// A secret is shared anew.
    #[n(4)]
    Redealt {
        /// [`hufu_shares::Dealt`] of the next epoch, for the dealer to sign.
        #[cbor(n(0), with = "minicbor::bytes")]
        dealt: Vec<u8>,
        /// Whose shares did it.
        #[n(1)]
        by: Vec<Name>,
        /// Who brought something wrong, and what is wrong with it.
        #[n(2)]
        wrong: Vec<Wrong>,
    },
    /// It is not done, and trying again does not help.
    #[n(5)]
    Refused(#[n(0)] Refused),
}

/// Why something is not done.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, thiserror::Error)]
pub enum Refused {
    /// There are not enough shares that belong: who brought something wrong, and what is missing.
    #[n(1)]
    #[error("the shares do not make the key: {}", told(.0, .1))]
    Shares(#[n(0)] Vec<Wrong>, #[n(1)] String),
    /// The shares belong together, and make another key than is on record.
    #[n(2)]
    #[error("the shares make another key than the one on record")]
    OtherKey,
    /// It cannot be split so.
    #[n(3)]
    #[error("{0}")]
    Terms(#[n(0)] String),
    /// The manifest is not the one that was approved, or not of the dealer who is known.
    #[n(4)]
    #[error("{0}")]
    Manifest(#[n(0)] String),
    /// The material could not be made or wrapped.
    #[n(5)]
    #[error("{0}")]
    Failed(#[n(0)] String),
}

/// Something that was handed over, and does not belong.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Wrong {
    /// Its place among [`crate::Opening::handovers`], from 0.
    #[n(0)]
    pub place: u32,
    /// Whose it is, and what is wrong with it.
    #[n(1)]
    pub why: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

fn told(wrong: &[Wrong], missing: &str) -> String {
    wrong.iter().map(|one| one.why.as_str()).chain([missing]).collect::<Vec<_>>().join("; ")
}
