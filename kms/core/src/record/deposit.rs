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
}
