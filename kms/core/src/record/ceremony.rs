//! Ceremonies: their events, what lies beside them, and which roster and policy are in force.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::Record;
use crate::changeset::Collection;
use crate::name::TenantId;

/// A ceremony: its events as bytes, which this crate does not read.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CeremonyRecord {
    /// The deployment's number for it. It is the row's id, so that each number is taken once.
    #[n(0)]
    pub number: u64,
    /// The ceremony's own id: the hash of its first event.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ceremony: [u8; 32],
    /// The tenant that it is about; nothing when it is about the deployment.
    #[n(2)]
    pub tenant: Option<TenantId>,
    /// Hash of the roster that it stands on.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub roster: [u8; 32],
    /// Hash of the policy that it stands on.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub policy: [u8; 32],
    /// Its events, the first first.
    #[n(5)]
    pub events: Vec<ByteVec>,
    /// Leaf hash of its newest event on the ledger.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub last_leaf: [u8; 32],
    /// When the service has to look at it; nothing once it has ended.
    #[n(7)]
    pub due: Option<u64>,
}

impl CeremonyRecord {
    /// The row id of a number: as wide as a number can be, so that rows are in the order of numbers.
    #[must_use]
    pub fn row_id(number: u64) -> String {
        format!("{number:020}")
    }

    /// The scope of ceremonies about a tenant, or about the deployment.
    #[must_use]
    pub fn scope_of(tenant: Option<&TenantId>) -> String {
        tenant.map_or_else(|| "deployment".to_owned(), |tenant| format!("tenants/{tenant}"))
    }
}

impl Record for CeremonyRecord {
    const COLLECTION: Collection = Collection::Ceremony;
    const DOMAIN: &'static str = "hufu-ceremony-row";

    fn id(&self) -> String {
        Self::row_id(self.number)
    }

    fn scope(&self) -> String {
        Self::scope_of(self.tenant.as_ref())
    }

    fn due(&self) -> Option<u64> {
        self.due
    }
}

/// What lies beside ceremonies: a roster, a policy, a share as it was sealed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CeremonyFile {
    /// `roster/HASH`, `policy/HASH` or `share/NUMBER/INDEX`.
    #[n(0)]
    pub id: String,
    /// Its bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

impl Record for CeremonyFile {
    const COLLECTION: Collection = Collection::CeremonyFile;
    const DOMAIN: &'static str = "hufu-ceremony-file";

    fn id(&self) -> String {
        self.id.clone()
    }
}

/// Which roster and policy are in force, and with which the deployment began.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CeremonyRules {
    /// Hash of the roster that came from the configuration.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub first_roster: [u8; 32],
    /// Hash of the policy that came from the configuration.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub first_policy: [u8; 32],
    /// Hash of the roster that new ceremonies stand on.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub roster: [u8; 32],
    /// Hash of the policy that new ceremonies stand on.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub policy: [u8; 32],
    /// Number of the ceremony that put the newer of the two in force; nothing while both are the configuration's.
    #[n(4)]
    pub by: Option<u64>,
    /// Leaf hash of their newest event on the ledger.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub last_leaf: [u8; 32],
}

impl CeremonyRules {
    /// The only row id.
    pub const ID: &'static str = "ceremony-rules";
}

impl Record for CeremonyRules {
    const COLLECTION: Collection = Collection::Meta;
    const DOMAIN: &'static str = "hufu-ceremony-rules";

    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}

/// How long the service has been running while ceremonies were open, added up over its restarts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct CeremonyClock {
    /// Milliseconds.
    #[n(0)]
    pub uptime_ms: u64,
}

impl CeremonyClock {
    /// The only row id.
    pub const ID: &'static str = "ceremony-clock";
}

impl Record for CeremonyClock {
    const COLLECTION: Collection = Collection::Meta;
    const DOMAIN: &'static str = "hufu-ceremony-clock";

    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}
