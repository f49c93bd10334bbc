//! A deposit is to be given up: with the delay of a destruction, in which it can be taken back.

use hufu_ceremony::Kind;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::name::DepositName;
use hufu_core::policy::Action;
use hufu_core::record::{Deletion, Deposit, Record as _};
use hufu_core::{Error, Reason};

use super::read::Deposited;
use crate::api::{Caller, DepositView};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::Staging;
use crate::shares::StoredSet;

impl Engine {
    /// Has a deposit given up once the least delay of destructions is over: when that is, and nothing when it has been already. Again
    /// while it waits changes nothing.
    ///
    /// # Errors
    /// [`Reason::DepositNotFound`], [`Reason::PermissionDenied`]; [`Reason::CeremonyRefused`] where only ceremonies destroy.
    pub async fn delete_deposit(&self, caller: &Caller, name: &DepositName) -> Result<Option<u64>, Error> {
        let result = self.delete_deposit_checked(caller, name).await;
        self.conclude(caller, Action::DeleteDeposit, || name.to_string(), result).await
    }

    /// Takes back that a deposit is given up.
    ///
    /// # Errors
    /// [`Reason::WrongState`] when it is not; [`Reason::DepositNotFound`], [`Reason::PermissionDenied`].
    pub async fn cancel_delete_deposit(&self, caller: &Caller, name: &DepositName) -> Result<DepositView, Error> {
        let result = self.cancel_delete_checked(caller, name).await;
        self.conclude(caller, Action::DeleteDeposit, || name.to_string(), result).await
    }

    async fn delete_deposit_checked(&self, caller: &Caller, name: &DepositName) -> Result<Option<u64>, Error> {
        let permit = self.authorize(caller, Action::DeleteDeposit, &name.tenant, None)?;
        if self.replayed(caller).await?.is_some() {
            return self.deletion_of(name).await;
        }
        let permit = self.may_do_alone(permit, Kind::Destruction).await?;
        match self.schedule_deletion(caller, &permit, name).await {
            Ok(at) => Ok(Some(at)),
            Err(error) => {
                self.unless_repeated(caller, Err(error)).await?;
                self.deletion_of(name).await
            }
        }
    }

    async fn deletion_of(&self, name: &DepositName) -> Result<Option<u64>, Error> {
        match self.deposited(name).await {
            Ok(of) => Ok(self.deposit_view(&of).await?.delete_at),
            Err(error) if error.reason() == Reason::DepositNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn cancel_delete_checked(&self, caller: &Caller, name: &DepositName) -> Result<DepositView, Error> {
        let permit = self.authorize(caller, Action::DeleteDeposit, &name.tenant, None)?;
        if self.replayed(caller).await?.is_none() {
            let cancelled = self.cancel_deletion(caller, &permit, name).await;
            self.unless_repeated(caller, cancelled).await?;
        }
        self.deposit_view(&self.deposited(name).await?).await
    }

    /// Writes down when a deposit is given up, with an event of its set. When that is.
    pub(crate) async fn schedule_deletion(
        &self,
        caller: &Caller,
        permit: &Permit,
        name: &DepositName,
    ) -> Result<u64, Error> {
        let of = self.deposited(name).await?;
        let set = self.share_set(of.record.set).await?;
        if let Some(deletion) = of.deletion(&set) {
            return Ok(deletion.at);
        }
        let now = self.clock.now_ms();
        let at = now.saturating_add(self.destroy_delay_ms_min);
        let deletion = Some(Deletion { at, scheduled_at: now, sequence: set.record.sequence + 1 });
        let detail = format!("to be given up at {at}, share set {}", of.record.set);
        self.commit_deletion(caller, permit, &of, &set, deletion, detail).await?;
        Ok(at)
    }

    async fn cancel_deletion(&self, caller: &Caller, permit: &Permit, name: &DepositName) -> Result<(), Error> {
        let of = self.deposited(name).await?;
        let set = self.share_set(of.record.set).await?;
        if of.deletion(&set).is_none() {
            return Err(Error::new(Reason::WrongState, "nobody has asked for the deposit to be given up"));
        }
        self.commit_deletion(caller, permit, &of, &set, None, "not to be given up".to_owned()).await
    }

    async fn commit_deletion(
        &self,
        caller: &Caller,
        permit: &Permit,
        of: &Deposited,
        set: &StoredSet,
        deletion: Option<Deletion>,
        detail: String,
    ) -> Result<(), Error> {
        let record = Deposit { deletion, ..of.record.clone() };
        let id = record.id();
        let slot = self.reserve()?;
        let entry = self.entry(caller, Action::DeleteDeposit, id.as_str(), permit);
        let mut staging = Staging::new(self, AuditEntry { detail: Some(detail), ..entry });
        staging.rest_on_rules(permit);
        staging.guard(Guard::Revision(Collection::Deposit, id.clone(), of.revision));
        staging.write(Write::Put(self.keyring.integrity().row(&record, of.revision + 1)));
        self.stage_epochs(&mut staging, set, &set.epochs, &[])?;
        staging.remember(self.to_remember(caller, &id));
        slot.commit(staging.finish()).await.map(drop).map_err(fault::journal)
    }
}
