//! Share sets as they are read, and sealed shares on their way to custodians.

use hufu_core::changeset::{Collection, Subject};
use hufu_core::name::{ShareSetName, TenantId};
use hufu_core::policy::Action;
use hufu_core::{Error, Reason};
use hufu_custodian::Name;
use hufu_shares::{Epoch, Share};

use super::StoredSet;
use crate::api::{Caller, FetchShare, PageRequest, Paged, ShareSetView};
use crate::engine::Engine;
use crate::keys::page_size;

/// Share sets on a page at most: each has signatures to be checked.
const PAGE_MAX: u32 = 100;

impl Engine {
    /// A share set of the caller's tenant.
    ///
    /// # Errors
    /// [`Reason::ShareSetNotFound`], [`Reason::Quarantined`].
    pub async fn read_share_set(&self, caller: &Caller, name: &ShareSetName) -> Result<ShareSetView, Error> {
        let result = async {
            self.authorize(caller, Action::ReadShareSet, judged_in(caller, &name.tenant), None)?;
            Ok(self.named_set(name).await?.view())
        };
        self.conclude(caller, Action::ReadShareSet, || name.to_string(), result.await).await
    }

    /// The share sets of a tenant, by their ids.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`], [`Reason::PageTokenInvalid`], [`Reason::Quarantined`].
    pub async fn list_share_sets(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        page: &PageRequest,
    ) -> Result<Paged<ShareSetView>, Error> {
        let result = self.list_sets_checked(caller, tenant, page).await;
        self.conclude(caller, Action::ReadShareSet, || format!("tenants/{tenant}/shareSets"), result).await
    }

    async fn list_sets_checked(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        page: &PageRequest,
    ) -> Result<Paged<ShareSetView>, Error> {
        self.authorize(caller, Action::ReadShareSet, judged_in(caller, tenant), None)?;
        let page = PageRequest { size: page_size(page).min(PAGE_MAX), ..page.clone() };
        let (rows, next) = self.page(Collection::ShareSet, &format!("tenants/{tenant}"), "", &page).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.push(self.share_set_of(row).await?.view());
        }
        Ok(Paged { items, next })
    }

    /// A custodian's share file, sealed to that custodian. That it was given out is recorded first.
    ///
    /// # Errors
    /// [`Reason::ShareSetNotFound`] also when the custodian has no share in that epoch, or the epoch is dead.
    pub async fn fetch_share(&self, caller: &Caller, request: &FetchShare) -> Result<Share, Error> {
        let result = self.fetch_checked(caller, request).await;
        self.conclude(caller, Action::CarryShare, || request.set.to_string(), result).await
    }

    async fn fetch_checked(&self, caller: &Caller, request: &FetchShare) -> Result<Share, Error> {
        let permit = self.authorize(caller, Action::CarryShare, judged_in(caller, &request.set.tenant), None)?;
        let wrong = |_| Error::new(Reason::InvalidArgument, "this is no custodian's name").field("custodian");
        let custodian: Name = request.custodian.parse().map_err(wrong)?;
        let set = self.named_set(&request.set).await?;
        let (epoch, index) = set.seat_of(&custodian, request.epoch).ok_or_else(|| no_share(&request.set))?;
        let slot = self.reserve()?;
        let share = self.sealed_share(&set, epoch, index).await?;
        let number = epoch.manifest().epoch();
        let detail = Some(format!("share {index} of epoch {number}, sealed to `{custodian}`"));
        let entry = self.entry(caller, Action::CarryShare, request.set.to_string(), &permit);
        let entry = hufu_core::audit::AuditEntry { detail, ..entry };
        self.release(slot, &permit, caller, &Subject::new(&set.record.set.to_string()), entry).await?;
        Ok(share)
    }
}

impl StoredSet {
    pub(super) fn view(&self) -> ShareSetView {
        ShareSetView {
            name: self.record.name(),
            subject: self.record.subject.clone(),
            current: self.epochs.current().clone(),
            next: self.epochs.next().cloned(),
            created_at: self.record.created_at,
        }
    }

    /// Where a custodian sits: in that epoch, or in the newest in which it has a share.
    fn seat_of(&self, custodian: &Name, epoch: Option<u32>) -> Option<(&Epoch, u8)> {
        let newest = [self.epochs.next(), Some(self.epochs.current())];
        let alive =
            newest.into_iter().flatten().filter(|of| epoch.is_none_or(|wanted| of.manifest().epoch() == wanted));
        alive.into_iter().find_map(|of| Some((of, of.manifest().index_of(custodian)?)))
    }
}

/// The tenant that a caller must be of. The root's shares are of no tenant: whoever may read or carry shares at home may do so with
/// them, as with ceremonies about the deployment.
pub(super) fn judged_in<'a>(caller: &'a Caller, tenant: &'a TenantId) -> &'a TenantId {
    if tenant.is_system() { &caller.principal.record.tenant } else { tenant }
}

fn no_share(name: &ShareSetName) -> Error {
    let message = format!("`{name}` has no share of that custodian in an epoch that is alive");
    Error::new(Reason::ShareSetNotFound, message).field("custodian")
}
