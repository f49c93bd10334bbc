//! Intents: what the service is about to do on a device that cannot join a transaction.

use minicbor::{Decode, Encode};

use super::{Protection, Record, VersionUid};
use crate::algorithm::Algorithm;
use crate::changeset::Collection;
use crate::name::{KeyId, KeyName, TenantId, VersionName, VersionNumber};

/// What was about to happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum IntentKind {
    /// Generate key material.
    #[n(1)]
    Generate,
}

/// An announced effect on a backend. It is gone once the outcome is committed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Intent {
    /// What was about to happen.
    #[n(0)]
    pub kind: IntentKind,
    /// Identity of the material on the device.
    #[n(1)]
    pub uid: VersionUid,
    /// The tenant for whom.
    #[n(2)]
    pub tenant: TenantId,
    /// The key for which.
    #[n(3)]
    pub key: KeyId,
    /// The version that the material is to be.
    #[n(4)]
    pub number: VersionNumber,
    /// The kind of key.
    #[n(5)]
    pub algorithm: Algorithm,
    /// Where the material is to live.
    #[n(6)]
    pub protection: Protection,
    /// When the reconciler may take it for abandoned.
    #[n(7)]
    pub expires_at: u64,
    /// The audit writer that announced it.
    #[n(8)]
    pub writer: String,
}

impl Intent {
    /// The row id of the intent for a piece of material.
    #[must_use]
    pub fn row_id(uid: VersionUid) -> String {
        uid.to_string()
    }

    /// The version that the material is to be.
    #[must_use]
    pub fn version(&self) -> VersionName {
        KeyName { tenant: self.tenant.clone(), key: self.key.clone() }.version(self.number)
    }
}

impl Record for Intent {
    const COLLECTION: Collection = Collection::Intent;
    const DOMAIN: &'static str = "hufu-intent";

    fn id(&self) -> String {
        Self::row_id(self.uid)
    }

    fn due(&self) -> Option<u64> {
        Some(self.expires_at)
    }
}
