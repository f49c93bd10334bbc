//! A key: what all its versions share.

use std::collections::BTreeMap;
use std::fmt;

use minicbor::{Decode, Encode};

use super::Record;
use crate::algorithm::{Algorithm, Purpose, Scheme};
use crate::changeset::Collection;
use crate::name::{KeyId, KeyName, TenantId, VersionNumber};

/// The SM2 distinguishing identifier that GM/T 0009 recommends where none is agreed.
pub const DISTINGUISHING_ID_DEFAULT: &str = "1234567812345678";

/// Where key material lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Protection {
    /// In the service's own memory while in use, wrapped by the tenant's key at rest.
    #[n(1)]
    Software,
    /// In a PKCS#11 token; it never leaves, except to the other tokens of a group.
    #[n(2)]
    Hsm,
    /// Nowhere whole at rest: several holders sign with their shares together, or custodians hold the shares of a key that is put
    /// together when a ceremony allows it.
    #[n(4)]
    Threshold,
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Software => "software",
            Self::Hsm => "hsm",
            Self::Threshold => "threshold",
        })
    }
}

/// Whether key material may ever leave where it was made, always wrapped and never in clear. Fixed at creation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Exit {
    /// It stays where it was made.
    #[default]
    #[n(1)]
    Never,
    /// To the other tokens of its group, under the key that they share.
    #[n(2)]
    Replicable,
    /// To whoever may export it or wrap it.
    #[n(3)]
    Exportable,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::Replicable => "replicable",
            Self::Exportable => "exportable",
        })
    }
}

/// A key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct KeyRecord {
    /// The tenant that owns it.
    #[n(0)]
    pub tenant: TenantId,
    /// Its name inside the tenant.
    #[n(1)]
    pub key: KeyId,
    /// The kind of key.
    #[n(2)]
    pub algorithm: Algorithm,
    /// How it is used.
    #[n(3)]
    pub scheme: Scheme,
    /// What it is for.
    #[n(4)]
    pub purpose: Purpose,
    /// Where its material lives.
    #[n(5)]
    pub protection: Protection,
    /// Whether raw digests are accepted in place of messages.
    #[n(6)]
    pub digest_allowed: bool,
    /// The caller's own labels.
    #[n(7)]
    pub labels: BTreeMap<String, String>,
    /// The version that protects by default, once one is active.
    #[n(8)]
    pub primary: Option<VersionNumber>,
    /// The newest version.
    #[n(9)]
    pub latest: VersionNumber,
    /// When it was created.
    #[n(10)]
    pub created_at: u64,
    /// When the record last changed.
    #[n(11)]
    pub updated_at: u64,
    /// SM2 distinguishing identifier; nothing for other algorithms.
    #[n(12)]
    pub distinguishing_id: Option<String>,
    /// How often it ought to be rotated, in milliseconds.
    #[n(13)]
    pub rotation_period_ms: Option<u64>,
    /// What the caller says of it.
    #[n(14)]
    pub description: String,
    /// Whether its material may ever leave.
    #[cbor(n(15), default)]
    pub exit: Exit,
    /// Among whom its material is shared, where it is.
    #[n(16)]
    pub sharing: Option<Sharing>,
}

/// Among whom the material of a key is shared: holders who sign together, or custodians who can recover it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Sharing {
    /// So many of them are needed, 1 to 64.
    #[n(0)]
    pub threshold: u8,
    /// Their names, each once, in the order of their shares from 1.
    #[n(1)]
    pub members: Vec<String>,
}

impl KeyRecord {
    /// The resource name.
    #[must_use]
    pub fn name(&self) -> KeyName {
        KeyName { tenant: self.tenant.clone(), key: self.key.clone() }
    }
}

impl Record for KeyRecord {
    const COLLECTION: Collection = Collection::Key;
    const DOMAIN: &'static str = "hufu-key";

    fn id(&self) -> String {
        self.name().to_string()
    }

    fn scope(&self) -> String {
        self.tenant.to_string()
    }
}
