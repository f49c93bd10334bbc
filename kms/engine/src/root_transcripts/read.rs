//! Transcripts of the root as they are read: closed by the log's key when they are fetched.

use hufu_core::Error;
use hufu_core::changeset::Collection;
use hufu_core::policy::Action;
use hufu_core::record::RootTranscriptRecord;
use hufu_core::store::Page;
use hufu_log::leaf_row_id;
use hufu_shares::{Deed, RootTranscript};

use super::{Told, name};
use crate::api::{Caller, PageRequest, Paged, RootTranscriptView};
use crate::engine::Engine;
use crate::fault;
use crate::keys::{page_size, page_token_invalid};

/// Records on a page at most: each has a roster in it.
const PAGE_MAX: u32 = 20;

impl Engine {
    /// What was written down of the root, by number: 0 is its beginning. Without the transcripts.
    ///
    /// # Errors
    /// [`hufu_core::Reason::PermissionDenied`], [`hufu_core::Reason::PageTokenInvalid`], [`hufu_core::Reason::Quarantined`].
    pub async fn list_root_transcripts(
        &self,
        caller: &Caller,
        page: &PageRequest,
    ) -> Result<Paged<RootTranscriptView>, Error> {
        let result = self.list_root_checked(caller, page).await;
        self.conclude(caller, Action::ReadCeremony, || "rootTranscripts".to_owned(), result).await
    }

    /// A transcript, with the ledger's receipt once there is one: `hufu_shares::RootTranscript` verifies it without a server.
    ///
    /// # Errors
    /// [`hufu_core::Reason::CeremonyNotFound`]; [`hufu_core::Reason::LedgerUnavailable`],
    /// [`hufu_core::Reason::BackendUnavailable`] when the log's key does not sign.
    pub async fn root_transcript(&self, caller: &Caller, number: u64) -> Result<RootTranscriptView, Error> {
        let result = async {
            self.authorize(caller, Action::ReadCeremony, &caller.principal.record.tenant, None)?;
            let told = self.told(number).await?;
            let transcript = self.close_root(&told, caller).await?;
            Ok(RootTranscriptView { transcript, ..told.view() })
        };
        self.conclude(caller, Action::ReadCeremony, || name(number), result.await).await
    }

    async fn list_root_checked(
        &self,
        caller: &Caller,
        page: &PageRequest,
    ) -> Result<Paged<RootTranscriptView>, Error> {
        self.authorize(caller, Action::ReadCeremony, &caller.principal.record.tenant, None)?;
        let limit = page_size(page).min(PAGE_MAX);
        let after = (!page.token.is_empty()).then_some(page.token.as_str());
        if after.is_some_and(|id| id.parse().map(RootTranscriptRecord::row_id).as_deref() != Ok(id)) {
            return Err(page_token_invalid());
        }
        let page = Page { after, limit };
        let rows = self.store.list(Collection::RootTranscript, RootTranscriptRecord::SCOPE, page).await;
        let rows = rows.map_err(fault::store)?;
        let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = rows.last().filter(|_| full).map(|row| row.id.clone()).unwrap_or_default();
        let items: Result<Vec<_>, Error> = rows.iter().map(|row| Ok(self.told_of(row)?.view())).collect();
        Ok(Paged { items: items?, next })
    }

    async fn close_root(&self, told: &Told, caller: &Caller) -> Result<Vec<u8>, Error> {
        let receipt = self.ledger.included(&leaf_row_id(&told.record.digest(), 0)).await?.unwrap_or_default();
        let open = RootTranscript::open(&told.record, told.confirmations.clone(), receipt);
        let signature = self.sign_as_service(&open.closing(), caller.deadline).await?;
        Ok(open.closed(signature).to_bytes())
    }
}

impl Told {
    pub(super) fn view(&self) -> RootTranscriptView {
        let (server, signed) = match &self.record.deed {
            Deed::Split => (None, &self.confirmations),
            Deed::Opened(opening) => (Some(opening.server.clone()), &opening.statements),
        };
        RootTranscriptView {
            number: self.row.number,
            digest: self.record.digest(),
            at_ms: self.record.at_ms,
            server,
            by: signed.iter().map(|signed| signed.signer.to_string()).collect(),
            transcript: Vec::new(),
        }
    }
}
