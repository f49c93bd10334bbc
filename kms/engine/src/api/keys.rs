//! Keys and their versions, asked for and answered.

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::name::{KeyId, KeyName, TenantId, VersionName, VersionNumber};
use hufu_core::record::{Exit, KeyRecord, Protection, Sharing, VersionRecord};
use hufu_core::revocation::RevocationReason;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// Whether its material may ever leave.
    pub exit: Exit,
    /// Among whom it is to be shared: holders or custodians.
    pub sharing: Option<Sharing>,
    /// What its requester signed, so that holders make it: a mandate to generate.
    pub mandate: Option<Vec<u8>>,
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

/// A public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKeyView {
    /// The version whose public half it is.
    pub version: Version,
    /// SubjectPublicKeyInfo, DER.
    pub spki: Vec<u8>,
}
