//! A share that its custodian hands over.

use hufu_codec::encode;
use hufu_custodian::{Agreement, Name, Roster, SealingKey, Signed, open, seal};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::share::not_opened;
use crate::strict::decode_strictly;
use crate::{Error, Fault, Manifest, ManifestDigest, OpenedShare, Refusal, Resealed, Seat, SetId};

const LEN_MAX: usize = 1024;
const DOMAIN: &str = "hufu-share-handover";
const VERSION: u32 = 1;
const PURPOSE_DOMAIN: &str = "hufu-share-handover-purpose";

/// That a custodian gives its share, sealed anew, to whoever may have it for one request: an attested target, or a service's pinned
/// key. It is a statement that the custodian signs ([`Signed`]), with the digest of what is sealed, which goes beside it
/// ([`crate::HandedOver`]); whether the target and the request deserve it, the custodian's own tool has checked before.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Handover {
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
    #[cbor(n(5), with = "minicbor::bytes")]
    target: [u8; 32],
    #[cbor(n(6), with = "minicbor::bytes")]
    request: [u8; 32],
    #[cbor(n(7), with = "minicbor::bytes")]
    sealed: [u8; 32],
}

impl OpenedShare {
    /// Seals it to a target, for the request of a digest and for no other.
    ///
    /// # Errors
    /// [`Error::Custodian`] when nothing can be sealed to the key.
    pub fn reseal(&self, to: &SealingKey, request: &[u8; 32]) -> Result<Resealed, Error> {
        let mut handover = Handover {
            set: self.set(),
            epoch: self.epoch(),
            manifest: self.manifest(),
            index: self.index(),
            custodian: self.custodian().clone(),
            target: to.fingerprint(),
            request: *request,
            sealed: [0; 32],
        };
        let sealed = seal(to, &handover.purpose(), self.content())?;
        handover.sealed = Sha256::digest(&sealed).into();
        Ok(Resealed { handover, sealed })
    }
}

impl Handover {
    /// Reads one that a custodian has signed.
    ///
    /// # Errors
    /// [`Error::Custodian`] when the roster's key does not verify the signature; [`Error::Refused`] when it is signed by someone
    /// other than it names; [`Error::Codec`], [`Error::TooLong`].
    pub fn from_signed(signed: &Signed, roster: &Roster) -> Result<Self, Error> {
        let signer = &signed.verify(roster)?.name;
        let handover = Self::from_bytes(&signed.statement)?;
        if handover.custodian == *signer {
            return Ok(handover);
        }
        let fault = Fault::OtherSeat(handover.custodian);
        Err(Refusal { custodian: signer.clone(), index: handover.index, fault }.into())
    }

    /// As [`crate::HandedOver::open`], of what was compared with the digest.
    pub(crate) fn open(
        &self,
        sealed: &[u8],
        manifest: &Manifest,
        with: &dyn Agreement,
        request: &[u8; 32],
    ) -> Result<OpenedShare, Error> {
        let seat = self.check(manifest, &with.key().fingerprint(), request)?;
        let content = open(with, &self.purpose(), sealed).map_err(|error| not_opened(error, seat, self.index))?;
        Ok(OpenedShare::checked(manifest, seat, self.index, content)?)
    }

    /// Whether it is of a seat of that manifest, for that target and request, as far as can be told before it is opened. The
    /// seat.
    ///
    /// # Errors
    /// [`Refusal`] with the custodian's name.
    pub fn check<'m>(
        &self,
        manifest: &'m Manifest,
        target: &[u8; 32],
        request: &[u8; 32],
    ) -> Result<&'m Seat, Refusal> {
        let refused = |fault| Refusal { custodian: self.custodian.clone(), index: self.index, fault };
        check_manifest(manifest, self.set, self.epoch, &self.manifest).map_err(refused)?;
        let seat = manifest.seat(self.index).ok_or_else(|| refused(Fault::NoSeat))?;
        if seat.custodian != self.custodian {
            return Err(refused(Fault::OtherSeat(seat.custodian.clone())));
        }
        if self.target != *target {
            return Err(refused(Fault::OtherKey));
        }
        if self.request == *request { Ok(seat) } else { Err(refused(Fault::OtherRequest)) }
    }

    /// Which share of the set it is, from 1.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Whose share it is.
    #[must_use]
    pub fn custodian(&self) -> &Name {
        &self.custodian
    }

    /// SHA-256 of what is sealed.
    #[must_use]
    pub fn sealed(&self) -> &[u8; 32] {
        &self.sealed
    }

    /// As bytes, which the custodian signs.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`Handover::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)
    }

    fn purpose(&self) -> Vec<u8> {
        let target = minicbor::bytes::ByteArray::from(self.target);
        let request = minicbor::bytes::ByteArray::from(self.request);
        encode(PURPOSE_DOMAIN, VERSION, &(self.manifest, self.index, target, request))
    }
}

/// Whether something is of this manifest, and if not, how it is not.
pub(crate) fn check_manifest(
    manifest: &Manifest,
    set: SetId,
    epoch: u32,
    digest: &ManifestDigest,
) -> Result<(), Fault> {
    if set != manifest.set() {
        return Err(Fault::OtherSet);
    }
    if epoch != manifest.epoch() {
        return Err(Fault::OtherEpoch { found: epoch, expected: manifest.epoch() });
    }
    if *digest == manifest.digest() { Ok(()) } else { Err(Fault::OtherManifest) }
}
