//! What a custodian's tool makes of a share: the statement that is signed, and beside it what only the target opens.

use hufu_codec::encode;
use hufu_custodian::{Agreement, Roster, Signed};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::strict::decode_strictly;
use crate::{Error, Fault, Handover, Manifest, OpenedShare, Refusal, SECRET_LEN_MAX};

/// Longest encoding in bytes.
const LEN_MAX: usize = SECRET_LEN_MAX + 4096;
const DOMAIN: &str = "hufu-handed-over";
const VERSION: u32 = 1;

/// A share on its way to its target. The signed statement ([`Handover`]) has only the digest of the ciphertext, so that it can be
/// shown to everyone for ever; the ciphertext itself is for the target, and nobody keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HandedOver {
    /// The [`Handover`], as its custodian signed it.
    #[n(0)]
    pub signed: Signed,
    /// The share, sealed to the target.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl HandedOver {
    /// The statement, once it is known to be its custodian's, and to be of what comes with it.
    ///
    /// # Errors
    /// Those of [`Handover::from_signed`]; [`Error::Refused`] when the ciphertext is another one than was signed.
    pub fn handover(&self, roster: &Roster) -> Result<Handover, Error> {
        let handover = Handover::from_signed(&self.signed, roster)?;
        if handover.sealed() == Sha256::digest(&self.sealed).as_slice() {
            return Ok(handover);
        }
        let custodian = handover.custodian().clone();
        Err(Refusal { custodian, index: handover.index(), fault: Fault::Swapped }.into())
    }

    /// Opens it with the target's key, and checks the share against what the dealer committed to.
    ///
    /// # Errors
    /// Those of [`HandedOver::handover`]; [`Error::Refused`] with the custodian's name when it is for another set, epoch, seat, target or
    /// request, does not open, or holds something else than what was dealt; [`Error::Custodian`] when the target's key does not do its part.
    pub fn open(
        &self,
        roster: &Roster,
        manifest: &Manifest,
        with: &dyn Agreement,
        request: &[u8; 32],
    ) -> Result<OpenedShare, Error> {
        self.handover(roster)?.open(&self.sealed, manifest, with, request)
    }

    /// As bytes that can be sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`HandedOver::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)
    }
}

/// A share that is sealed anew, before its custodian has signed for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resealed {
    pub(crate) handover: Handover,
    pub(crate) sealed: Vec<u8>,
}

impl Resealed {
    /// What the custodian signs.
    #[must_use]
    pub fn statement(&self) -> Vec<u8> {
        self.handover.to_bytes()
    }

    /// With the custodian's signature over [`Resealed::statement`].
    #[must_use]
    pub fn signed(self, signed: Signed) -> HandedOver {
        HandedOver { signed, sealed: self.sealed }
    }
}
