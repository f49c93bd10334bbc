//! What a holder is asked, and how it says no.

use minicbor::{Decode, Encode};

use super::decision::Refusal;
use crate::error::Error;
use crate::id::SessionId;
use crate::mandate::{ATTEMPTS_MAX, SignedMandate};
use crate::wire::{Message, recognised};

/// Round 1: the requester's mandate, and which attempt this is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigningRequest {
    mandate: SignedMandate,
    attempt: u8,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Form {
    #[cbor(n(0), with = "minicbor::bytes")]
    mandate: Vec<u8>,
    #[n(1)]
    attempt: u8,
}

impl Message for Form {
    const DOMAIN: &'static str = "hufu-sign-request";
    const LEN_MAX: usize = SignedMandate::LEN_MAX + 64;
}

impl SigningRequest {
    /// Asks for an attempt, counted from 0, under a mandate.
    #[must_use]
    pub fn new(mandate: SignedMandate, attempt: u8) -> Self {
        Self { mandate, attempt }
    }

    /// Reads a request. Nothing of the mandate is verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`] or [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let form = Form::from_wire(bytes)?;
        if form.attempt >= ATTEMPTS_MAX {
            return Err(Error::Malformed { what: Form::DOMAIN });
        }
        Ok(Self { mandate: SignedMandate::from_bytes(&form.mandate)?, attempt: form.attempt })
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Form { mandate: self.mandate.to_bytes(), attempt: self.attempt }.to_wire()
    }

    /// The mandate.
    #[must_use]
    pub fn mandate(&self) -> &SignedMandate {
        &self.mandate
    }

    /// The attempt, from 0.
    #[must_use]
    pub fn attempt(&self) -> u8 {
        self.attempt
    }
}

/// A holder's answer when it takes no part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Refused {
    /// The session that was asked for, if the request could be read so far.
    #[n(0)]
    pub session: Option<SessionId>,
    /// Why.
    #[n(1)]
    pub reason: Refusal,
}

impl Message for Refused {
    const DOMAIN: &'static str = "hufu-sign-refused";
    const LEN_MAX: usize = 128;
}

impl Refused {
    /// Reads a refusal.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`] or [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_wire(bytes)
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_wire()
    }
}

/// Which of a holder's messages the bytes are.
pub(crate) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    recognised::<Form>(bytes).or_else(|| recognised::<Refused>(bytes))
}
