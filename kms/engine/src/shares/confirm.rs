//! Custodians' word that their shares are there and good.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard};
use hufu_core::name::ShareSetName;
use hufu_core::policy::Action;
use hufu_core::record::CeremonyRules;
use hufu_core::{Error, Reason};
use hufu_custodian::Signed;
use hufu_journal::JournalError;

use super::read::judged_in;
use super::refused;
use crate::api::{Caller, ShareSetView};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::Staging;

/// Attempts while others bring theirs.
const ATTEMPTS_MAX: usize = 8;

impl Engine {
    /// Takes a confirmation ([`Signed::to_bytes`] of a `Confirmation`), of the epoch that counts or of the one that waits. The
    /// caller is a courier. The same one again changes nothing.
    ///
    /// # Errors
    /// [`Reason::ShareRefused`] when it is not that custodian's, or of another set, epoch, manifest or seat;
    /// [`Reason::ShareSetNotFound`].
    pub async fn confirm_share(
        &self,
        caller: &Caller,
        name: &ShareSetName,
        confirmation: &[u8],
    ) -> Result<ShareSetView, Error> {
        let result = self.confirm_checked(caller, name, confirmation).await;
        self.conclude(caller, Action::CarryShare, || name.to_string(), result).await
    }

    async fn confirm_checked(
        &self,
        caller: &Caller,
        name: &ShareSetName,
        confirmation: &[u8],
    ) -> Result<ShareSetView, Error> {
        let permit = self.authorize(caller, Action::CarryShare, judged_in(caller, &name.tenant), None)?;
        let malformed = |_| Error::new(Reason::InvalidArgument, "this is no signed confirmation");
        let signed = Signed::from_bytes(confirmation).map_err(|error| malformed(error).field("confirmation"))?;
        for _ in 0..ATTEMPTS_MAX {
            match self.confirm_once(caller, &permit, name, &signed).await? {
                Ok(view) => return Ok(view),
                Err(JournalError::Guarded(_)) => {}
                Err(error) => return Err(fault::journal(error)),
            }
        }
        Err(Error::new(Reason::Overloaded, "too many confirmations come at once").help("try again"))
    }

    async fn confirm_once(
        &self,
        caller: &Caller,
        permit: &Permit,
        name: &ShareSetName,
        signed: &Signed,
    ) -> Result<Result<ShareSetView, JournalError>, Error> {
        let set = self.named_set(name).await?;
        let (grounds, _, rules) = self.in_force().await?;
        let mut epochs = set.epochs.clone();
        if !epochs.confirm(signed, grounds.roster()).map_err(|error| refused(&error))? {
            return Ok(Ok(set.view()));
        }
        let slot = self.reserve()?;
        let entry = self.entry(caller, Action::CarryShare, name.to_string(), permit);
        let detail = Some(format!("confirmed by `{}`: {}", signed.signer, hex::encode(signed.digest())));
        let mut staging = Staging::new(self, AuditEntry { detail, ..entry });
        // Whoever is taken from the roster meanwhile confirms nothing any more.
        staging.guard(Guard::Revision(Collection::Meta, CeremonyRules::ID.to_owned(), rules));
        self.stage_confirmed(&mut staging, &set, &epochs);
        staging.remember(self.to_remember(caller, &name.to_string()));
        let committed = slot.commit(staging.finish()).await;
        Ok(committed.map(|_| ShareSetView {
            current: epochs.current().clone(),
            next: epochs.next().cloned(),
            ..set.view()
        }))
    }
}
