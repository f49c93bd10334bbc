//! The messages of a key generation.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Setup;
use crate::error::{Error, Misconduct};
use crate::id::SetId;
use crate::scheme::Commitment;
use crate::suite::Suite;
use crate::threshold::{HOLDERS_MAX, Identifier, Threshold};
use crate::wire::{Message, recognised};

/// The longest message of a key generation between holders, in bytes.
pub(super) const ROUND1_LEN_MAX: usize = 2_560;

/// Round 1, to all: a dealer's commitment and proof of knowledge.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Round1 {
    #[n(0)]
    pub(super) set: SetId,
    #[n(1)]
    pub(super) suite: Suite,
    #[n(2)]
    pub(super) threshold: Threshold,
    #[n(3)]
    pub(super) sender: Identifier,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(super) points: Vec<u8>,
    #[cbor(n(5), with = "minicbor::bytes")]
    pub(super) proof: Vec<u8>,
}

impl Message for Round1 {
    const DOMAIN: &'static str = "hufu-dkg-round1";
    const LEN_MAX: usize = ROUND1_LEN_MAX;
}

impl Round1 {
    pub(super) fn new(setup: &Setup, commitment: Commitment) -> Self {
        let Setup { suite, threshold, set, me: sender } = *setup;
        Self { set, suite, threshold, sender, points: commitment.points, proof: commitment.proof }
    }

    /// Whether it is of this key generation and has the lengths that it must have.
    pub(super) fn check(&self, setup: &Setup) -> Result<(), Misconduct> {
        if (self.set, self.suite, self.threshold) != (setup.set, setup.suite, setup.threshold) {
            return Err(Misconduct::OtherSet);
        }
        let points_len = self.suite.point_len() * usize::from(self.threshold.t());
        let lengths_fit = self.points.len() == points_len && self.proof.len() == self.suite.signature_len();
        if lengths_fit { Ok(()) } else { Err(Misconduct::Malformed) }
    }
}

/// SHA-256 of what all holders sent in round 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub(super) struct Round1Digest(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl Round1Digest {
    /// Of the messages in the holders' order. Each begins with its own length, being CBOR.
    pub(super) fn of<'a>(messages: impl Iterator<Item = &'a Round1>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"hufu-dkg-round1-all v1");
        for message in messages {
            hash.update(message.to_wire());
        }
        Self(hash.finalize().into())
    }
}

/// To all: what the sender saw of round 1.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Echo {
    #[n(0)]
    pub(super) set: SetId,
    #[n(1)]
    pub(super) sender: Identifier,
    #[n(2)]
    pub(super) digest: Round1Digest,
}

impl Message for Echo {
    const DOMAIN: &'static str = "hufu-dkg-echo";
    const LEN_MAX: usize = 128;
}

/// Round 2, sealed for one holder: the sender's polynomial at the receiver's number.
#[derive(PartialEq, Eq, Encode, Decode, Zeroize, ZeroizeOnDrop)]
pub(super) struct Round2 {
    #[zeroize(skip)]
    #[n(0)]
    pub(super) set: SetId,
    #[zeroize(skip)]
    #[n(1)]
    pub(super) sender: Identifier,
    #[zeroize(skip)]
    #[n(2)]
    pub(super) receiver: Identifier,
    #[zeroize(skip)]
    #[n(3)]
    pub(super) round1: Round1Digest,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(super) share: Vec<u8>,
}

impl Message for Round2 {
    const DOMAIN: &'static str = "hufu-dkg-share";
    const LEN_MAX: usize = 192;
}

/// To whoever asked for the key: what came out.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(super) struct Outcome {
    #[n(0)]
    pub(super) set: SetId,
    #[n(1)]
    pub(super) sender: Identifier,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(super) group: Vec<u8>,
}

impl Message for Outcome {
    const DOMAIN: &'static str = "hufu-dkg-outcome";
    const LEN_MAX: usize = 2_688;
}

/// The fields that every message has.
pub(super) trait MessageOf: Message {
    fn set(&self) -> SetId;
    fn sender(&self) -> Identifier;
}

macro_rules! message_of {
    ($($name:ident),*) => {$(
        impl MessageOf for $name {
            fn set(&self) -> SetId {
                self.set
            }

            fn sender(&self) -> Identifier {
                self.sender
            }
        }
    )*};
}

message_of!(Round1, Echo, Round2, Outcome);

/// Reads what `from` sent: a message of this kind and set that bears the sender's own number. Anything else is the
/// sender's doing.
pub(super) fn read<M: MessageOf>(set: SetId, from: Identifier, bytes: &[u8]) -> Result<M, Error> {
    let message = M::from_wire(bytes).map_err(|_| Error::by(from, Misconduct::Malformed))?;
    if message.sender() != from {
        return Err(Error::by(from, Misconduct::Malformed));
    }
    if message.set() == set { Ok(message) } else { Err(Error::by(from, Misconduct::OtherSet)) }
}

/// Which message of a key generation the bytes are.
pub(crate) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    recognised::<Round1>(bytes)
        .or_else(|| recognised::<Echo>(bytes))
        .or_else(|| recognised::<Round2>(bytes))
        .or_else(|| recognised::<Outcome>(bytes))
}

const _: () = assert!(33 * HOLDERS_MAX as usize + 256 < Round1::LEN_MAX);
