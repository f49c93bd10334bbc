//! Keys on their way in and out, asked for and answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::name::{ImportJobName, JobId, KeyName};
use hufu_core::record::ImportJob;

use super::{CreateKey, Selector, Version};

/// Prepares for a key to come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateImportJob {
    /// Name of the job inside the tenant.
    pub job: JobId,
    /// What the key is to be.
    pub key: CreateKey,
    /// SubjectPublicKeyInfo, DER, that the private key must belong to; required for pairs, refused for secret keys.
    pub public_key: Option<Vec<u8>>,
    /// The kind of the import key: RSA with 3072 or 4096 bits; 3072 when missing.
    pub import_algorithm: Option<Algorithm>,
    /// How long the job waits, in milliseconds; a day when missing.
    pub lifetime_ms: Option<u64>,
}

/// An import job as read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportJobView {
    /// The record.
    pub record: Arc<ImportJob>,
    /// Its revision.
    pub revision: u64,
}

/// Brings a key in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportKey {
    /// The job.
    pub job: ImportJobName,
    /// The key, wrapped for the job's import key.
    pub wrapped: Vec<u8>,
}

/// Makes a key of what was wrapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnwrapKey {
    /// The wrapping key.
    pub by: Selector,
    /// What wrapping answered.
    pub blob: Vec<u8>,
    /// The new key. All that it may do is in the blob.
    pub key: KeyName,
    /// The caller's labels.
    pub labels: BTreeMap<String, String>,
    /// What the caller says of it.
    pub description: String,
    /// Whether the first version is active at once.
    pub activate: bool,
}

/// A version, wrapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrappedKey {
    /// The version that was wrapped.
    pub version: Version,
    /// The version that wraps it.
    pub by: Version,
    /// What unwrapping takes.
    pub blob: Vec<u8>,
}

/// A version, wrapped for someone outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportedKey {
    /// The version.
    pub version: Version,
    /// RSA-OAEP of an AES key ‖ AES-KWP of the material.
    pub wrapped: Vec<u8>,
    /// How it is wrapped.
    pub wrapping: Scheme,
    /// SHA-256 of the receiver's SubjectPublicKeyInfo.
    pub receiver: [u8; 32],
}
