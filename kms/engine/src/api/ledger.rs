//! Checkpoints and proofs.

use super::keys::Version;

/// A checkpoint of the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckpointView {
    /// The signed note (C2SP tlog-checkpoint).
    pub note: String,
    /// Origin of the log.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root hash.
    pub root: [u8; 32],
    /// When the root was fixed.
    pub created_at: u64,
}

/// The log's public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogKeyView {
    /// C2SP verifier key, one line.
    pub verifier_key: String,
    /// Origin of the log.
    pub origin: String,
    /// Whether the log key lives in a simulated token.
    pub simulated: bool,
}

/// A proof of all events of a key version, which verifies offline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The bundle.
    pub bundle: Vec<u8>,
    /// The version.
    pub version: Version,
    /// Size of the checkpoint that it rests on.
    pub size: u64,
}

/// A proof that the log only grew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsistencyView {
    /// Size of the older tree.
    pub from: u64,
    /// The newest checkpoint.
    pub checkpoint: CheckpointView,
    /// The proof's hashes (RFC 6962 §2.1.2).
    pub hashes: Vec<[u8; 32]>,
}
