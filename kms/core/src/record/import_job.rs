//! Import jobs: the one key that one key may come in under.

use std::collections::BTreeMap;
use std::fmt;

use minicbor::{Decode, Encode};

use super::{Exit, Locator, Protection, Record, VersionUid, WrappingKeyId};
use crate::algorithm::{Algorithm, Purpose, Scheme};
use crate::changeset::Collection;
use crate::name::{ImportJobName, JobId, KeyId, KeyName, TenantId};

/// Where an import job stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum ImportState {
    /// It waits for the key.
    #[n(1)]
    Open,
    /// The key has come in.
    #[n(2)]
    Done,
    /// What came in was not the key, too often.
    #[n(3)]
    Failed,
    /// The key did not come in time.
    #[n(4)]
    Expired,
}

impl fmt::Display for ImportState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Expired => "expired",
        })
    }
}

/// What the key that comes in is to be. Everything is fixed before the material is seen.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct KeyToBe {
    /// Its name inside the tenant.
    #[n(0)]
    pub key: KeyId,
    /// The kind of key.
    #[n(1)]
    pub algorithm: Algorithm,
    /// What it is for.
    #[n(2)]
    pub purpose: Purpose,
    /// How it is used.
    #[n(3)]
    pub scheme: Scheme,
    /// Where its material shall live.
    #[n(4)]
    pub protection: Protection,
    /// Whether raw digests are accepted.
    #[n(5)]
    pub digest_allowed: bool,
    /// Whether its material may ever leave again.
    #[n(6)]
    pub exit: Exit,
    /// SM2 distinguishing identifier.
    #[n(7)]
    pub distinguishing_id: Option<String>,
    /// The caller's own labels.
    #[n(8)]
    pub labels: BTreeMap<String, String>,
    /// What the caller says of it.
    #[n(9)]
    pub description: String,
    /// How often it ought to be rotated, in milliseconds.
    #[n(10)]
    pub rotation_period_ms: Option<u64>,
    /// Whether it is active at once.
    #[n(11)]
    pub activate: bool,
    /// SubjectPublicKeyInfo, DER, that the private key must belong to; nothing for secret keys.
    #[cbor(n(12), with = "minicbor::bytes")]
    pub public_key: Option<Vec<u8>>,
}

/// An import job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ImportJob {
    /// The tenant that owns it.
    #[n(0)]
    pub tenant: TenantId,
    /// Its name inside the tenant.
    #[n(1)]
    pub job: JobId,
    /// What the key is to be.
    #[n(2)]
    pub to_be: KeyToBe,
    /// Identity of the import key on devices.
    #[n(3)]
    pub uid: VersionUid,
    /// The kind of the import key.
    #[n(4)]
    pub algorithm: Algorithm,
    /// How the import key opens what comes in.
    #[n(5)]
    pub scheme: Scheme,
    /// Where to find the private half of the import key; [`Locator::Gone`] once the job is closed.
    #[n(6)]
    pub locator: Locator,
    /// Its public half: SubjectPublicKeyInfo, DER.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub import_key: Vec<u8>,
    /// The service's signed statement about all this.
    #[n(8)]
    pub statement: String,
    /// Where the job stands.
    #[n(9)]
    pub state: ImportState,
    /// How often something was sent, good or bad. Counted before it is looked at.
    #[n(10)]
    pub attempts: u32,
    /// When it was created.
    #[n(11)]
    pub created_at: u64,
    /// When the import key is destroyed at the latest.
    #[n(12)]
    pub expires_at: u64,
    /// Whether the import key is simulated protection.
    #[n(13)]
    pub simulated: bool,
    /// When the job closed.
    #[n(14)]
    pub closed_at: Option<u64>,
    /// The number of the ceremony that opened it; nothing when a caller did.
    #[n(15)]
    pub ceremony: Option<u64>,
}

impl ImportJob {
    /// How long a closed job is remembered, in milliseconds: 30 days.
    pub const REMEMBERED_MS: u64 = 30 * 86_400_000;

    /// The resource name.
    #[must_use]
    pub fn name(&self) -> ImportJobName {
        ImportJobName { tenant: self.tenant.clone(), job: self.job.clone() }
    }

    /// The key that is to come in.
    #[must_use]
    pub fn key_name(&self) -> KeyName {
        KeyName { tenant: self.tenant.clone(), key: self.to_be.key.clone() }
    }

    /// Associated data of the import key's wrapped material: everything that must not be swapped under it.
    #[must_use]
    pub fn binding(&self, deployment: &str, wrapping_key: WrappingKeyId) -> Vec<u8> {
        let identity = (deployment, &self.tenant, &self.job, self.uid, self.algorithm, self.scheme);
        crate::codec::encode("hufu-import-key-binding", 1, &(identity, &self.to_be, wrapping_key))
    }
}

impl Record for ImportJob {
    const COLLECTION: Collection = Collection::ImportJob;
    const DOMAIN: &'static str = "hufu-import-job";

    fn id(&self) -> String {
        self.name().to_string()
    }

    /// Open jobs are in the scope of their tenant, closed ones beside it: so the open ones are counted at a glance.
    fn scope(&self) -> String {
        let tenant = &self.tenant;
        if self.closed_at.is_none() { tenant.to_string() } else { format!("{tenant}/closed") }
    }

    fn due(&self) -> Option<u64> {
        Some(match (&self.locator, self.closed_at) {
            (Locator::Gone, Some(closed)) => closed.saturating_add(Self::REMEMBERED_MS),
            // Closed, and the import key is not confirmed to be gone.
            (_, Some(_)) => 0,
            (_, None) => self.expires_at,
        })
    }
}
