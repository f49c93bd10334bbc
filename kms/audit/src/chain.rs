//! The hash chain of one writer.

use hufu_core::audit::AuditEntry;
use hufu_core::store::Segment;
use sha2::{Digest, Sha256};

use crate::AuditError;
use crate::record::{Record, SegmentBody};

/// The chain of one writer: how far it has come and its head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain {
    writer: String,
    next_seq: u64,
    head: [u8; 32],
}

impl Chain {
    /// The empty chain of a new writer.
    #[must_use]
    pub fn new(writer: &str) -> Self {
        Self { writer: writer.to_owned(), next_seq: 0, head: genesis(writer) }
    }

    /// The writer.
    #[must_use]
    pub fn writer(&self) -> &str {
        &self.writer
    }

    /// Sequence number of the next record.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> [u8; 32] {
        self.head
    }

    /// Seals records into the segment that continues the chain. The chain itself stays as it is until the segment is
    /// durable: then [`Self::advance`].
    #[must_use]
    pub fn seal(&self, records: Vec<Record>, sealed_at: u64) -> Segment {
        let head = extend(self.head, self.next_seq, records.iter().map(Record::hash));
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        Segment {
            writer: self.writer.clone(),
            first_seq: self.next_seq,
            count,
            previous_head: self.head,
            head,
            records: SegmentBody(records).to_bytes(),
            sealed_at,
        }
    }

    /// Continues after a segment that has become durable.
    pub fn advance(&mut self, segment: &Segment) {
        self.next_seq = segment.first_seq + u64::from(segment.count);
        self.head = segment.head;
    }

    /// Verifies that a segment continues the chain, and continues after it.
    ///
    /// # Errors
    /// [`AuditError`] when it does not; the chain is then as before.
    pub fn follow(&mut self, segment: &Segment) -> Result<Vec<AuditEntry>, AuditError> {
        let (writer, first_seq) = (segment.writer.clone(), segment.first_seq);
        if writer != self.writer || first_seq != self.next_seq || segment.previous_head != self.head {
            return Err(AuditError::Broken { writer, first_seq });
        }
        let entries = verify_segment(segment)?;
        self.advance(segment);
        Ok(entries)
    }
}

/// Head of a writer's empty chain.
#[must_use]
pub fn genesis(writer: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"hufu-audit-writer-v1\0").chain_update(writer).finalize().into()
}

/// The entries of a segment, without verifying it.
///
/// # Errors
/// [`AuditError::Malformed`] when they cannot be read.
pub fn open_segment(segment: &Segment) -> Result<Vec<AuditEntry>, AuditError> {
    let malformed = || AuditError::Malformed { writer: segment.writer.clone(), first_seq: segment.first_seq };
    let body = SegmentBody::from_bytes(&segment.records).map_err(|_| malformed())?;
    body.0.iter().map(Record::entry).collect::<Result<_, _>>().map_err(|_| malformed())
}

/// Verifies a segment by itself: its head is the hash of its records upon its previous head.
///
/// # Errors
/// [`AuditError`] when it is malformed or has been changed.
pub fn verify_segment(segment: &Segment) -> Result<Vec<AuditEntry>, AuditError> {
    let entries = open_segment(segment)?;
    let (writer, first_seq) = (segment.writer.clone(), segment.first_seq);
    let Ok(body) = SegmentBody::from_bytes(&segment.records) else {
        return Err(AuditError::Malformed { writer, first_seq });
    };
    let head = extend(segment.previous_head, first_seq, body.0.iter().map(Record::hash));
    if head == segment.head && usize::try_from(segment.count) == Ok(entries.len()) {
        Ok(entries)
    } else {
        Err(AuditError::Changed { writer, first_seq })
    }
}

pub(crate) fn extend(head: [u8; 32], first_seq: u64, hashes: impl Iterator<Item = [u8; 32]>) -> [u8; 32] {
    hashes.zip(first_seq..).fold(head, |head, (hash, seq)| {
        let link = Sha256::new().chain_update(b"hufu-audit-link-v1\0").chain_update(head);
        link.chain_update(seq.to_be_bytes()).chain_update(hash).finalize().into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hufu_core::policy::Action;

    fn record(text: &str) -> Record {
        Record::new(&AuditEntry::done(7, AuditEntry::system(), Action::Sign, text))
    }

    #[test]
    fn a_chain_verifies_and_any_change_is_found() {
        let mut chain = Chain::new("w1");
        let first = chain.seal(vec![record("a"), record("b")], 1);
        chain.advance(&first);
        let second = chain.seal(vec![record("c")], 2);
        chain.advance(&second);

        let mut reader = Chain::new("w1");
        assert_eq!(reader.clone().follow(&second), Err(AuditError::Broken { writer: "w1".into(), first_seq: 2 }));
        assert_eq!(reader.follow(&first).unwrap().len(), 2);
        assert_eq!(reader.follow(&second).unwrap()[0].resource.as_ref(), "c");
        assert_eq!(reader, chain);

        for at in 0..first.records.len() {
            let mut changed = first.clone();
            changed.records[at] ^= 1;
            assert!(verify_segment(&changed).is_err(), "byte {at}");
        }
        let mut renumbered = first.clone();
        renumbered.first_seq = 1;
        assert!(verify_segment(&renumbered).is_err());
        let mut recounted = first;
        recounted.count = 3;
        assert!(verify_segment(&recounted).is_err());
    }
}
