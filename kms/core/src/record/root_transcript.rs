//! What was written down of a root that custodians hold: that it was split, and each time it was opened.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::Record;
use crate::changeset::Collection;

/// A record of a root, as bytes, which this crate does not read; and what came later.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RootTranscriptRecord {
    /// 0 for the root's beginning; openings from 1.
    #[n(0)]
    pub number: u64,
    /// The record, in the encoding of `hufu-shares`.
    #[n(1)]
    pub record: ByteVec,
    /// Custodians' confirmations of their shares, each as it was signed.
    #[n(2)]
    pub confirmations: Vec<ByteVec>,
}

impl RootTranscriptRecord {
    /// The scope of all.
    pub const SCOPE: &'static str = "root";
    /// The number of the root's beginning, which is never deleted.
    pub const BEGINNING: u64 = 0;
    /// Openings that are kept: the newest ones. Older ones are in the audit trail and, by their hashes, on the ledger.
    pub const OPENINGS_KEPT: u64 = 256;

    /// The row id of a number: as wide as a number can be, so that rows are in the order of numbers.
    #[must_use]
    pub fn row_id(number: u64) -> String {
        format!("{number:020}")
    }
}

impl Record for RootTranscriptRecord {
    const COLLECTION: Collection = Collection::RootTranscript;
    const DOMAIN: &'static str = "hufu-root-transcript-row";

    fn id(&self) -> String {
        Self::row_id(self.number)
    }

    fn scope(&self) -> String {
        Self::SCOPE.to_owned()
    }
}
