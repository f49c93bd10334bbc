//! Receipts of the ledger.

use hufu_core::Error;
use hufu_core::codec;
use hufu_core::record::VersionRecord;
use hufu_log::leaf_row_id;
use minicbor::bytes::ByteArray;

use super::held::Held;
use crate::engine::Engine;

/// What points at a leaf: origin of the log, id of the key or ceremony on it, the event's number, the leaf's hash. Whoever has
/// the log finds it there.
fn reference(origin: &str, ledger_id: [u8; 32], sequence: u64, leaf: [u8; 32]) -> Vec<u8> {
    codec::encode("hufu-leaf-reference", 1, &(origin, ByteArray::from(ledger_id), sequence, ByteArray::from(leaf)))
}

impl Engine {
    /// The receipt for a ceremony's request: a bundle of its first leaf, the proof that the log holds it, and a signed checkpoint.
    /// Nothing while there is no such checkpoint.
    pub(super) async fn request_receipt(&self, held: &Held) -> Result<Option<Vec<u8>>, Error> {
        self.ledger.included(&leaf_row_id(&held.record.ceremony, 0)).await
    }

    /// Points at the newest event of a version.
    pub(super) fn version_receipt(&self, version: &VersionRecord) -> Vec<u8> {
        reference(&self.deployment.log_origin, version.ledger_id, version.last_sequence, version.last_event)
    }

    /// Points at the newest event of a ceremony.
    pub(super) fn ceremony_receipt(&self, held: &Held) -> Vec<u8> {
        let sequence = (held.record.events.len() as u64).saturating_sub(1);
        reference(&self.deployment.log_origin, held.record.ceremony, sequence, held.record.last_leaf)
    }
}
