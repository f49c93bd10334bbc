//! One audit record and the body of a segment, as bytes.

use hufu_core::audit::AuditEntry;
use hufu_core::codec::{self, CodecError};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

const RECORD_DOMAIN: &str = "hufu-audit-record";
const SEGMENT_DOMAIN: &str = "hufu-audit-segment";
const FORMAT: u32 = 1;

/// An encoded audit record.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct Record(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>);

impl Record {
    /// Encodes an entry.
    #[must_use]
    pub fn new(entry: &AuditEntry) -> Self {
        Self(codec::encode(RECORD_DOMAIN, FORMAT, entry))
    }

    /// The entry.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are malformed or newer.
    pub fn entry(&self) -> Result<AuditEntry, CodecError> {
        codec::decode(RECORD_DOMAIN, FORMAT, &self.0)
    }

    /// SHA-256 of the record: what the chain holds, and the evidence hash of a ledger leaf.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

/// The records of a segment.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct SegmentBody(#[n(0)] pub Vec<Record>);

impl SegmentBody {
    /// The body as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(SEGMENT_DOMAIN, FORMAT, self)
    }

    /// The body from bytes.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are malformed or newer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(SEGMENT_DOMAIN, FORMAT, bytes)
    }
}
