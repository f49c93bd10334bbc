//! A custodian's file.

use hufu_codec::encode;
use hufu_custodian::{Agreement, SealingKey, VerifyingKey, open, seal};
use hufu_secret::SecretBytes;
use minicbor::{Decode, Encode};

use crate::signed_manifest::{self, Raw};
use crate::strict::decode_strictly;
use crate::{Error, Fault, ManifestDigest, OpenedShare, Refusal, SECRET_LEN_MAX, Seat, SignedManifest};

/// Longest encoding in bytes.
const LEN_MAX: usize = signed_manifest::LEN_MAX + SECRET_LEN_MAX + 512;

const DOMAIN: &str = "hufu-share";
const VERSION: u32 = 1;
const PURPOSE_DOMAIN: &str = "hufu-share-purpose";

/// What one custodian gets: the signed manifest, and this custodian's share, sealed. `docs/ceremonies/share-format.md` tells
/// the format for other implementations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Share {
    manifest: SignedManifest,
    index: u8,
    sealed: Vec<u8>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct File {
    #[n(0)]
    manifest: Raw,
    #[n(1)]
    index: u8,
    #[cbor(n(2), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

impl Share {
    /// The share of an index, from its parts. Whether it opens, its custodian alone can tell.
    ///
    /// # Errors
    /// [`Error::Manifest`] when the set has no such index.
    pub fn new(manifest: SignedManifest, index: u8, sealed: Vec<u8>) -> Result<Self, Error> {
        if manifest.unverified().seat(index).is_none() {
            return Err(Error::Manifest("the share has an index that the set has not"));
        }
        Ok(Self { manifest, index, sealed })
    }

    /// Seals an opened share to its own custodian again, as after [`crate::receive`].
    ///
    /// # Errors
    /// [`Error::OtherManifest`], [`Error::Refused`] when the key is not the custodian's, [`Error::Custodian`].
    pub fn keep(opened: &OpenedShare, manifest: &SignedManifest, own: &SealingKey) -> Result<Self, Error> {
        let seat = manifest.pinned(&opened.manifest())?.seat(opened.index()).ok_or(Error::OtherManifest)?;
        check_key(seat, opened.index(), own)?;
        let sealed = seal_content(own, &opened.manifest(), opened.index(), opened.content())?;
        Self::new(manifest.clone(), opened.index(), sealed)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &SignedManifest {
        &self.manifest
    }

    /// Which share of the set it is, from 1.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    /// What its custodian holds, sealed.
    #[must_use]
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    /// Opens it with the custodian's key, and checks it against what the dealer committed to.
    ///
    /// # Errors
    /// [`Error::Dealer`] when the manifest is not of the dealer whom the custodian knows; [`Error::Refused`] when the share is not
    /// for this key, does not open, or is not what was committed to; [`Error::Custodian`] when the key does not do its part.
    pub fn open(&self, dealer: &VerifyingKey, with: &dyn Agreement) -> Result<OpenedShare, Error> {
        let manifest = self.manifest.verify(dealer)?;
        let seat = manifest.seat(self.index).ok_or(Error::OtherManifest)?;
        check_key(seat, self.index, with.key())?;
        let content = open(with, &purpose(&self.manifest.digest(), self.index), &self.sealed);
        let content = content.map_err(|error| not_opened(error, seat, self.index))?;
        Ok(OpenedShare::checked(manifest, seat, self.index, content)?)
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let file = File { manifest: self.manifest.raw().clone(), index: self.index, sealed: self.sealed.clone() };
        encode(DOMAIN, VERSION, &file)
    }

    /// Reads what [`Share::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`], [`Error::Manifest`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let File { manifest, index, sealed } = decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)?;
        Self::new(SignedManifest::from_raw(manifest)?, index, sealed)
    }
}

/// Seals what a custodian holds, for one place in one manifest.
pub(crate) fn seal_content(
    to: &SealingKey,
    digest: &ManifestDigest,
    index: u8,
    content: &SecretBytes,
) -> Result<Vec<u8>, Error> {
    Ok(seal(to, &purpose(digest, index), content)?)
}

/// What did not open, with the name of its custodian.
pub(crate) fn not_opened(error: hufu_custodian::Error, seat: &Seat, index: u8) -> Error {
    match error {
        hufu_custodian::Error::NotOpened | hufu_custodian::Error::Codec(_) => {
            Refusal { custodian: seat.custodian.clone(), index, fault: Fault::NotOpened }.into()
        }
        other => other.into(),
    }
}

fn check_key(seat: &Seat, index: u8, key: &SealingKey) -> Result<(), Refusal> {
    if seat.sealing == key.fingerprint() {
        return Ok(());
    }
    Err(Refusal { custodian: seat.custodian.clone(), index, fault: Fault::OtherKey })
}

fn purpose(digest: &ManifestDigest, index: u8) -> Vec<u8> {
    encode(PURPOSE_DOMAIN, VERSION, &(*digest, index))
}
