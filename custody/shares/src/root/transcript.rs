//! A record as it is handed out: with what came later, and the signature of the log's key.

use hufu_codec::encode;
use hufu_custodian::Signed;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::judge::{RootPins, RootReport, judge};
use super::record::{ROOT_RECORD_LEN_MAX, RootRecord};
use crate::strict::decode_strictly;
use crate::{Error, SEATS_MAX};

/// Longest transcript in bytes.
pub const ROOT_TRANSCRIPT_LEN_MAX: usize = ROOT_RECORD_LEN_MAX + (256 << 10);

const DOMAIN: &str = "hufu-root-transcript";
const VERSION: u32 = 1;
const CLOSING_DOMAIN: &str = "hufu-root-closing";

/// A record, the confirmations that custodians have signed since, and the ledger's receipt, closed by the log's key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RootTranscript {
    /// [`RootRecord::to_bytes`].
    #[n(0)]
    record: ByteVec,
    /// Who has confirmed to hold a good share: [`crate::Confirmation`]s, after a root was split.
    #[n(1)]
    confirmations: Vec<Signed>,
    /// The ledger's receipt for the record; empty while there is none.
    #[n(2)]
    receipt: ByteVec,
    /// The log key's signature over the closing.
    #[cbor(n(3), with = "minicbor::bytes")]
    signature: Vec<u8>,
}

impl RootTranscript {
    /// One that waits for the signature over [`RootTranscript::closing`].
    #[must_use]
    pub fn open(record: &RootRecord, confirmations: Vec<Signed>, receipt: Vec<u8>) -> Self {
        Self { record: record.to_bytes().into(), confirmations, receipt: receipt.into(), signature: Vec::new() }
    }

    /// What the log's key signs: it names all that is in the transcript.
    #[must_use]
    pub fn closing(&self) -> Vec<u8> {
        let digest = |bytes: &[u8]| ByteArray::<32>::from(<[u8; 32]>::from(Sha256::digest(bytes)));
        let confirmed: Vec<_> = self.confirmations.iter().map(|signed| digest(&signed.to_bytes())).collect();
        encode(CLOSING_DOMAIN, VERSION, &(digest(&self.record), confirmed, digest(&self.receipt)))
    }

    /// The transcript with the log key's signature.
    #[must_use]
    pub fn closed(self, signature: Vec<u8>) -> Self {
        Self { signature, ..self }
    }

    /// Verifies it without anything but the pins: every statement is judged again, with every signature. The receipt is for whoever
    /// knows the ledger.
    ///
    /// # Errors
    /// [`Error`] with the first thing that is wrong; what a custodian signed is refused with the name.
    pub fn verify(&self, pins: &RootPins) -> Result<RootReport, Error> {
        if !pins.log_key.verifies(&self.closing(), &self.signature) {
            return Err(Error::Transcript("the log's key did not close it"));
        }
        if self.confirmations.len() > SEATS_MAX {
            return Err(Error::Transcript("it has more confirmations than there can be shares"));
        }
        judge(RootRecord::from_bytes(&self.record)?, &self.confirmations, &self.receipt, pins)
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(DOMAIN, VERSION, self)
    }

    /// Reads what [`RootTranscript::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        decode_strictly(DOMAIN, VERSION, bytes, ROOT_TRANSCRIPT_LEN_MAX)
    }
}
