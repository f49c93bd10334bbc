//! Wrapping keys: what the root wraps, and what wraps everything else.

use std::fmt;

use minicbor::{Decode, Encode};

use super::Record;
use crate::changeset::Collection;

/// Random identity of a wrapping key, 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct WrappingKeyId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl fmt::Display for WrappingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for WrappingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a wrapped key is used for. One use each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum WrappingKeyUse {
    /// Wraps the software key material of a tenant.
    #[n(1)]
    KeyMaterial,
    /// Authenticates the rows of the database (HMAC-SHA-256).
    #[n(2)]
    RowIntegrity,
    /// Hides the inputs recorded in a tenant's audit trail (HMAC-SHA-256).
    #[n(3)]
    AuditInput,
}

/// A 32-byte key wrapped by a root key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct WrappingKeyRecord {
    /// Its identity.
    #[n(0)]
    pub id: WrappingKeyId,
    /// What it is used for.
    #[n(1)]
    pub usage: WrappingKeyUse,
    /// The tenant it serves; empty for the deployment's own.
    #[n(2)]
    pub tenant: String,
    /// Nonce and ciphertext under the root key, AES-256-GCM, associated data [`WrappingKeyRecord::binding`].
    #[cbor(n(3), with = "minicbor::bytes")]
    pub wrapped: Vec<u8>,
    /// The root slot whose key wraps it.
    #[n(4)]
    pub root_slot: String,
    /// When it was made.
    #[n(5)]
    pub created_at: u64,
}

impl WrappingKeyRecord {
    /// Associated data that ties the wrapped bytes to what they are for.
    #[must_use]
    pub fn binding(deployment: &str, id: WrappingKeyId, usage: WrappingKeyUse, tenant: &str) -> Vec<u8> {
        crate::codec::encode("hufu-wrapping-key-binding", 1, &(deployment, id, usage, tenant))
    }
}

impl Record for WrappingKeyRecord {
    const COLLECTION: Collection = Collection::WrappingKey;
    const DOMAIN: &'static str = "hufu-wrapping-key";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn scope(&self) -> String {
        self.tenant.clone()
    }
}
