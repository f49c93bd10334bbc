//! Audit records and segments: format, hash chain, verification.
//!
//! A *record* is one [`AuditEntry`](hufu_core::audit::AuditEntry). A *writer* is one start of one server; its records are numbered from 0
//! without gaps and hashed into a chain, sealed a *segment* at a time. The chain hashes record hashes, so that a
//! record can be withheld from a reader who may not see it while the chain still verifies.
//!
//! This crate encodes, hashes and verifies; it never opens a transaction.

mod chain;
mod export;
mod record;

pub use chain::{Chain, genesis, open_segment, verify_segment};
pub use export::{Exported, ExportedRecord, redact, verify_exported};
pub use record::{Record, SegmentBody};

/// Why audit data do not verify.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuditError {
    /// The bytes are not an audit record or segment.
    #[error("segment `{writer}`/{first_seq} is malformed")]
    Malformed {
        /// The writer of the segment.
        writer: String,
        /// Its first sequence number.
        first_seq: u64,
    },
    /// The segment does not continue the chain: something before it was changed, removed or put in.
    #[error("segment `{writer}`/{first_seq} does not continue the chain")]
    Broken {
        /// The writer of the segment.
        writer: String,
        /// Its first sequence number.
        first_seq: u64,
    },
    /// The segment's head is not the hash of its records.
    #[error("segment `{writer}`/{first_seq} has been changed")]
    Changed {
        /// The writer of the segment.
        writer: String,
        /// Its first sequence number.
        first_seq: u64,
    },
}
