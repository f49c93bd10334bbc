//! Keys that shares are sealed to: one for one ceremony.

use minicbor::{Decode, Encode};

use super::{Locator, Protection, Record, VersionUid, WrappingKeyId};
use crate::algorithm::Algorithm;
use crate::changeset::Collection;
use crate::name::{KeyId, KeyName, TenantId};

/// A key pair that the shares of one key are sealed to, in one ceremony. It is destroyed with it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Target {
    /// The tenant that it is for.
    #[n(0)]
    pub tenant: TenantId,
    /// The key whose shares it is for.
    #[n(1)]
    pub key: KeyId,
    /// Identity of the pair on devices.
    #[n(2)]
    pub uid: VersionUid,
    /// The kind of the pair.
    #[n(3)]
    pub algorithm: Algorithm,
    /// Where it is.
    #[n(4)]
    pub protection: Protection,
    /// Where to find its private half.
    #[n(5)]
    pub locator: Locator,
    /// Its public half: SubjectPublicKeyInfo, DER.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub public_key: Vec<u8>,
    /// SHA-256 of that, which requests name.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub fingerprint: [u8; 32],
    /// What the service says of it, signed, in the encoding of `hufu-ceremony`.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub evidence: Vec<u8>,
    /// Whether it is simulated protection.
    #[n(9)]
    pub simulated: bool,
    /// When it was made, in milliseconds since the Unix epoch.
    #[n(10)]
    pub created_at: u64,
    /// When it is destroyed at the latest, unless its ceremony is being executed.
    #[n(11)]
    pub expires_at: u64,
    /// The number of the ceremony that it is for, once there is one: no other one can name it.
    #[n(12)]
    pub ceremony: Option<u64>,
}

impl Target {
    /// How long one waits for its ceremony to be proposed, in milliseconds: a day.
    pub const UNCLAIMED_MS: u64 = 86_400_000;

    /// The row id of a target.
    #[must_use]
    pub fn row_id(fingerprint: &[u8; 32]) -> String {
        hex::encode(fingerprint)
    }

    /// The key whose shares it is for.
    #[must_use]
    pub fn key_name(&self) -> KeyName {
        KeyName { tenant: self.tenant.clone(), key: self.key.clone() }
    }

    /// Associated data of its wrapped material.
    #[must_use]
    pub fn binding(&self, deployment: &str, wrapping_key: WrappingKeyId) -> Vec<u8> {
        let identity = (deployment, &self.tenant, &self.key, self.uid, self.algorithm, wrapping_key);
        crate::codec::encode("hufu-target-binding", 1, &identity)
    }
}

impl Record for Target {
    const COLLECTION: Collection = Collection::Target;
    const DOMAIN: &'static str = "hufu-target";

    fn id(&self) -> String {
        Self::row_id(&self.fingerprint)
    }

    fn scope(&self) -> String {
        self.tenant.to_string()
    }

    fn due(&self) -> Option<u64> {
        Some(self.expires_at)
    }
}
