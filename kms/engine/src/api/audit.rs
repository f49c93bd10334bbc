//! The audit trail, asked for and answered.

use hufu_core::name::{KeyName, TenantId};

/// Which audit records are wanted. All conditions must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditFilter {
    /// Records of this tenant.
    pub tenant: TenantId,
    /// Of this key and its versions.
    pub key: Option<KeyName>,
    /// By this principal: `tenants/T/principals/P`.
    pub principal: Option<String>,
    /// Of this action, by name.
    pub action: Option<String>,
    /// Ended so: `done`, `refused`, `failed`.
    pub outcome: Option<OutcomeKind>,
    /// At or after this time.
    pub from_ms: Option<u64>,
    /// Before this time.
    pub until_ms: Option<u64>,
}

/// How a recorded action ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeKind {
    /// Allowed and done.
    Done,
    /// Refused.
    Refused,
    /// Allowed and failed.
    Failed,
}

/// One audit record and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditItem {
    /// The writer.
    pub writer: String,
    /// Its number inside the writer.
    pub sequence: u64,
    /// The record.
    pub entry: hufu_core::audit::AuditEntry,
}

/// A segment for export: records of other tenants are replaced by their hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportedSegment {
    /// The segment; its records are the encoded `hufu_audit::Exported`.
    pub segment: hufu_core::store::Segment,
}

/// What a check of the whole audit trail found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditReport {
    /// One for each writer, by writer; the first [`Self::CHAINS_MAX`].
    pub chains: Vec<AuditChain>,
    /// Number of writers.
    pub chain_count: u64,
    /// Number of segments.
    pub segment_count: u64,
    /// Number of records.
    pub record_count: u64,
    /// What is wrong: writer, sequence number, words. Empty when all is well.
    pub findings: Vec<(String, u64, String)>,
    /// Size of the checkpoint against which the chains were held.
    pub ledger_size: u64,
}

impl AuditReport {
    /// Most chains and findings listed.
    pub const CHAINS_MAX: usize = 100;
}

/// The chain of one writer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditChain {
    /// The writer.
    pub writer: String,
    /// Number of segments.
    pub segments: u64,
    /// Number of records.
    pub records: u64,
    /// Head.
    pub head: [u8; 32],
    /// Number of records that an audit-head leaf on the ledger covers.
    pub anchored: u64,
}
