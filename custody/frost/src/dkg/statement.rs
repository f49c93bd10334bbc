//! What a holder signs of a message, where somebody else carries it.

use minicbor::{Decode, Encode};

use super::Round;
use crate::error::Error;
use crate::id::SetId;
use crate::threshold::Identifier;
use crate::wire::{Message, recognised};

/// A message of a key generation with all that it must not be taken for: another generation, sender, receiver or round.
/// A holder signs its encoding, so that whoever carries it can change, exchange or invent nothing.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Statement {
    /// The key generation.
    #[n(0)]
    pub set: SetId,
    /// Who sends.
    #[n(1)]
    pub from: Identifier,
    /// To whom; `None` for all others and, of an outcome, for whoever asked for the key.
    #[n(2)]
    pub to: Option<Identifier>,
    /// Its round.
    #[n(3)]
    pub round: Round,
    /// The message, as [`super::Outgoing`] gives it and [`super::Participant::receive`] takes it.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

impl Message for Statement {
    const DOMAIN: &'static str = "hufu-dkg-statement";
    const LEN_MAX: usize = 3_072;
}

impl Statement {
    /// Reads a statement. That it was signed, and by whom, is not seen here.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`] or [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_wire(bytes)
    }

    /// The bytes that are signed, at most 3,072.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_wire()
    }
}

/// Whether the bytes are a statement.
pub(super) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    recognised::<Statement>(bytes)
}
