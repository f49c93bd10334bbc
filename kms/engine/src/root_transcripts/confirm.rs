//! Custodians' word that their shares of the root are there and good.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::policy::Action;
use hufu_core::record::{Record as _, RootTranscriptRecord};
use hufu_core::{Error, Reason};
use hufu_custodian::Signed;
use hufu_journal::JournalError;
use hufu_shares::Deed;

use super::{Told, name};
use crate::api::{Caller, RootTranscriptView};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::Staging;
use crate::shares::refused;

/// Attempts while others bring theirs.
const ATTEMPTS_MAX: usize = 8;

impl Engine {
    /// Takes a confirmation ([`Signed::to_bytes`] of a `Confirmation`) of a share of the root, as it was split when the deployment began.
    /// The caller is a courier. The same one again changes nothing.
    ///
    /// # Errors
    /// [`Reason::ShareRefused`] when it is not that custodian's, or of other shares; [`Reason::CeremonyNotFound`] when the root is not
    /// split.
    pub async fn confirm_root_share(
        &self,
        caller: &Caller,
        confirmation: &[u8],
    ) -> Result<RootTranscriptView, Error> {
        let result = self.confirm_root_checked(caller, confirmation).await;
        let of = || name(RootTranscriptRecord::BEGINNING);
        self.conclude(caller, Action::CarryShare, of, result).await
    }

    async fn confirm_root_checked(&self, caller: &Caller, confirmation: &[u8]) -> Result<RootTranscriptView, Error> {
        let permit = self.authorize(caller, Action::CarryShare, &caller.principal.record.tenant, None)?;
        let malformed = |_| Error::new(Reason::InvalidArgument, "this is no signed confirmation");
        let signed = Signed::from_bytes(confirmation).map_err(|error| malformed(error).field("confirmation"))?;
        for _ in 0..ATTEMPTS_MAX {
            let told = self.told(RootTranscriptRecord::BEGINNING).await?;
            match self.confirm_root_once(caller, &permit, told, &signed).await? {
                Ok(view) => return Ok(view),
                Err(JournalError::Guarded(_)) => {}
                Err(error) => return Err(fault::journal(error)),
            }
        }
        Err(Error::new(Reason::Overloaded, "too many confirmations come at once").help("try again"))
    }

    async fn confirm_root_once(
        &self,
        caller: &Caller,
        permit: &Permit,
        mut told: Told,
        signed: &Signed,
    ) -> Result<Result<RootTranscriptView, JournalError>, Error> {
        if told.record.deed != Deed::Split {
            return Err(Error::internal("the first record of the root is not of its beginning"));
        }
        let known = told.confirmations.iter().any(|other| other.statement == signed.statement);
        let all: &[Signed] = if known { &[] } else { &told.confirmations };
        let all = [all, std::slice::from_ref(signed)].concat();
        told.record.confirmed(&all).map_err(|error| refused(&error))?;
        if known {
            return Ok(Ok(told.view()));
        }
        let entry = self.entry(caller, Action::CarryShare, name(told.row.number), permit);
        let detail = Some(format!("confirmed by `{}`: {}", signed.signer, hex::encode(signed.digest())));
        let mut staging = Staging::new(self, AuditEntry { detail, ..entry });
        staging.guard(Guard::Revision(Collection::RootTranscript, told.row.id(), told.revision));
        told.row.confirmations.push(signed.to_bytes().into());
        staging.write(Write::Put(self.keyring.integrity().row(&told.row, told.revision + 1)));
        let committed = self.reserve()?.commit(staging.finish()).await;
        told.confirmations = all;
        Ok(committed.map(|_| told.view()))
    }
}
