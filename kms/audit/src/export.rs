//! Segments for readers: records of others are replaced by their hashes, and the chain still verifies.

use hufu_core::audit::AuditEntry;
use hufu_core::codec::{self, CodecError};
use hufu_core::store::Segment;
use minicbor::{Decode, Encode};

use crate::AuditError;
use crate::chain::extend;
use crate::record::{Record, SegmentBody};

const DOMAIN: &str = "hufu-audit-export";
const FORMAT: u32 = 1;

/// A record in an export: whole, or its hash alone.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum ExportedRecord {
    /// The record.
    #[n(0)]
    Whole(#[n(0)] Record),
    /// SHA-256 of a record that the reader may not see.
    #[n(1)]
    Withheld(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]),
}

/// The records of an exported segment.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct Exported(#[n(0)] pub Vec<ExportedRecord>);

impl Exported {
    /// The export as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(DOMAIN, FORMAT, self)
    }

    /// The export from bytes.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are malformed or newer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(DOMAIN, FORMAT, bytes)
    }
}

/// The segment as a reader may see it.
///
/// # Errors
/// [`AuditError::Malformed`] when the segment cannot be read.
pub fn redact(segment: &Segment, may_see: impl Fn(&AuditEntry) -> bool) -> Result<Exported, AuditError> {
    let malformed = || AuditError::Malformed { writer: segment.writer.clone(), first_seq: segment.first_seq };
    let body = SegmentBody::from_bytes(&segment.records).map_err(|_| malformed())?;
    let export = |record: Record| match record.entry() {
        Ok(entry) if may_see(&entry) => ExportedRecord::Whole(record),
        _ => ExportedRecord::Withheld(record.hash()),
    };
    Ok(Exported(body.0.into_iter().map(export).collect()))
}

/// Verifies exported records against the heads of their segment, and gives those that may be seen.
#[must_use]
pub fn verify_exported(
    exported: &Exported,
    previous_head: [u8; 32],
    first_seq: u64,
    head: [u8; 32],
) -> Option<Vec<(u64, AuditEntry)>> {
    let hashes = exported.0.iter().map(|record| match record {
        ExportedRecord::Whole(record) => record.hash(),
        ExportedRecord::Withheld(hash) => *hash,
    });
    if extend(previous_head, first_seq, hashes) != head {
        return None;
    }
    let visible = exported.0.iter().zip(first_seq..).filter_map(|(record, seq)| match record {
        ExportedRecord::Whole(record) => Some(record.entry().map(|entry| (seq, entry))),
        ExportedRecord::Withheld(_) => None,
    });
    visible.collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chain;
    use hufu_core::policy::Action;

    #[test]
    fn withheld_records_leave_the_chain_verifiable() {
        let entry = |text: &str| AuditEntry::done(1, AuditEntry::system(), Action::Sign, text);
        let segment = Chain::new("w").seal(vec![Record::new(&entry("mine")), Record::new(&entry("theirs"))], 1);
        let export = redact(&segment, |entry| entry.resource.as_ref() == "mine").unwrap();
        let export = Exported::from_bytes(&export.to_bytes()).unwrap();
        let visible = verify_exported(&export, segment.previous_head, 0, segment.head).unwrap();
        assert_eq!(visible.len(), 1);
        assert_eq!(visible[0].0, 0);
        assert!(!export.to_bytes().windows(6).any(|w| w == b"theirs"));
        assert!(verify_exported(&export, segment.previous_head, 1, segment.head).is_none());
    }
}
