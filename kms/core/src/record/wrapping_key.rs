//! Wrapping keys: what the root wraps, and what wraps everything else.

use std::fmt;

use minicbor::{Decode, Encode};

use super::{FIRST_ROOT_SLOT, Record};
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
    /// Wraps the shares that a holder has of threshold keys.
    #[n(4)]
    HolderShare,
}

/// A wrapping key as one root slot wraps it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Wrapped {
    /// The slot.
    #[n(0)]
    pub slot: String,
    /// Nonce and ciphertext under its root key, AES-256-GCM, associated data [`WrappingKeyRecord::slot_binding`].
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// A 32-byte key wrapped by one root key or more: any of them opens it.
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
    /// Nonce and ciphertext under the root key of the first slot, AES-256-GCM, associated data [`WrappingKeyRecord::binding`].
    /// Empty when that slot does not wrap it.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub wrapped: Vec<u8>,
    /// [`FIRST_ROOT_SLOT`].
    #[n(4)]
    pub root_slot: String,
    /// When it was made.
    #[n(5)]
    pub created_at: u64,
    /// The same key under the root keys of further slots, one each.
    #[cbor(n(6), default)]
    pub others: Vec<Wrapped>,
    /// Slots that wrap it never again: they were retired. Their own rows say so too, but a row can be deleted or put back.
    #[cbor(n(7), default)]
    pub stripped: Vec<String>,
    /// The keys that it took over from, the newest last. Those of them that are not in the tenant's rotation any more were
    /// destroyed: a row that names one, or that says it is the tenant's, is from before that.
    #[cbor(n(8), default)]
    pub replaces: Vec<WrappingKeyId>,
}

impl WrappingKeyRecord {
    /// Associated data that ties the wrapped bytes to what they are for.
    #[must_use]
    pub fn binding(deployment: &str, id: WrappingKeyId, usage: WrappingKeyUse, tenant: &str) -> Vec<u8> {
        crate::codec::encode("hufu-wrapping-key-binding", 1, &(deployment, id, usage, tenant))
    }

    /// The same for slots that came after the first: it names the slot too.
    #[must_use]
    pub fn slot_binding(
        deployment: &str,
        id: WrappingKeyId,
        usage: WrappingKeyUse,
        tenant: &str,
        slot: &str,
    ) -> Vec<u8> {
        crate::codec::encode("hufu-wrapping-key-binding", 2, &(deployment, id, usage, tenant, slot))
    }

    /// Associated data of its wrapping under a slot.
    #[must_use]
    pub fn binding_under(&self, deployment: &str, slot: &str) -> Vec<u8> {
        match slot {
            FIRST_ROOT_SLOT => Self::binding(deployment, self.id, self.usage, &self.tenant),
            _ => Self::slot_binding(deployment, self.id, self.usage, &self.tenant, slot),
        }
    }

    /// The wrapping under a slot.
    #[must_use]
    pub fn under(&self, slot: &str) -> Option<&[u8]> {
        if slot == FIRST_ROOT_SLOT {
            return Some(self.wrapped.as_slice()).filter(|wrapped| !wrapped.is_empty());
        }
        self.others.iter().find(|other| other.slot == slot).map(|other| other.bytes.as_slice())
    }

    /// The same with another wrapping under a slot.
    #[must_use]
    pub fn with(mut self, slot: &str, bytes: Vec<u8>) -> Self {
        if slot == FIRST_ROOT_SLOT {
            return Self { wrapped: bytes, ..self };
        }
        self.others.retain(|other| other.slot != slot);
        self.others.push(Wrapped { slot: slot.to_owned(), bytes });
        self
    }

    /// Whether a slot wraps it never again.
    #[must_use]
    pub fn is_stripped_of(&self, slot: &str) -> bool {
        self.stripped.iter().any(|stripped| stripped == slot)
    }

    /// The same without a wrapping under a slot, which wraps it never again.
    #[must_use]
    pub fn without(mut self, slot: &str) -> Self {
        if !self.is_stripped_of(slot) {
            self.stripped.push(slot.to_owned());
        }
        if slot == FIRST_ROOT_SLOT {
            return Self { wrapped: Vec::new(), ..self };
        }
        self.others.retain(|other| other.slot != slot);
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> WrappingKeyRecord {
        WrappingKeyRecord {
            id: WrappingKeyId([7; 16]),
            usage: WrappingKeyUse::KeyMaterial,
            tenant: "dev".to_owned(),
            wrapped: vec![1; 60],
            root_slot: FIRST_ROOT_SLOT.to_owned(),
            created_at: 5,
            others: Vec::new(),
            stripped: Vec::new(),
            replaces: Vec::new(),
        }
    }

    /// A row of the release before there were further slots: a map of six fields.
    #[test]
    fn records_of_one_slot_read_back() {
        let mut encoder = minicbor::Encoder::new(Vec::new());
        encoder.array(3).unwrap().str("hufu-wrapping-key").unwrap().u32(1).unwrap().map(6).unwrap();
        encoder.u8(0).unwrap().bytes(&[7; 16]).unwrap().u8(1).unwrap().u8(1).unwrap();
        encoder.u8(2).unwrap().str("dev").unwrap().u8(3).unwrap().bytes(&[1; 60]).unwrap();
        encoder.u8(4).unwrap().str("token").unwrap().u8(5).unwrap().u8(5).unwrap();
        let row = crate::changeset::Row { body: encoder.into_writer(), ..record().to_row(1) };
        assert_eq!(WrappingKeyRecord::from_row(&row), Ok(record()));
    }

    #[test]
    fn wrappings_come_and_go_by_slot() {
        let two = record().with("vault", vec![2; 60]);
        assert_eq!((two.under("token"), two.under("vault")), (Some(&[1; 60][..]), Some(&[2; 60][..])));
        assert_eq!(WrappingKeyRecord::from_row(&two.to_row(1)), Ok(two.clone()));
        let again = two.clone().with("vault", vec![3; 60]);
        assert_eq!((again.others.len(), again.under("vault")), (1, Some(&[3; 60][..])));
        let moved = two.without(FIRST_ROOT_SLOT);
        assert_eq!((moved.under("token"), moved.under("vault")), (None, Some(&[2; 60][..])));
        assert!(moved.is_stripped_of("token") && !moved.is_stripped_of("vault"));
        assert_eq!(WrappingKeyRecord::from_row(&moved.to_row(1)), Ok(moved.clone()));
        let bare = moved.without("vault").without("vault");
        assert_eq!(bare.under("vault"), None);
        assert_eq!(bare.stripped, ["token", "vault"], "each once");
    }

    #[test]
    fn every_slot_binds_for_itself() {
        let bindings = ["token", "vault", "other"].map(|slot| record().binding_under("d", slot));
        assert!(bindings[0] != bindings[1] && bindings[1] != bindings[2]);
        let stranger = WrappingKeyRecord { tenant: "ops".to_owned(), ..record() };
        assert_ne!(stranger.binding_under("d", "vault"), bindings[1]);
    }
}
