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
    /// The rotation of [`Self::material_key`], while one is under way.
    #[n(4)]
    pub rotation: Option<TenantRotation>,
    /// What the ledger says last of its wrapping keys; nothing before the first rotation.
    #[n(5)]
    pub on_ledger: Option<LedgerMark>,
}

/// Where the newest leaf about something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct LedgerMark {
    /// Its number among the events of the same thing, from 0.
    #[n(0)]
    pub sequence: u64,
    /// Its leaf hash (RFC 6962 §2.1).
    #[cbor(n(1), with = "minicbor::bytes")]
    pub leaf: [u8; 32],
}

/// A rotation of a tenant's wrapping key: its material is brought under the new key, and then the old keys are destroyed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct TenantRotation {
    /// The keys that material may still be under; they wrap nothing new.
    #[n(0)]
    pub from: Vec<WrappingKeyId>,
    /// When it began; of several that run into one, the first.
    #[n(1)]
    pub began_at: u64,
}

impl Tenant {
    /// Whether material of the tenant may be under a wrapping key.
    #[must_use]
    pub fn may_be_under(&self, key: WrappingKeyId) -> bool {
        self.material_key == key || self.rotation.as_ref().is_some_and(|rotation| rotation.from.contains(&key))
    }
}

impl Record for Tenant {
    const COLLECTION: Collection = Collection::Tenant;
    const DOMAIN: &'static str = "hufu-tenant";

    fn id(&self) -> String {
        self.id.to_string()
    }

    /// A tenant whose wrapping key is being rotated wants attention until that is done.
    fn due(&self) -> Option<u64> {
        self.rotation.as_ref().map(|rotation| rotation.began_at)
    }
}

/// The fixed roles.
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
    /// Of a holder of shares alone: brings it what requesters have signed, and carries what holders send each other.
    #[n(5)]
    Coordinator,
}

impl Role {
    /// The role of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let all = [Self::Admin, Self::Operator, Self::Application, Self::Auditor, Self::Coordinator];
        all.into_iter().find(|role| role.to_string() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Application => "application",
            Self::Auditor => "auditor",
            Self::Coordinator => "coordinator",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> Tenant {
        let keys = (WrappingKeyId([1; 16]), WrappingKeyId([2; 16]));
        let id = TenantId::parse("dev").unwrap();
        Tenant { id, created_at: 5, material_key: keys.0, audit_key: keys.1, rotation: None, on_ledger: None }
    }

    /// A row of the release before wrapping keys could be rotated: a map of four fields.
    #[test]
    fn tenants_of_an_earlier_release_read_back() {
        let mut encoder = minicbor::Encoder::new(Vec::new());
        encoder.array(3).unwrap().str("hufu-tenant").unwrap().u32(1).unwrap().map(4).unwrap();
        encoder.u8(0).unwrap().str("dev").unwrap().u8(1).unwrap().u8(5).unwrap();
        encoder.u8(2).unwrap().bytes(&[1; 16]).unwrap().u8(3).unwrap().bytes(&[2; 16]).unwrap();
        let row = crate::changeset::Row { body: encoder.into_writer(), ..tenant().to_row(1) };
        assert_eq!(Tenant::from_row(&row), Ok(tenant()));
        assert_eq!(row.body, tenant().to_row(1).body, "and a tenant that is not rotated is written as it was");
    }

    #[test]
    fn a_rotation_wants_attention_and_keeps_the_old_keys_good() {
        let rotation = Some(TenantRotation { from: vec![WrappingKeyId([3; 16])], began_at: 9 });
        let rotating = Tenant { rotation, ..tenant() };
        assert_eq!((rotating.to_row(2).due, tenant().to_row(2).due), (Some(9), None));
        assert_eq!(Tenant::from_row(&rotating.to_row(2)), Ok(rotating.clone()));
        let good = [1, 3, 2].map(|key| rotating.may_be_under(WrappingKeyId([key; 16])));
        assert_eq!(good, [true, true, false]);
        assert!(!tenant().may_be_under(WrappingKeyId([3; 16])));
    }
}
