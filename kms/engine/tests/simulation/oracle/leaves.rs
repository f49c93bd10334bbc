//! Leaves: consecutive, chained, backed by the audit record beside them, told to the sequencer.

use hufu_audit::Record as AuditRecord;
use hufu_core::changeset::{Changeset, Collection, Row};
use hufu_core::record::{Record, VersionRecord};
use hufu_tlog::leaf_hash;
use hufu_verify::{Event, Leaf};

use super::State;
use super::changes::{is_sequencing, puts};

/// A leaf of a changeset.
pub(super) struct Seen {
    pub(super) event: Event,
    pub(super) key: Option<[u8; 32]>,
    /// It is about the wrapping keys of a tenant.
    pub(super) of_tenant: bool,
    /// Row id of the version that it tells of.
    pub(super) version: String,
    pub(super) sequence: u64,
    pub(super) hash: [u8; 32],
}

impl State {
    /// Checks the leaves of a changeset against those before it.
    pub(super) fn check_leaves(&mut self, changeset: &Changeset, writer: &str) -> Vec<Seen> {
        let mut seen: Vec<(String, Seen)> = Vec::new();
        for row in puts(changeset).into_iter().filter(|row| row.collection == Collection::Leaf) {
            let leaf = Leaf::decode(&row.body).unwrap();
            let within = seen.iter().rev().find(|(scope, _)| *scope == row.scope);
            let before = match within {
                Some((_, leaf)) => Some((leaf.sequence, leaf.hash)),
                None => self.last_leaf(&row.scope),
            };
            let expected = before.map_or((0, None), |(sequence, hash)| (sequence + 1, Some(hash)));
            if (leaf.sequence, leaf.previous) != expected {
                self.fail(format!("leaf {} does not follow the one before", row.id));
            }
            self.check_evidence(&leaf, row, changeset, writer);
            if !changeset.feed.iter().any(|item| item.leaf.as_deref() == Some(row.id.as_str())) {
                self.fail(format!("the sequencer is not told of leaf {}", row.id));
            }
            let version = self.version_of(&leaf, changeset);
            let hash = leaf_hash(&row.body).0;
            let of_tenant = leaf.extensions.contains_key("tenant-key");
            let leaf =
                Seen { event: leaf.event, key: leaf.key_id, of_tenant, version, sequence: leaf.sequence, hash };
            seen.push((row.scope.clone(), leaf));
        }
        seen.into_iter().map(|(_, leaf)| leaf).collect()
    }

    fn check_evidence(&mut self, leaf: &Leaf, row: &Row, changeset: &Changeset, writer: &str) {
        if self.rows.contains_key(&(Collection::Leaf, row.id.clone())) {
            self.fail(format!("leaf {} is written twice", row.id));
        }
        let backed = if leaf.event == Event::AuditHead {
            let records = leaf.extensions.get("next-seq").map(|bytes| bytes.as_slice().try_into().unwrap());
            let heads = self.chains.get(writer).map(|(_, heads)| heads);
            let head = heads.and_then(|heads| heads.get(&u64::from_be_bytes(records.unwrap_or_default())));
            changeset.audit.iter().all(|entry| is_sequencing(entry.action)) && head == Some(&leaf.evidence)
        } else {
            changeset.audit.iter().any(|entry| AuditRecord::new(entry).hash() == leaf.evidence)
        };
        if !backed {
            self.fail(format!("no audit record stands behind leaf {}", row.id));
        }
    }

    fn last_leaf(&self, scope: &str) -> Option<(u64, [u8; 32])> {
        let rows =
            self.rows.iter().filter(|((collection, _), row)| *collection == Collection::Leaf && row.scope == scope);
        let leaves = rows.map(|(_, row)| (Leaf::decode(&row.body).unwrap().sequence, leaf_hash(&row.body).0));
        leaves.max_by_key(|(sequence, _)| *sequence)
    }

    fn version_of(&self, leaf: &Leaf, changeset: &Changeset) -> String {
        let rows = puts(changeset).into_iter().filter(|row| row.collection == Collection::Version);
        let owner = rows.map(|row| (row, VersionRecord::from_row(row).unwrap()));
        let mut owner = owner.filter(|(_, record)| Some(record.ledger_id) == leaf.key_id);
        owner.next().map(|(row, _)| row.id.clone()).unwrap_or_default()
    }
}
