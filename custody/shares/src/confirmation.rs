//! A custodian's word that a new share is there and good.

use hufu_codec::encode;
use hufu_custodian::{Name, Roster, Signed};
use minicbor::{Decode, Encode};

use crate::strict::decode_strictly;
use crate::{Error, Fault, ManifestDigest, OpenedShare, Refusal, SetId};

const LEN_MAX: usize = 512;
const DOMAIN: &str = "hufu-share-confirmation";
const VERSION: u32 = 1;

/// That a custodian has opened its share of an epoch, found it to be what the dealer committed to, and keeps it. It is a
/// statement that the custodian signs ([`Signed`]).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Confirmation {
    #[n(0)]
    set: SetId,
    #[n(1)]
    epoch: u32,
    #[n(2)]
    manifest: ManifestDigest,
    #[n(3)]
    index: u8,
    #[n(4)]
    custodian: Name,
}

impl OpenedShare {
    /// What its custodian signs to confirm it. Only who has opened a share can say so.
    #[must_use]
    pub fn confirm(&self) -> Confirmation {
        Confirmation {
            set: self.set(),
            epoch: self.epoch(),
            manifest: self.manifest(),
            index: self.index(),
            custodian: self.custodian().clone(),
        }
    }
}

impl Confirmation {
    /// Reads one that a custodian has signed.
    ///
    /// # Errors
    /// As [`crate::Handover::from_signed`].
    pub fn from_signed(signed: &Signed, roster: &Roster) -> Result<Self, Error> {
        let signer = &signed.verify(roster)?.name;
        let confirmation = Self::from_bytes(&signed.statement)?;
        if confirmation.custodian == *signer {
            return Ok(confirmation);
        }
        let fault = Fault::OtherSeat(confirmation.custodian);
        Err(Refusal { custodian: signer.clone(), index: confirmation.index, fault }.into())
    }

    /// The set.
    #[must_use]
    pub fn set(&self) -> SetId {
        self.set
    }

    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The manifest of the share.
    #[must_use]
    pub fn manifest(&self) -> ManifestDigest {
        self.manifest
    }

    /// Which share.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Whose.
    #[must_use]
    pub fn custodian(&self) -> &Name {
        &self.custodian
    }

    /// As bytes, which the custodian signs.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`Confirmation::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)
    }
}
