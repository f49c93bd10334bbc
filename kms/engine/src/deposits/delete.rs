//! A deposit is given up.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::name::DepositName;
use hufu_core::policy::Action;
use hufu_core::{Error, Reason};

use crate::api::Caller;
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::Staging;

impl Engine {
    /// Gives a deposit up: its shares are deleted here, and what custodians have is refused from now on.
    ///
    /// # Errors
    /// [`Reason::DepositNotFound`], [`Reason::PermissionDenied`].
    pub async fn delete_deposit(&self, caller: &Caller, name: &DepositName) -> Result<(), Error> {
        let result = self.delete_deposit_checked(caller, name).await;
        self.conclude(caller, Action::DeleteDeposit, || name.to_string(), result).await
    }

    async fn delete_deposit_checked(&self, caller: &Caller, name: &DepositName) -> Result<(), Error> {
        let permit = self.authorize(caller, Action::DeleteDeposit, &name.tenant, None)?;
        if self.replayed(caller).await?.is_some() {
            return Ok(());
        }
        match self.give_deposit_up(caller, &permit, name).await {
            // Its own repetition may have been first.
            Err(error) if error.reason() == Reason::DepositNotFound => {
                self.replayed(caller).await?.map(drop).ok_or(error)
            }
            given_up => self.unless_repeated(caller, given_up).await,
        }
    }

    async fn give_deposit_up(&self, caller: &Caller, permit: &Permit, name: &DepositName) -> Result<(), Error> {
        let (of, id) = (self.deposited(name).await?, name.to_string());
        let set = self.share_set(of.record.set).await?;
        let slot = self.reserve()?;
        let entry = self.entry(caller, Action::DeleteDeposit, id.as_str(), permit);
        let detail = Some(format!("share set {}", of.record.set));
        let mut staging = Staging::new(self, AuditEntry { detail, ..entry });
        staging.guard(Guard::Revision(Collection::Deposit, id.clone(), of.revision));
        staging.write(Write::Delete(Collection::Deposit, id.clone()));
        self.stage_set_gone(&mut staging, &set)?;
        staging.remember(self.to_remember(caller, &id));
        slot.commit(staging.finish()).await.map(drop).map_err(fault::journal)
    }
}
