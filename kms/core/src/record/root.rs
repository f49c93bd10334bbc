//! Root slots: where the root keys are that wrap every wrapping key.

use std::fmt;

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use super::{Record, VersionUid};
use crate::changeset::Collection;
use crate::codec;
use crate::name::SetId;

/// The slot of the token that holds the log key too. It is in no row of its own while it is active: the deployment's
/// tells of it.
pub const FIRST_ROOT_SLOT: &str = "token";

/// What has become of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum RootState {
    /// Its root key is announced, and may not be on its token yet.
    #[n(1)]
    Making,
    /// It wraps.
    #[n(2)]
    Active,
    /// Its wrappings are being taken away; it wraps nothing new, and still opens what is left.
    #[n(3)]
    Retiring,
    /// Nothing rests on it. Its root key may still be on its token.
    #[n(4)]
    Retired,
    /// Its root key is being destroyed.
    #[n(5)]
    Destroying,
    /// Its root key is gone from its token.
    #[n(6)]
    Destroyed,
}

impl RootState {
    /// Whether it may hold wrappings that count.
    #[must_use]
    pub fn opens(self) -> bool {
        matches!(self, Self::Active | Self::Retiring)
    }
}

impl fmt::Display for RootState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Making => "making",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Destroying => "destroying",
            Self::Destroyed => "destroyed",
        })
    }
}

/// A root slot.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RootSlot {
    /// Its name; part of the binding of what its root key wraps.
    #[n(0)]
    pub name: String,
    /// Serial number of its token.
    #[n(1)]
    pub serial: String,
    /// Identity of its root key on the token.
    #[n(2)]
    pub key: VersionUid,
    /// What has become of it.
    #[n(3)]
    pub state: RootState,
    /// Since when.
    #[n(4)]
    pub changed_at: u64,
}

impl RootSlot {
    /// Scope of all such rows.
    pub const SCOPE: &'static str = "root";

    /// The row id of a slot.
    #[must_use]
    pub fn row_id(name: &str) -> String {
        format!("root/{name}")
    }
}

impl Record for RootSlot {
    const COLLECTION: Collection = Collection::Meta;
    const DOMAIN: &'static str = "hufu-root-slot";

    fn id(&self) -> String {
        Self::row_id(&self.name)
    }

    fn scope(&self) -> String {
        Self::SCOPE.to_owned()
    }
}

/// A master key that was dealt to custodians and does not count yet: nothing is wrapped under it. There is one at most.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct NextMaster {
    /// The share set.
    #[n(0)]
    pub set: SetId,
    /// SHA-256 of the manifest of its shares.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub manifest: [u8; 32],
    /// The key, sealed by the root key: nonce of 12 bytes, ciphertext, tag.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl NextMaster {
    /// The only row id.
    pub const ID: &'static str = "next-master";

    /// Associated data: which key it is, of which deployment.
    #[must_use]
    pub fn binding(deployment: &str, set: SetId, manifest: &[u8; 32]) -> Vec<u8> {
        codec::encode("hufu-next-master-binding", 1, &(deployment, set, ByteArray::from(*manifest)))
    }
}

impl Record for NextMaster {
    const COLLECTION: Collection = Collection::Meta;
    const DOMAIN: &'static str = "hufu-next-master";

    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}
