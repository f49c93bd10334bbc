//! A manifest and its dealer's signature.

use hufu_codec::encode;
use hufu_custodian::{SIGNATURE_LEN, VerifyingKey};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::strict::decode_strictly;
use crate::{Error, Manifest, ManifestDigest, manifest};

/// Longest encoding in bytes.
pub(crate) const LEN_MAX: usize = manifest::LEN_MAX + 128;

const DOMAIN: &str = "hufu-signed-share-manifest";
const VERSION: u32 = 1;

/// A manifest with its dealer's signature. It says nothing before it was [verified](SignedManifest::verify) or
/// [pinned](SignedManifest::pinned).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedManifest {
    manifest: Manifest,
    raw: Raw,
}

/// As it is in bytes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Raw {
    #[cbor(n(0), with = "minicbor::bytes")]
    manifest: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    signature: [u8; SIGNATURE_LEN],
}

impl SignedManifest {
    /// Puts the dealer's signature over [`Manifest::to_bytes`] to it.
    ///
    /// # Errors
    /// [`Error::Dealer`] when it is not the signature of the key that the manifest names; those of [`Manifest::from_bytes`].
    pub fn new(manifest: &Manifest, signature: &[u8]) -> Result<Self, Error> {
        let signature = signature.try_into().map_err(|_| Error::Dealer)?;
        let signed = Self::from_raw(Raw { manifest: manifest.to_bytes(), signature })?;
        signed.verify(&manifest.dealer)?;
        Ok(signed)
    }

    /// The manifest, once it is known to be of a dealer that is known beforehand.
    ///
    /// # Errors
    /// [`Error::Dealer`].
    pub fn verify(&self, dealer: &VerifyingKey) -> Result<&Manifest, Error> {
        let good = self.manifest.dealer == *dealer && dealer.verifies(&self.raw.manifest, &self.raw.signature);
        if good { Ok(&self.manifest) } else { Err(Error::Dealer) }
    }

    /// The manifest, once it is known to be the one of a digest that is known beforehand.
    ///
    /// # Errors
    /// [`Error::OtherManifest`].
    pub fn pinned(&self, digest: &ManifestDigest) -> Result<&Manifest, Error> {
        if self.digest() == *digest { Ok(&self.manifest) } else { Err(Error::OtherManifest) }
    }

    /// The manifest as it is, whoever made it: to show it.
    #[must_use]
    pub fn unverified(&self) -> &Manifest {
        &self.manifest
    }

    /// What names it.
    #[must_use]
    pub fn digest(&self) -> ManifestDigest {
        ManifestDigest(Sha256::digest(&self.raw.manifest).into())
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, &self.raw)
    }

    /// Reads what [`SignedManifest::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// Those of [`Manifest::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_raw(decode_strictly(DOMAIN, VERSION, bytes, LEN_MAX)?)
    }

    pub(crate) fn from_raw(raw: Raw) -> Result<Self, Error> {
        Ok(Self { manifest: Manifest::from_bytes(&raw.manifest)?, raw })
    }

    pub(crate) fn raw(&self) -> &Raw {
        &self.raw
    }
}
