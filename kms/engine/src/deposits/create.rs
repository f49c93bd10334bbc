//! A key is deposited.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::name::{DepositId, DepositName, SetId};
use hufu_core::policy::Action;
use hufu_core::record::{CeremonyRules, Deposit, Record as _};
use hufu_core::store::Page;
use hufu_core::{Error, Reason};
use hufu_custodian::Name;
use hufu_shares::{Dealt, Manifest, Scheme, Share, SignedManifest};

use crate::api::{Caller, CreateDeposit, DEPOSITS_MAX, DepositView};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::Staging;
use crate::shares::Terms;

impl Engine {
    /// The same engine, which takes deposits of at least this threshold.
    #[must_use]
    pub fn depositing(self, threshold_min: u8) -> Self {
        Self { deposit_threshold_min: threshold_min, ..self }
    }

    /// Deposits a key that the application has dealt itself: checks its terms, signs its manifest, and keeps its sealed shares.
    ///
    /// # Errors
    /// [`Reason::ShareRefused`] says which of the terms are otherwise; [`Reason::AlreadyExists`]; [`Reason::TooMany`];
    /// [`Reason::CeremoniesOff`].
    pub async fn create_deposit(&self, caller: &Caller, request: CreateDeposit) -> Result<DepositView, Error> {
        let resource = format!("tenants/{}/deposits", request.tenant);
        let result = self.create_deposit_checked(caller, request).await;
        self.conclude(caller, Action::CreateDeposit, || resource, result).await
    }

    async fn create_deposit_checked(&self, caller: &Caller, request: CreateDeposit) -> Result<DepositView, Error> {
        let permit = self.authorize(caller, Action::CreateDeposit, &request.tenant, None)?;
        let deposit = DepositId::parse(&request.deposit)?;
        let name = DepositName { tenant: request.tenant, deposit };
        if self.replayed(caller).await?.is_none() {
            let malformed =
                |error| Error::new(Reason::InvalidArgument, format!("what was dealt is refused: {error}"));
            let dealt = Dealt::from_bytes(&request.dealt).map_err(|error| malformed(error).field("dealt"))?;
            let created = self.deposit(caller, &permit, &name, dealt).await;
            self.unless_repeated(caller, created).await?;
        }
        self.deposit_view(&self.deposited(&name).await?).await
    }

    async fn deposit(&self, caller: &Caller, permit: &Permit, name: &DepositName, dealt: Dealt) -> Result<(), Error> {
        let (grounds, _, rules) = self.in_force().await?;
        self.check_number(name).await?;
        check_what(name, dealt.manifest(), self.deposit_threshold_min)?;
        // Subject, threshold and people are the application's choice, within what was just checked.
        let manifest = dealt.manifest().clone();
        let custodians: Vec<Name> = manifest.seats().iter().map(|seat| seat.custodian.clone()).collect();
        let terms = Terms {
            subject: manifest.subject(),
            threshold: manifest.threshold(),
            custodians: &custodians,
            roster: grounds.roster(),
            after: None,
        };
        let (signed, shares) = self.sign_dealt(dealt, &terms, caller.deadline).await?;
        let slot = self.reserve()?;
        let staging = self.stage_deposit(caller, permit, name, &signed, &shares, rules)?;
        slot.commit(staging.finish()).await.map(drop).map_err(fault::journal)
    }

    fn stage_deposit(
        &self,
        caller: &Caller,
        permit: &Permit,
        name: &DepositName,
        signed: &SignedManifest,
        shares: &[Share],
        rules: u64,
    ) -> Result<Staging<'_>, Error> {
        let manifest = signed.unverified();
        let record = Deposit {
            tenant: name.tenant.clone(),
            deposit: name.deposit.clone(),
            set: SetId(manifest.set().0),
            created_at: self.clock.now_ms(),
            deletion: None,
        };
        let entry = self.entry(caller, Action::CreateDeposit, name.to_string(), permit);
        let (threshold, count) = (manifest.threshold(), shares.len());
        let detail = Some(format!("manifest {}, {threshold} of {count}", signed.digest()));
        let mut staging = Staging::new(self, AuditEntry { detail, ..entry });
        // Nothing is sealed to people of a roster that was replaced meanwhile.
        staging.guard(Guard::Revision(Collection::Meta, CeremonyRules::ID.to_owned(), rules));
        staging.guard(Guard::Absent(Collection::Deposit, record.id()));
        staging.write(Write::Put(self.keyring.integrity().row(&record, 1)));
        self.stage_new_set(&mut staging, &name.tenant, signed, shares)?;
        staging.remember(self.to_remember(caller, &name.to_string()));
        Ok(staging)
    }

    async fn check_number(&self, name: &DepositName) -> Result<(), Error> {
        let scope = format!("tenants/{}", name.tenant);
        let page = Page { after: None, limit: DEPOSITS_MAX };
        let rows = self.store.list(Collection::Deposit, &scope, page).await.map_err(fault::store)?;
        if u32::try_from(rows.len()).unwrap_or(u32::MAX) < DEPOSITS_MAX {
            return Ok(());
        }
        Err(Error::new(Reason::TooMany, format!("the tenant has {DEPOSITS_MAX} deposits"))
            .help("give up those that are not needed any more"))
    }
}

/// Whether it is about this deposit, and no single person could open it.
fn check_what(name: &DepositName, manifest: &Manifest, threshold_min: u8) -> Result<(), Error> {
    let refused = |message: String| Err(Error::new(Reason::ShareRefused, message).field("dealt"));
    if manifest.subject().name != name.to_string() {
        return refused(format!("it was dealt as `{}`, not as `{name}`", manifest.subject().name));
    }
    if manifest.threshold() < threshold_min {
        return refused(format!("the threshold is at least {threshold_min} here"));
    }
    // Nobody can check what is said of bytes that nobody sees.
    let claimed = manifest.subject().public_key.is_some() && matches!(manifest.scheme(), Scheme::Shamir { .. });
    if claimed { refused("bytes are deposited without a public key".to_owned()) } else { Ok(()) }
}
