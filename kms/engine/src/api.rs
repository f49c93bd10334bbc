//! What callers ask of the engine and what it answers: plain types, no wire format.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::name::{KeyId, KeyName, TenantId, VersionName, VersionNumber};
use hufu_core::policy::Principal;
use hufu_core::record::{KeyRecord, Protection, VersionRecord};
use hufu_core::revocation::RevocationReason;
use hufu_secret::SecretBytes;

/// Longest message to sign, MAC or encrypt, in bytes.
pub const MESSAGE_LEN_MAX: usize = 1 << 20;
/// Longest associated data, in bytes.
pub const AAD_LEN_MAX: usize = 64 << 10;
/// Most inputs of a batch.
pub const BATCH_LEN_MAX: usize = 1_024;
/// Most random bytes a call.
pub const RANDOM_LEN_MAX: usize = 64 << 10;
/// Most labels of a key; each key and value at most 63 bytes.
pub const LABELS_MAX: usize = 64;
/// Largest page of a list.
pub const PAGE_SIZE_MAX: u32 = 1_000;
/// Page size when the caller names none.
pub const PAGE_SIZE_DEFAULT: u32 = 50;
/// Shortest and longest delay before destruction, in milliseconds: none in development, 10 years.
pub const DESTROY_DELAY_MS_MAX: u64 = 10 * 366 * 86_400_000;

/// Who calls, until when, and whether the call may be a repetition.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The authenticated caller.
    pub principal: Principal,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// For state-changing calls that carry a request id.
    pub idempotency: Option<Idempotency>,
}

/// Identifies a repetition of a state-changing call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Idempotency {
    /// The caller's request id, a UUID.
    pub request_id: [u8; 16],
    /// The RPC's name.
    pub method: &'static str,
    /// SHA-256 over the request without its id.
    pub body: [u8; 32],
}

/// A key as read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// The record.
    pub record: Arc<KeyRecord>,
    /// Its revision, which is the etag.
    pub revision: u64,
}

/// A key version as read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    /// The record.
    pub record: Arc<VersionRecord>,
    /// Its revision, which is the etag.
    pub revision: u64,
}

/// Creates a key with its first version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateKey {
    /// The tenant that shall own it.
    pub tenant: TenantId,
    /// Its name.
    pub key: KeyId,
    /// The kind of key.
    pub algorithm: Algorithm,
    /// What it is for; the algorithm's default when missing.
    pub purpose: Option<Purpose>,
    /// How it is used; the default for the purpose when missing.
    pub scheme: Option<Scheme>,
    /// Where its material shall live. Never replaced by another.
    pub protection: Protection,
    /// Whether raw digests are accepted.
    pub digest_allowed: bool,
    /// The caller's labels.
    pub labels: BTreeMap<String, String>,
    /// What the caller says of it, at most 1,024 bytes.
    pub description: String,
    /// Whether the first version is active at once.
    pub activate: bool,
    /// SM2 distinguishing identifier; the default of GM/T 0009 when missing.
    pub distinguishing_id: Option<String>,
    /// How often it ought to be rotated, in milliseconds.
    pub rotation_period_ms: Option<u64>,
}

/// Changes what may change of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpdateKey {
    /// The key.
    pub name: KeyName,
    /// The revision that the caller has read, if it cares.
    pub etag: Option<u64>,
    /// New labels, all of them.
    pub labels: Option<BTreeMap<String, String>>,
    /// New description.
    pub description: Option<String>,
    /// New rotation period; `Some(None)` clears it.
    pub rotation_period_ms: Option<Option<u64>>,
}

/// A change of one version's state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionChange {
    /// The version.
    pub name: VersionName,
    /// The revision that the caller has read, if it cares.
    pub etag: Option<u64>,
    /// What shall happen.
    pub change: Change,
}

/// What can happen to a version on request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Activate a pre-active version; it becomes primary.
    Activate,
    /// Suspend an active version.
    Suspend,
    /// Resume a suspended version.
    Resume,
    /// Revoke.
    Revoke {
        /// Why.
        reason: RevocationReason,
        /// Since when the key is claimed to be compromised.
        compromised_at: Option<u64>,
    },
    /// Destroy after a delay.
    ScheduleDestroy {
        /// The delay, in milliseconds.
        after_ms: u64,
    },
    /// Take a scheduled destruction back.
    CancelDestroy,
}

/// Selects a version: the named one, or the primary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    /// The key.
    pub key: KeyName,
    /// The version; the primary one when missing.
    pub number: Option<VersionNumber>,
}

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PageRequest {
    /// At most so many; 0 means the default.
    pub size: u32,
    /// Where the last page ended; empty for the first page.
    pub token: String,
}

/// One page, and the token of the next, empty after the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// The next page's token.
    pub next: String,
}

/// What is signed or authenticated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A message.
    Message(Vec<u8>),
    /// A digest, only where the key allows it.
    Digest(Vec<u8>),
}

/// How ECDSA and SM2 signatures are written. Other schemes have one form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SignatureFormat {
    /// SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 §2.2.3, RFC 8410 does not apply).
    #[default]
    Der,
    /// r ‖ s, each of the field's length (IEEE P1363).
    Raw,
}

/// A signature or MAC and who made it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// The version that made it.
    pub version: Version,
    /// The bytes.
    pub signature: Vec<u8>,
}

/// Signatures of a batch, in the order of the inputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedBatch {
    /// The version that made them.
    pub version: Version,
    /// The signatures.
    pub signatures: Vec<Vec<u8>>,
}

/// Whether a signature or MAC is good, and by which version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Whether it is good.
    pub valid: bool,
    /// The version that made it, or, if it is not good, the last one tried. Its state is for the caller to judge.
    pub version: Version,
}

/// A ciphertext: opaque bytes that carry format, key version and nonce.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Encrypted {
    /// The version that made it.
    pub version: Version,
    /// The bytes.
    pub ciphertext: Vec<u8>,
}

/// A plaintext.
#[derive(Debug)]
pub struct Decrypted {
    /// The version that had made the ciphertext.
    pub version: Version,
    /// The bytes.
    pub plaintext: SecretBytes,
}

/// A fresh data key, in clear and encrypted under the key.
#[derive(Debug)]
pub struct DataKey {
    /// The version that encrypted it.
    pub version: Version,
    /// The data key in clear.
    pub plaintext: SecretBytes,
    /// The data key as a ciphertext that Decrypt opens.
    pub ciphertext: Vec<u8>,
}

/// A key with its newest version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyDetail {
    /// The key.
    pub key: Key,
    /// Its newest version.
    pub latest: Version,
    /// Whether the newest version is locked because stored data disagree.
    pub quarantined: bool,
}

/// A version and whether it is locked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionDetail {
    /// The version.
    pub version: Version,
    /// Whether it is locked because stored data disagree.
    pub quarantined: bool,
}

/// Random bytes and where they came from.
#[derive(Debug)]
pub struct RandomBytes {
    /// The bytes.
    pub bytes: SecretBytes,
    /// Which backend drew them.
    pub protection: Protection,
    /// Whether that backend is a simulation.
    pub simulated: bool,
}

/// A public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKeyView {
    /// The version whose public half it is.
    pub version: Version,
    /// SubjectPublicKeyInfo, DER.
    pub spki: Vec<u8>,
}

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
    /// One for each writer, the newest last; bounded by [`Self::CHAINS_MAX`].
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

/// The state of the service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Whether this is a development deployment.
    pub development: bool,
    /// Backends.
    pub backends: Vec<BackendStatus>,
    /// The audit writer of this start.
    pub writer: String,
    /// Sequence number of the next audit record.
    pub audit_sequence: u64,
    /// Journal slots taken, and how many there are.
    pub slots: (u32, u32),
    /// Whether the journal commits.
    pub journal_serving: bool,
    /// Origin of the ledger.
    pub ledger_origin: String,
    /// Size of the newest signed checkpoint, and when it was made.
    pub ledger_size: u64,
    /// When it was made.
    pub ledger_at: u64,
    /// Leaves that are committed and not yet in a checkpoint.
    pub ledger_pending: u64,
    /// Why the ledger stands still, if it does.
    pub ledger_halted: Option<String>,
    /// When the reconciler last ran.
    pub reconciled_at: u64,
    /// Intents that are not settled.
    pub intents_open: u64,
    /// Objects on tokens that no record knows.
    pub unknown_objects: u64,
    /// What needs a person: kind, resource, words, since when.
    pub alarms: Vec<Alarm>,
    /// Versions that are locked.
    pub quarantined: Vec<String>,
    /// When this server started.
    pub started_at: u64,
    /// The server's clock.
    pub now: u64,
}

/// The state of one backend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackendStatus {
    /// Its name.
    pub name: String,
    /// The protection it gives.
    pub protection: Protection,
    /// Whether it answers.
    pub health: hufu_core::backend::Health,
    /// What it can do.
    pub capabilities: hufu_core::backend::Capabilities,
}

/// Something that needs a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alarm {
    /// What kind: `quarantine`, `unknown-object`, `ledger-halted`, `clock`.
    pub kind: &'static str,
    /// What it is about.
    pub resource: String,
    /// In words.
    pub detail: String,
    /// Since when.
    pub at: u64,
}
