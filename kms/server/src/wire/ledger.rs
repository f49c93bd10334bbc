//! Checkpoints and proofs on the wire.

use hufu_engine::api::{CheckpointView, ConsistencyView, LogKeyView, Proof};
use hufu_proto::v1;

use super::time::timestamp;

/// A checkpoint.
#[must_use]
pub fn checkpoint(view: CheckpointView) -> v1::Checkpoint {
    v1::Checkpoint {
        note: view.note,
        origin: view.origin,
        tree_size: view.size,
        root_hash: view.root.to_vec(),
        create_time: Some(timestamp(view.created_at)),
    }
}

/// The log's public key.
#[must_use]
pub fn log_key(view: LogKeyView) -> v1::LogKey {
    v1::LogKey { verifier_key: view.verifier_key, origin: view.origin, simulated: view.simulated }
}

/// A proof bundle.
#[must_use]
pub fn proof(proof: Proof) -> v1::KeyVersionProof {
    v1::KeyVersionProof {
        key_version: proof.version.record.name().to_string(),
        tree_size: proof.size,
        bundle: proof.bundle,
    }
}

/// A consistency proof.
#[must_use]
pub fn consistency(view: ConsistencyView) -> v1::ConsistencyProof {
    v1::ConsistencyProof {
        from_size: view.from,
        checkpoint: Some(checkpoint(view.checkpoint)),
        hashes: view.hashes.iter().map(|hash| hash.to_vec()).collect(),
    }
}
