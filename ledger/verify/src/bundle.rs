//! Bundles: the events of one key with all that is needed to check them offline.

use alloc::string::String;
use alloc::vec::Vec;

use hufu_tlog::{Hash, NOTE_LEN_MAX, PROOF_LEN_MAX};
use minicbor::{Decode, Encode};

use crate::cbor;
use crate::error::BundleError;
use crate::leaf::LEAF_LEN_MAX;

/// Longest bundle in bytes.
pub const BUNDLE_LEN_MAX: usize = 4 * 1024 * 1024;

/// Most entries in a bundle.
pub const ENTRIES_MAX: usize = 10_000;

/// Longest public key in bytes of DER.
pub const PUBLIC_KEY_LEN_MAX: usize = 16 * 1024;

const DOMAIN: &str = "hufu-bundle";
const VERSION: u64 = 1;

/// All events of one key under one checkpoint: deterministic CBOR `["hufu-bundle", 1, {…}]`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Bundle {
    /// Signed note of the checkpoint that all proofs lead to.
    #[n(0)]
    pub checkpoint: String,
    /// DER of the key's SubjectPublicKeyInfo. A symmetric key has none.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub public_key: Option<Vec<u8>>,
    /// The events in the order of the log, at least one.
    #[cbor(n(2), with = "entries")]
    pub entries: Vec<BundleEntry>,
}

/// One event and where it is in the tree.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct BundleEntry {
    /// The encoded [`Leaf`](crate::Leaf), as it was logged.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub leaf: Vec<u8>,
    /// Index of the leaf in the tree, from 0.
    #[n(1)]
    pub index: u64,
    /// Audit path from the leaf to the checkpoint's root (RFC 6962 §2.1.1).
    #[cbor(n(2), with = "hashes")]
    pub proof: Vec<Hash>,
}

impl Bundle {
    /// Writes the bundle.
    ///
    /// # Errors
    /// [`BundleError`] if it is over a limit.
    pub fn encode(&self) -> Result<Vec<u8>, BundleError> {
        self.check()?;
        let bytes = cbor::encode_versioned(DOMAIN, VERSION, self);
        if bytes.len() > BUNDLE_LEN_MAX { Err(BundleError::TooLong) } else { Ok(bytes) }
    }

    /// Reads a bundle without checking what it says: that is for [`verify_bundle`](crate::verify_bundle).
    ///
    /// # Errors
    /// [`BundleError`] says what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > BUNDLE_LEN_MAX {
            return Err(BundleError::TooLong);
        }
        let bundle: Self = cbor::decode_versioned(DOMAIN, VERSION, bytes)?;
        bundle.check()?;
        Ok(bundle)
    }

    fn check(&self) -> Result<(), BundleError> {
        let key_fits = |key: &Vec<u8>| (1..=PUBLIC_KEY_LEN_MAX).contains(&key.len());
        let entry_fits = |entry: &BundleEntry| entry.leaf.len() <= LEAF_LEN_MAX && entry.proof.len() <= PROOF_LEN_MAX;
        if self.checkpoint.len() > NOTE_LEN_MAX {
            return Err(BundleError::Checkpoint);
        }
        if !self.public_key.as_ref().is_none_or(key_fits) {
            return Err(BundleError::PublicKey);
        }
        let count_fits = (1..=ENTRIES_MAX).contains(&self.entries.len());
        if count_fits && self.entries.iter().all(entry_fits) { Ok(()) } else { Err(BundleError::Entries) }
    }
}

/// Reads an array whose length is looked at before anything is allocated for it.
fn decode_bounded<'b, T>(
    d: &mut minicbor::Decoder<'b>,
    max: usize,
    mut item: impl FnMut(&mut minicbor::Decoder<'b>) -> Result<T, minicbor::decode::Error>,
) -> Result<Vec<T>, minicbor::decode::Error> {
    let length = d.array()?.and_then(|length| usize::try_from(length).ok()).filter(|length| *length <= max);
    let length = length.ok_or_else(|| minicbor::decode::Error::message("array is too long"))?;
    (0..length).map(|_| item(d)).collect()
}

mod entries {
    use alloc::vec::Vec;

    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    use super::{BundleEntry, ENTRIES_MAX, decode_bounded};

    pub(super) fn encode<C, W: Write>(
        entries: &[BundleEntry],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.encode(entries)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<BundleEntry>, DecodeError> {
        decode_bounded(d, ENTRIES_MAX, Decoder::decode)
    }
}

mod hashes {
    use alloc::vec::Vec;

    use hufu_tlog::{Hash, PROOF_LEN_MAX};
    use minicbor::bytes::{ByteArray, ByteSlice};
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    use super::decode_bounded;

    pub(super) fn encode<C, W: Write>(
        hashes: &[Hash],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        let hashes: Vec<&ByteSlice> = hashes.iter().map(|hash| (&hash.0[..]).into()).collect();
        e.encode(hashes)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<Hash>, DecodeError> {
        decode_bounded(d, PROOF_LEN_MAX, |d| d.decode::<ByteArray<32>>().map(|hash| Hash(hash.into())))
    }
}
