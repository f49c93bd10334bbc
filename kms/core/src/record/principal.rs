//! Tenants and principals.

use std::fmt;

use minicbor::{Decode, Encode};

use super::{Record, WrappingKeyId};
use crate::changeset::Collection;
use crate::name::{PrincipalId, TenantId};

/// A tenant.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Tenant {
    /// Its name.
    #[n(0)]
    pub id: TenantId,
    /// When it was registered.
    #[n(1)]
    pub created_at: u64,
    /// The wrapping key of its software key material.
    #[n(2)]
    pub material_key: WrappingKeyId,
    /// The key under which the inputs in its audit trail are hidden.
    #[n(3)]
    pub audit_key: WrappingKeyId,
}

impl Record for Tenant {
    const COLLECTION: Collection = Collection::Tenant;
    const DOMAIN: &'static str = "hufu-tenant";

    fn id(&self) -> String {
        self.id.to_string()
    }
}

/// The four fixed roles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Manages keys and may see everything of the tenant.
    #[n(1)]
    Admin,
    /// Runs the life of keys: create, rotate, suspend, revoke; never uses them.
    #[n(2)]
    Operator,
    /// Uses keys; never manages them.
    #[n(3)]
    Application,
    /// Reads keys' public data, audit trail and ledger; changes nothing.
    #[n(4)]
    Auditor,
}

impl Role {
    /// The role of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Admin, Self::Operator, Self::Application, Self::Auditor].into_iter().find(|r| r.to_string() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Application => "application",
            Self::Auditor => "auditor",
        })
    }
}

/// Someone or something that authenticates by a certificate.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct PrincipalRecord {
    /// Its name.
    #[n(0)]
    pub id: PrincipalId,
    /// The tenant it belongs to.
    #[n(1)]
    pub tenant: TenantId,
    /// What it may do.
    #[n(2)]
    pub role: Role,
    /// Whether it may act at all.
    #[n(3)]
    pub active: bool,
    /// SHA-256 of the SubjectPublicKeyInfo of its certificate.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub pin: [u8; 32],
    /// When it was registered.
    #[n(5)]
    pub created_at: u64,
}

impl PrincipalRecord {
    /// The row id under which a pin is looked up.
    #[must_use]
    pub fn row_id(pin: &[u8; 32]) -> String {
        hex::encode(pin)
    }
}

impl Record for PrincipalRecord {
    const COLLECTION: Collection = Collection::Principal;
    const DOMAIN: &'static str = "hufu-principal";

    fn id(&self) -> String {
        Self::row_id(&self.pin)
    }

    fn scope(&self) -> String {
        self.tenant.to_string()
    }
}
