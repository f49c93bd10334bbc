//! Keys that applications have deposited for their recovery.

use minicbor::{Decode, Encode};

use super::Record;
use crate::changeset::Collection;
use crate::name::{DepositId, DepositName, SetId, TenantId};

/// A key of an application, in shares that only custodians can open.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Deposit {
    /// The tenant that owns it.
    #[n(0)]
    pub tenant: TenantId,
    /// Its name inside the tenant.
    #[n(1)]
    pub deposit: DepositId,
    /// The set of its shares.
    #[n(2)]
    pub set: SetId,
    /// When it was deposited, in milliseconds since the Unix epoch.
    #[n(3)]
    pub created_at: u64,
    /// When it is to be given up; nothing unless somebody asked for it.
    #[n(4)]
    pub deletion: Option<Deletion>,
}

/// A deposit that is to be given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Deletion {
    /// When, in milliseconds since the Unix epoch.
    #[n(0)]
    pub at: u64,
    /// When it was asked for.
    #[n(1)]
    pub scheduled_at: u64,
    /// The number of the event on the ledger that says so: any later event of the set, such as taking it back, makes this void.
    #[n(2)]
    pub sequence: u64,
}

/// What a ceremony has released of a deposit: kept for a while, whatever becomes of the deposit and its set.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct DepositRelease {
    /// The number of the ceremony.
    #[n(0)]
    pub number: u64,
    /// The deposit.
    #[n(1)]
    pub tenant: TenantId,
    /// Its name inside the tenant.
    #[n(2)]
    pub deposit: DepositId,
    /// The set whose shares were brought.
    #[n(3)]
    pub set: SetId,
    /// The signed manifest of the epoch that was approved.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub manifest: Vec<u8>,
    /// The indices of what was brought.
    #[n(5)]
    pub shares: Vec<u32>,
    /// When it goes, with what was brought: in milliseconds since the Unix epoch.
    #[n(6)]
    pub expires_at: u64,
}

impl DepositRelease {
    /// How long it can be fetched, in milliseconds: 30 days.
    pub const KEPT_MS: u64 = 30 * 86_400_000;

    /// The row id of a ceremony's release.
    #[must_use]
    pub fn row_id(number: u64) -> String {
        format!("release/{number:020}")
    }

    /// The resource name of the deposit.
    #[must_use]
    pub fn name(&self) -> DepositName {
        DepositName { tenant: self.tenant.clone(), deposit: self.deposit.clone() }
    }
}

impl Record for DepositRelease {
    const COLLECTION: Collection = Collection::CeremonyFile;
    const DOMAIN: &'static str = "hufu-deposit-release";

    fn id(&self) -> String {
        Self::row_id(self.number)
    }

    fn due(&self) -> Option<u64> {
        Some(self.expires_at)
    }
}

impl Deposit {
    /// The resource name.
    #[must_use]
    pub fn name(&self) -> DepositName {
        DepositName { tenant: self.tenant.clone(), deposit: self.deposit.clone() }
    }
}

impl Record for Deposit {
    const COLLECTION: Collection = Collection::Deposit;
    const DOMAIN: &'static str = "hufu-deposit";

    fn id(&self) -> String {
        self.name().to_string()
    }

    fn scope(&self) -> String {
        format!("tenants/{}", self.tenant)
    }

    fn due(&self) -> Option<u64> {
        self.deletion.map(|deletion| deletion.at)
    }
}
