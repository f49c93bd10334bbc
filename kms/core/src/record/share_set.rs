//! Sets of shares at custodians. What they say is signed by others and judged elsewhere: here it is bytes.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::Record;
use crate::changeset::Collection;
use crate::name::{SetId, ShareSetName, TenantId};

/// A set of shares: which epoch counts, and which one waits for confirmations.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ShareSetRecord {
    /// The set.
    #[n(0)]
    pub set: SetId,
    /// The tenant that what is shared belongs to.
    #[n(1)]
    pub tenant: TenantId,
    /// The resource name of what is shared. Signed manifests say so too.
    #[n(2)]
    pub subject: String,
    /// The epochs: signed manifests and who has confirmed them, in the encoding of `hufu-shares`.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub epochs: Vec<u8>,
    /// The number of its newest event on the ledger, from 0.
    #[n(4)]
    pub sequence: u64,
    /// Leaf hash of that event.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub last_leaf: [u8; 32],
    /// When it came here, in milliseconds since the Unix epoch.
    #[n(6)]
    pub created_at: u64,
}

impl ShareSetRecord {
    /// The resource name.
    #[must_use]
    pub fn name(&self) -> ShareSetName {
        ShareSetName { tenant: self.tenant.clone(), set: self.set }
    }
}

impl Record for ShareSetRecord {
    const COLLECTION: Collection = Collection::ShareSet;
    const DOMAIN: &'static str = "hufu-share-set";

    fn id(&self) -> String {
        self.set.to_string()
    }

    fn scope(&self) -> String {
        format!("tenants/{}", self.tenant)
    }
}

/// The shares of one epoch of a set, each sealed to its custodian. They never change, and go when the epoch is dead.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct SealedShares {
    /// The set.
    #[n(0)]
    pub set: SetId,
    /// SHA-256 of the epoch's manifest.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub manifest: [u8; 32],
    /// The sealed shares, from index 1.
    #[n(2)]
    pub shares: Vec<ByteVec>,
}

impl SealedShares {
    /// The row id of an epoch: behind that of the set, in the same collection. An epoch that is given up and begun anew has
    /// another manifest.
    #[must_use]
    pub fn row_id(set: SetId, manifest: &[u8; 32]) -> String {
        format!("{set}/{}", hex::encode(manifest))
    }
}

impl Record for SealedShares {
    const COLLECTION: Collection = Collection::ShareSet;
    const DOMAIN: &'static str = "hufu-sealed-shares";

    fn id(&self) -> String {
        Self::row_id(self.set, &self.manifest)
    }

    fn scope(&self) -> String {
        format!("sealed/{}", self.set)
    }
}
