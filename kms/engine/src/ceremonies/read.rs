//! Ceremonies as they are read.

use hufu_ceremony::{Act, Import};
use hufu_core::changeset::Collection;
use hufu_core::name::TenantId;
use hufu_core::policy::Action;
use hufu_core::record::CeremonyRecord;
use hufu_core::store::Page;
use hufu_core::{Error, Reason};

use super::deposit::deposit_of;
use super::files::{policy_file, public_key_file, roster_file};
use super::held::Held;
use super::refusal::not_found;
use crate::api::{Caller, CeremonyView, PageRequest, Paged};
use crate::engine::Engine;
use crate::fault;
use crate::keys::{page_size, page_token_invalid};

/// Ceremonies on a page at most: each may have to be replayed.
const PAGE_MAX: u32 = 50;

impl Engine {
    /// A ceremony with everything that its custodians' tools replay.
    ///
    /// # Errors
    /// [`Reason::CeremonyNotFound`], also for one of another tenant.
    pub async fn ceremony(&self, caller: &Caller, number: u64) -> Result<CeremonyView, Error> {
        let result = self.ceremony_checked(caller, number).await;
        self.conclude(caller, Action::ReadCeremony, || format!("ceremonies/{number}"), result).await
    }

    /// Ceremonies about a tenant, or about the deployment, by number. Without roster, policy and events.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`], [`Reason::PageTokenInvalid`].
    pub async fn list_ceremonies(
        &self,
        caller: &Caller,
        tenant: Option<&TenantId>,
        page: &PageRequest,
    ) -> Result<Paged<CeremonyView>, Error> {
        let result = self.list_ceremonies_checked(caller, tenant, page).await;
        self.conclude(caller, Action::ReadCeremony, || "ceremonies".to_owned(), result).await
    }

    async fn ceremony_checked(&self, caller: &Caller, number: u64) -> Result<CeremonyView, Error> {
        self.authorize(caller, Action::ReadCeremony, &caller.principal.record.tenant, None)?;
        self.ceremony_view(&self.held_for(caller, number).await?).await
    }

    async fn list_ceremonies_checked(
        &self,
        caller: &Caller,
        tenant: Option<&TenantId>,
        page: &PageRequest,
    ) -> Result<Paged<CeremonyView>, Error> {
        let home = &caller.principal.record.tenant;
        self.authorize(caller, Action::ReadCeremony, tenant.unwrap_or(home), None)?;
        self.ceremonies()?;
        let (limit, scope) = (page_size(page).min(PAGE_MAX), CeremonyRecord::scope_of(tenant));
        let after = (!page.token.is_empty()).then_some(page.token.as_str());
        if after.is_some_and(|id| id.parse().map(CeremonyRecord::row_id).as_deref() != Ok(id)) {
            return Err(page_token_invalid());
        }
        let rows =
            self.store.list(Collection::Ceremony, &scope, Page { after, limit }).await.map_err(fault::store)?;
        let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = rows.last().filter(|_| full).map(|row| row.id.clone()).unwrap_or_default();
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.push(self.summary(&self.held_of(row).await?)?);
        }
        Ok(Paged { items, next })
    }

    /// A ceremony that the caller may know of.
    pub(super) async fn held_for(&self, caller: &Caller, number: u64) -> Result<Held, Error> {
        let held = self.held(number).await?;
        let known = held.record.tenant.as_ref().is_none_or(|tenant| *tenant == caller.principal.record.tenant);
        if known { Ok(held) } else { Err(not_found(number)) }
    }

    fn summary(&self, held: &Held) -> Result<CeremonyView, Error> {
        Ok(CeremonyView {
            number: held.record.number,
            tenant: held.record.tenant.clone(),
            ceremony: held.ceremony.clone(),
            now: self.ceremony_time(held.last_at())?,
            roster: Vec::new(),
            policy: Vec::new(),
            next: Vec::new(),
            whole: false,
        })
    }

    pub(super) async fn ceremony_view(&self, held: &Held) -> Result<CeremonyView, Error> {
        let grounds = held.ceremony.grounds();
        let (roster, policy) = (grounds.roster().to_bytes(), grounds.policy().to_bytes());
        Ok(CeremonyView { roster, policy, next: self.next_of(held).await?, whole: true, ..self.summary(held)? })
    }

    /// What came beside the request: the policy or roster that it would put in force, the public key of the key that would come in.
    async fn next_of(&self, held: &Held) -> Result<Vec<u8>, Error> {
        let file = match &held.ceremony.request().act {
            Act::PolicyChange(act) => self.ceremony_policy(act.next).await?.map(|next| policy_file(&next)),
            Act::RosterChange(act) => self.roster(act.next).await?.map(|next| roster_file(&next)),
            Act::Recovery(act) if deposit_of(act).is_some() => {
                self.public_key_beside(&act.target.sealing_key.0).await?.map(|spki| public_key_file(&spki))
            }
            Act::Import(Import { public_key: Some(named), .. }) => {
                self.public_key_beside(&named.0).await?.map(|spki| public_key_file(&spki))
            }
            _ => return Ok(Vec::new()),
        };
        let lost = || Error::new(Reason::Quarantined, "what came beside the request is not there");
        file.map(|file| file.bytes).ok_or_else(lost)
    }
}
