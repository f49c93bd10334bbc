//! Deposits as they are read.

use hufu_core::Error;
use hufu_core::changeset::Collection;
use hufu_core::name::{DepositName, TenantId};
use hufu_core::policy::Action;
use hufu_core::record::{Deletion, Deposit};

use super::not_found;
use crate::api::{Caller, DepositTerms, DepositView, PageRequest, Paged};
use crate::engine::Engine;
use crate::fault;
use crate::keys::page_size;
use crate::shares::StoredSet;

/// A deposit, and the row that it was read from.
pub(crate) struct Deposited {
    pub(crate) record: Deposit,
    pub(crate) revision: u64,
}

impl Deposited {
    /// When it is to be given up. Nothing when the set went on since that was asked for: it was taken back, or shared anew.
    pub(super) fn deletion(&self, set: &StoredSet) -> Option<Deletion> {
        self.record.deletion.filter(|deletion| deletion.sequence == set.record.sequence)
    }
}

/// Deposits on a page at most: each has signatures to be checked.
const PAGE_MAX: u32 = 100;

impl Engine {
    /// On what terms keys are deposited now.
    ///
    /// # Errors
    /// [`hufu_core::Reason::CeremoniesOff`], [`hufu_core::Reason::PermissionDenied`].
    pub async fn deposit_terms(&self, caller: &Caller, tenant: &TenantId) -> Result<DepositTerms, Error> {
        let result = async {
            self.authorize(caller, Action::ReadDeposit, tenant, None)?;
            let (grounds, ..) = self.in_force().await?;
            Ok(DepositTerms {
                roster: grounds.roster().to_bytes(),
                dealer: self.deployment.log_public_key.clone(),
                threshold_min: self.deposit_threshold_min,
                now_ms: self.clock.now_ms(),
            })
        };
        self.conclude(caller, Action::ReadDeposit, || format!("tenants/{tenant}/deposits"), result.await).await
    }

    /// A deposit of the caller's tenant.
    ///
    /// # Errors
    /// [`hufu_core::Reason::DepositNotFound`], [`hufu_core::Reason::Quarantined`].
    pub async fn read_deposit(&self, caller: &Caller, name: &DepositName) -> Result<DepositView, Error> {
        let result = async {
            self.authorize(caller, Action::ReadDeposit, &name.tenant, None)?;
            self.deposit_view(&self.deposited(name).await?).await
        };
        self.conclude(caller, Action::ReadDeposit, || name.to_string(), result.await).await
    }

    /// The deposits of a tenant, by name.
    ///
    /// # Errors
    /// [`hufu_core::Reason::PermissionDenied`], [`hufu_core::Reason::PageTokenInvalid`].
    pub async fn list_deposits(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        page: &PageRequest,
    ) -> Result<Paged<DepositView>, Error> {
        let result = self.list_deposits_checked(caller, tenant, page).await;
        self.conclude(caller, Action::ReadDeposit, || format!("tenants/{tenant}/deposits"), result).await
    }

    async fn list_deposits_checked(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        page: &PageRequest,
    ) -> Result<Paged<DepositView>, Error> {
        self.authorize(caller, Action::ReadDeposit, tenant, None)?;
        let (scope, prefix) = (format!("tenants/{tenant}"), format!("tenants/{tenant}/deposits/"));
        let page = PageRequest { size: page_size(page).min(PAGE_MAX), ..page.clone() };
        let (rows, next) = self.page(Collection::Deposit, &scope, &prefix, &page).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let opened = self.keyring.integrity().open(row);
            let record = opened.map_err(|_| self.directory.quarantine(&row.id, FORGED))?;
            items.push(self.deposit_view(&Deposited { record, revision: row.revision }).await?);
        }
        Ok(Paged { items, next })
    }

    pub(crate) async fn deposited(&self, name: &DepositName) -> Result<Deposited, Error> {
        let id = name.to_string();
        let row = self.store.get(Collection::Deposit, &id).await.map_err(fault::store)?;
        let row = row.ok_or_else(|| not_found(name))?;
        let record = self.keyring.integrity().open(&row).map_err(|_| self.directory.quarantine(&id, FORGED))?;
        Ok(Deposited { record, revision: row.revision })
    }

    pub(super) async fn deposit_view(&self, of: &Deposited) -> Result<DepositView, Error> {
        let set = self.share_set(of.record.set).await?;
        if set.record.subject != of.record.name().to_string() {
            return Err(self
                .directory
                .quarantine(&of.record.name().to_string(), "its share set is of something else"));
        }
        Ok(DepositView {
            name: of.record.name(),
            set: of.record.set,
            manifest: set.epochs.current().signed().to_bytes(),
            created_at: of.record.created_at,
            delete_at: of.deletion(&set).map(|deletion| deletion.at),
        })
    }
}

const FORGED: &str = "the row is not as the service wrote it";
