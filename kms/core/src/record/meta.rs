//! Rows of which there is one: the deployment, the ledger's position, leases; and checkpoints.

use minicbor::{Decode, Encode};

use super::{Locator, Record, VersionUid};
use crate::changeset::Collection;

/// What this deployment is. Written at first start; where custodians hold the root together, root and log key are wrapped anew whenever
/// they get a new master key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Deployment {
    /// Random identity, in hexadecimal; part of every binding.
    #[n(0)]
    pub id: String,
    /// Origin of the ledger (C2SP tlog-checkpoint).
    #[n(1)]
    pub log_origin: String,
    /// Identity of the log key on its token.
    #[n(2)]
    pub log_key: VersionUid,
    /// SubjectPublicKeyInfo of the log key, DER.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub log_public_key: Vec<u8>,
    /// Identity of the root key on its token.
    #[n(4)]
    pub root_key: VersionUid,
    /// Serial number of the token that holds root and log key; of a group of tokens its name.
    #[n(5)]
    pub token_serial: String,
    /// When it was initialised.
    #[n(6)]
    pub created_at: u64,
    /// Whether it is for development: its keys and its log are never for production.
    #[n(7)]
    pub development: bool,
    /// Where the root key is, if not on the token of that serial number.
    #[n(8)]
    pub root_locator: Option<Locator>,
    /// Where the log key is, if not on the token of that serial number.
    #[n(9)]
    pub log_locator: Option<Locator>,
}

impl Deployment {
    /// The only row id.
    pub const ID: &'static str = "deployment";
}

impl Record for Deployment {
    const COLLECTION: Collection = Collection::Meta;
    const DOMAIN: &'static str = "hufu-deployment";

    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}

/// How far the sequencer has come.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct LogPosition {
    /// Number of leaves in the log.
    #[n(0)]
    pub size: u64,
    /// Commit order of the last sequenced feed item.
    #[n(1)]
    pub order: u64,
    /// Position of that item inside its group.
    #[n(2)]
    pub position: u32,
    /// Root of the tree of that size.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub root: [u8; 32],
}

impl LogPosition {
    /// The only row id.
    pub const ID: &'static str = "log-position";
}

impl Record for LogPosition {
    const COLLECTION: Collection = Collection::Meta;
    const DOMAIN: &'static str = "hufu-log-position";

    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}

/// A fenced lease: its row revision is the token that guards every commit of the holder.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Lease {
    /// What it is for.
    #[n(0)]
    pub name: String,
    /// The audit writer that holds it.
    #[n(1)]
    pub holder: String,
    /// When others may take it.
    #[n(2)]
    pub expires_at: u64,
}

impl Record for Lease {
    const COLLECTION: Collection = Collection::Lease;
    const DOMAIN: &'static str = "hufu-lease";

    fn id(&self) -> String {
        self.name.clone()
    }
}

/// A checkpoint of the log. The row is written without a note before it is signed, and its id is its size: two roots of one
/// size cannot both be signed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Checkpoint {
    /// Number of leaves.
    #[n(0)]
    pub size: u64,
    /// Root hash.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// The signed note (C2SP), once signed.
    #[n(2)]
    pub note: Option<String>,
    /// When the root was fixed.
    #[n(3)]
    pub created_at: u64,
}

impl Checkpoint {
    /// The row id of the checkpoint of a size.
    #[must_use]
    pub fn row_id(size: u64) -> String {
        format!("{size:020}")
    }
}

impl Record for Checkpoint {
    const COLLECTION: Collection = Collection::Checkpoint;
    const DOMAIN: &'static str = "hufu-checkpoint";

    fn id(&self) -> String {
        Self::row_id(self.size)
    }
}
