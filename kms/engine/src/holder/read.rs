//! Who a holder is, and which shares it has.

use hufu_core::Error;
use hufu_core::changeset::Collection;
use hufu_core::policy::Action;
use hufu_core::record::HolderShare;
use hufu_core::store::Page;

use crate::api::{Caller, HeldShare, HolderView, PageRequest, Paged};
use crate::engine::Engine;
use crate::fault;
use crate::keys::{page_size, page_token_invalid};

impl Engine {
    /// Who this holder is.
    ///
    /// # Errors
    /// [`hufu_core::Reason::PermissionDenied`].
    pub async fn holder(&self, caller: &Caller) -> Result<HolderView, Error> {
        let result = self.holder_checked(caller);
        self.conclude(caller, Action::ReadHolder, || "holder".to_owned(), result).await
    }

    /// The shares that it has, by key version.
    ///
    /// # Errors
    /// [`hufu_core::Reason::PageTokenInvalid`].
    pub async fn list_shares(&self, caller: &Caller, page: PageRequest) -> Result<Paged<HeldShare>, Error> {
        let result = self.list_shares_checked(caller, &page).await;
        self.conclude(caller, Action::ReadHolder, || "shares".to_owned(), result).await
    }

    fn holder_checked(&self, caller: &Caller) -> Result<HolderView, Error> {
        self.authorize_holding(caller, Action::ReadHolder)?;
        let setup = &self.hold()?.setup;
        Ok(HolderView {
            name: setup.name.to_string(),
            deployment: setup.deployment.clone(),
            roster: setup.roster.hash().0,
            simulated: self.keyring.is_simulated(),
        })
    }

    async fn list_shares_checked(&self, caller: &Caller, page: &PageRequest) -> Result<Paged<HeldShare>, Error> {
        self.authorize_holding(caller, Action::ReadHolder)?;
        let limit = page_size(page);
        if !page.token.is_empty() && HolderShare::key_version_of(&page.token).is_none() {
            return Err(page_token_invalid());
        }
        let after = Some(page.token.as_str()).filter(|token| !token.is_empty());
        let rows = self.store.list(Collection::HolderShare, "", Page { after, limit }).await.map_err(fault::store)?;
        let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.id.clone()).unwrap_or_default();
        let mut items = Vec::new();
        for row in &rows {
            let opened = self.keyring.integrity().open::<HolderShare>(row);
            // One that is not as it was written is locked, and was told of at the start.
            let Ok(record) = opened else { continue };
            if record.sealed.is_some() {
                let key_version = HolderShare::key_version(&record.key, record.version);
                items.push(HeldShare { key_version, group: record.group, number: record.number });
            }
        }
        Ok(Paged { items, next })
    }
}
