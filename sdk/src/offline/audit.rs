//! Exported audit segments: whether they are the chains that their writers sealed.

use std::collections::BTreeMap;

use minicbor::{Decode, Decoder, decode::Error as DecodeError};
use sha2::{Digest as _, Sha256};

/// First element of the records of an exported segment, a CBOR array `[domain, format version, records]`.
const DOMAIN: &str = "hufu-audit-export";
const FORMAT: u32 = 1;

/// A segment as it was exported.
#[derive(Clone, Copy, Debug)]
pub struct CheckedSegment<'a> {
    /// Id of the writer.
    pub writer: &'a str,
    /// Sequence number of the first record.
    pub first_sequence: u64,
    /// Number of records.
    pub record_count: u32,
    /// Head of the chain before the segment.
    pub previous_head: &'a [u8],
    /// Head of the chain after it.
    pub head: &'a [u8],
    /// The records.
    pub records: &'a [u8],
}

/// One writer's chain, as far as it was checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedChain {
    /// Number of its records.
    pub record_count: u64,
    /// Its head: compare it with what `VerifyAudit` tells, or with one that was kept.
    pub head: [u8; 32],
}

/// Why a segment is not what its writer sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The records are not of the documented form.
    #[error("the segment is malformed")]
    Malformed,
    /// Something before the segment is missing, was put in or changed.
    #[error("the segment does not continue its writer's chain")]
    Broken,
    /// The head is not that of the records.
    #[error("the segment has been changed")]
    Changed,
}

/// Checks the segments of an export one after the other. Any change of what was exported, and any gap, is found; what was
/// cut off at the end of a chain is not: its head tells.
#[derive(Clone, Debug, Default)]
pub struct AuditCheck {
    chains: BTreeMap<String, CheckedChain>,
}

impl AuditCheck {
    /// Checks the next segment, which must continue the chain of its writer.
    ///
    /// # Errors
    /// [`SegmentError`]; what was checked before stays as it is.
    pub fn follow(&mut self, segment: CheckedSegment<'_>) -> Result<(), SegmentError> {
        let begin = || CheckedChain { record_count: 0, head: genesis(segment.writer) };
        let chain = self.chains.get(segment.writer).cloned().unwrap_or_else(begin);
        if segment.previous_head != chain.head || segment.first_sequence != chain.record_count {
            return Err(SegmentError::Broken);
        }
        let hashes = record_hashes(segment.records)?;
        let record_count = chain.record_count.saturating_add(hashes.len() as u64);
        let head = (chain.record_count..).zip(&hashes).fold(chain.head, |head, (sequence, hash)| {
            let link = Sha256::new().chain_update(b"hufu-audit-link-v1\0").chain_update(head);
            link.chain_update(sequence.to_be_bytes()).chain_update(hash).finalize().into()
        });
        if head != segment.head || hashes.len() as u64 != u64::from(segment.record_count) {
            return Err(SegmentError::Changed);
        }
        self.chains.insert(segment.writer.to_owned(), CheckedChain { record_count, head });
        Ok(())
    }

    /// The chains that were checked, by writer.
    #[must_use]
    pub fn chains(&self) -> &BTreeMap<String, CheckedChain> {
        &self.chains
    }
}

/// Head of a writer's empty chain.
fn genesis(writer: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"hufu-audit-writer-v1\0").chain_update(writer).finalize().into()
}

/// A record: whole, or its hash alone where the reader may not see it.
#[derive(Decode)]
enum Exported {
    #[n(0)]
    Whole(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    #[n(1)]
    Withheld(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]),
}

fn record_hashes(records: &[u8]) -> Result<Vec<[u8; 32]>, SegmentError> {
    decode(records).map_err(|_| SegmentError::Malformed)
}

fn decode(records: &[u8]) -> Result<Vec<[u8; 32]>, DecodeError> {
    let mut decoder = Decoder::new(records);
    if decoder.array()? != Some(3) || decoder.str()? != DOMAIN || decoder.u32()? != FORMAT {
        return Err(DecodeError::message("another domain or format"));
    }
    let hashes = decoder
        .array_iter::<Exported>()?
        .map(|record| {
            record.map(|record| match record {
                Exported::Whole(record) => Sha256::digest(&record).into(),
                Exported::Withheld(hash) => hash,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if decoder.position() == records.len() { Ok(hashes) } else { Err(DecodeError::message("trailing bytes")) }
}

#[cfg(test)]
mod tests {
    use minicbor::Encoder;

    use super::*;

    /// A whole record and a withheld one.
    fn records() -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        encoder.array(3).unwrap().str(DOMAIN).unwrap().u32(FORMAT).unwrap().array(2).unwrap();
        encoder.array(2).unwrap().u32(0).unwrap().array(1).unwrap().bytes(b"record").unwrap();
        encoder.array(2).unwrap().u32(1).unwrap().array(1).unwrap().bytes(&[9; 32]).unwrap();
        encoder.into_writer()
    }

    // Computed apart from this code, with Python's hashlib.
    const GENESIS: &str = "e9e73ba94e4849b3ff01c5758f2d1fec36a8d695e9c8c9a622fefe841c33894c";
    const HEAD: &str = "f27ef3e4a7e2ce17a09bdc6b6bddf8eb28f8e481097cebb6a6a8825f80dc6a77";

    fn hex32(text: &str) -> [u8; 32] {
        std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    }

    #[test]
    fn a_chain_is_followed_and_any_change_is_found() {
        let (records, (genesis, head)) = (records(), (hex32(GENESIS), hex32(HEAD)));
        let good = CheckedSegment {
            writer: "w",
            first_sequence: 0,
            record_count: 2,
            previous_head: &genesis,
            head: &head,
            records: &records,
        };
        let mut check = AuditCheck::default();
        check.follow(good).unwrap();
        assert_eq!(check.chains()["w"], CheckedChain { record_count: 2, head });
        assert_eq!(check.follow(good), Err(SegmentError::Broken), "twice");

        let refused = |segment: CheckedSegment<'_>| AuditCheck::default().follow(segment).unwrap_err();
        assert_eq!(refused(CheckedSegment { first_sequence: 1, ..good }), SegmentError::Broken);
        assert_eq!(refused(CheckedSegment { writer: "v", ..good }), SegmentError::Broken);
        assert_eq!(refused(CheckedSegment { record_count: 3, ..good }), SegmentError::Changed);
        assert_eq!(refused(CheckedSegment { head: &genesis, ..good }), SegmentError::Changed);
        for at in 0..records.len() {
            let mut changed = records.clone();
            changed[at] ^= 1;
            refused(CheckedSegment { records: &changed, ..good });
        }
    }
}
