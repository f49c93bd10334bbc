//! The audit trail as an auditor takes it away: exported, and verified without the service.

use std::collections::{BTreeMap, HashMap};

use hufu_audit::{Exported, ExportedRecord, genesis, verify_exported};
use hufu_core::audit::{AuditEntry, AuditOutcome};
use hufu_core::policy::Action;
use hufu_sdk::{Client, v1};

/// An exported trail whose chains all verify from their beginning.
#[derive(Debug, Default)]
pub struct Trail {
    records: Vec<TrailRecord>,
    by_hash: HashMap<[u8; 32], usize>,
    ends: BTreeMap<String, (u64, [u8; 32])>,
}

/// A record that the auditor may see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrailRecord {
    /// The writer whose chain it is in.
    pub writer: String,
    /// Its number in that chain.
    pub sequence: u64,
    /// SHA-256 of the record: what ledger leaves name as evidence.
    pub hash: [u8; 32],
    /// What it says.
    pub entry: AuditEntry,
}

impl Trail {
    /// Exports the whole trail and verifies every chain from its first record on.
    pub async fn export(client: &Client) -> Self {
        let mut segments = client.export_audit().await.expect("the audit can be exported");
        let mut trail = Self::default();
        while let Some(segment) = segments.next().await.expect("the export goes on to its end") {
            trail.follow(&segment);
        }
        trail
    }

    /// All records, by writer and number.
    pub fn records(&self) -> &[TrailRecord] {
        &self.records
    }

    /// The record of that hash.
    pub fn by_hash(&self, hash: &[u8; 32]) -> Option<&TrailRecord> {
        self.by_hash.get(hash).and_then(|at| self.records.get(*at))
    }

    /// What was done to a resource, of one kind.
    pub fn done<'a>(&'a self, action: Action, resource: &'a str) -> impl Iterator<Item = &'a TrailRecord> {
        let matches = move |record: &&TrailRecord| {
            let entry = &record.entry;
            entry.outcome == AuditOutcome::Done && entry.action == action && &*entry.resource == resource
        };
        self.records.iter().filter(matches)
    }

    /// Panics unless everything of an earlier export is here, in the same place.
    pub fn must_extend(&self, earlier: &Self) {
        let place = |record: &TrailRecord| (record.writer.clone(), record.sequence);
        let mine: HashMap<_, _> = self.records.iter().map(|record| (place(record), record.hash)).collect();
        for record in &earlier.records {
            assert_eq!(mine.get(&place(record)), Some(&record.hash), "lost or changed: {record:?}");
        }
    }

    fn follow(&mut self, segment: &v1::AuditSegment) {
        let writer = &segment.writer;
        let (next, head) = *self.ends.entry(writer.clone()).or_insert_with(|| (0, genesis(writer)));
        let at = format!("segment `{writer}`/{}", segment.first_sequence);
        assert_eq!(segment.first_sequence, next, "{at}: a gap");
        assert_eq!(segment.previous_head, head, "{at}: does not continue the chain");
        let exported = Exported::from_bytes(&segment.records).expect("an export that can be read");
        assert_eq!(exported.0.len(), segment.record_count as usize, "{at}: the count is wrong");
        let new_head: [u8; 32] = segment.head.as_slice().try_into().expect("a head of 32 bytes");
        let visible = verify_exported(&exported, head, next, new_head);
        let visible = visible.unwrap_or_else(|| panic!("{at}: the head is not that of its records"));
        for (sequence, entry) in visible {
            let offset = usize::try_from(sequence - next).expect("a position in the segment");
            let hash = exported.0.get(offset).map(hash_of).expect("a record at its own position");
            self.by_hash.insert(hash, self.records.len());
            self.records.push(TrailRecord { writer: writer.clone(), sequence, hash, entry });
        }
        self.ends.insert(writer.clone(), (next + u64::from(segment.record_count), new_head));
    }
}

fn hash_of(record: &ExportedRecord) -> [u8; 32] {
    match record {
        ExportedRecord::Whole(record) => record.hash(),
        ExportedRecord::Withheld(hash) => *hash,
    }
}
