//! Recoveries of deposits: what custodians brought is released to the applicant, whose key it is sealed to. The service never opens it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hufu_ceremony::{
    Act, Ceremony, Destruction, Fingerprint, Recovery, Refusal, SignedEvidence, State, TargetEvidence, TargetKind,
    Text,
};
use hufu_core::algorithm::Algorithm;
use hufu_core::ambient::random_array;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Guard, Subject, Write};
use hufu_core::name::{DepositName, KeyId};
use hufu_core::policy::Action;
use hufu_core::record::{DepositRelease, Locator, Protection, Record as _, Target, VersionUid};
use hufu_core::{Error, Reason};
use hufu_custodian::SealingKey;
use hufu_shares::Scheme;

use super::execute::{Done, note_of};
use super::held::Held;
use super::recovery::RECOVERY;
use super::refusal::refused;
use super::sharing::{AFTER_MS, Claim};
use crate::api::{Caller, Handovers};
use crate::engine::Engine;
use crate::keys::Staging;
use crate::shares::StoredSet;

const RELEASED: &str = "released";
const SCHEDULED: &str = "scheduled";
/// Longest wait for the log's key.
const SIGN_TIMEOUT: Duration = Duration::from_secs(30);
/// What the evidence of such a target says of its place.
const PLACE: (&str, &str) = ("place", "a key of the applicant, which the service does not have");

/// The deposit that a request is about, if it is about one.
pub(super) fn deposit_of(act: &Recovery) -> Option<DepositName> {
    act.key.as_str().parse().ok()
}

impl Engine {
    /// Whether what a request says of a deposit is so; and the applicant's key as the target of this ceremony alone, with evidence that
    /// says what it is.
    pub(super) async fn claim_for_applicant(
        &self,
        ceremony: &Ceremony,
        act: &Recovery,
        name: &DepositName,
        spki: &[u8],
    ) -> Result<Claim, Error> {
        let set = self.check_deposit(act, name).await?;
        let (asked, needed) = (ceremony.shares_missing(), u32::from(set.in_force().threshold()));
        if asked < needed {
            return Err(refused(Refusal::FewerShares { asked, needed }));
        }
        let no_key =
            |_| Error::new(Reason::InvalidArgument, "this is no key that shares are sealed to").field("next");
        let sealing_key = SealingKey::from_spki(spki).map_err(no_key)?;
        let now = self.clock.now_ms();
        let place = (PLACE.0.parse().map_err(Error::internal)?, Text::try_from(PLACE.1).map_err(Error::internal)?);
        let evidence = TargetEvidence {
            deployment: self.deployment.log_origin.clone(),
            kind: TargetKind::Process,
            sealing_key,
            claims: BTreeMap::from([place]),
            made_at_ms: now,
        };
        evidence.supports(&act.target, &self.deployment.log_origin).map_err(refused)?;
        let evidence = evidence.to_bytes();
        let signature = self.sign_as_service(&evidence, Instant::now() + SIGN_TIMEOUT).await?;
        let target = Target {
            tenant: name.tenant.clone(),
            key: KeyId::parse(name.deposit.as_str())?,
            uid: VersionUid(random_array(self.rng.as_ref()).map_err(Error::internal)?),
            algorithm: Algorithm::P256,
            protection: Protection::Software,
            // The applicant has it.
            locator: Locator::Gone,
            public_key: spki.to_vec(),
            fingerprint: act.target.sealing_key.0,
            evidence: SignedEvidence { evidence, signature }.to_bytes(),
            simulated: false,
            created_at: now,
            expires_at: ceremony.request().expires_at_ms.saturating_add(AFTER_MS),
            ceremony: Some(ceremony.request().number),
        };
        Ok(Claim { target, revision: 0 })
    }

    async fn check_deposit(&self, act: &Recovery, name: &DepositName) -> Result<StoredSet, Error> {
        let wrong = |why: &str| Err(Error::new(Reason::WrongState, why).field("proposal"));
        let set = self.set_of_act(&act.shares).await?;
        let deposited = self.deposited(name).await?.record;
        if deposited.set != set.record.set || set.record.subject != name.to_string() {
            return wrong("the deposit has another share set than the request names");
        }
        check_named(&set, act.version, act.public_key)?;
        if act.target.kind == TargetKind::Process { Ok(set) } else { wrong("the target of a deposit is a process") }
    }

    /// The deposit of a request to destroy it, if what that says is so.
    pub(super) async fn check_given_up(&self, act: &Destruction, name: &DepositName) -> Result<(), Error> {
        let set = self.share_set(self.deposited(name).await?.record.set).await?;
        check_named(&set, act.version, act.public_key)
    }

    /// Has a deposit given up, after the delay of every destruction.
    pub(super) async fn do_give_up(&self, held: Held, act: &Destruction, name: &DepositName) -> Result<Done, Error> {
        let held = if note_of(&held, SCHEDULED).is_some() {
            held
        } else {
            self.check_given_up(act, name).await?;
            let (caller, permit) = self.acting(&held, &name.tenant, SCHEDULED)?;
            if self.replayed(&caller).await?.is_none() {
                let scheduled = self.schedule_deletion(&caller, &permit, name).await;
                self.unless_repeated(&caller, scheduled.map(drop)).await?;
            }
            self.step_done(&held, SCHEDULED, &name.to_string()).await?
        };
        let receipts = vec![self.ceremony_receipt(&held)];
        let delay_s = self.destroy_delay_ms_min / 1_000;
        Ok(Done::All(held, format!("{name} is given up {delay_s} seconds after this was begun"), receipts))
    }

    /// Writes down that what custodians brought is the applicant's from now on.
    pub(super) async fn do_release(&self, held: Held, act: &Recovery, name: &DepositName) -> Result<Done, Error> {
        let held =
            if note_of(&held, RELEASED).is_some() { held } else { self.release_brought(held, act, name).await? };
        let note = note_of(&held, RELEASED).unwrap_or_default();
        self.alarms.raise(RECOVERY, &name.to_string(), &note);
        self.end_target_with(&act.target.sealing_key.0).await;
        let receipts = vec![self.ceremony_receipt(&held)];
        Ok(Done::All(held, format!("{name} is released {note}"), receipts))
    }

    async fn release_brought(&self, held: Held, act: &Recovery, name: &DepositName) -> Result<Held, Error> {
        let set = self.check_deposit(act, name).await?;
        self.all_brought(&held).await?;
        let by: Vec<_> = held.ceremony.shares().iter().map(|share| share.who.to_string()).collect();
        let note = format!("to the key {}, by the shares of {}", act.target.sealing_key, by.join(", "));
        let release = DepositRelease {
            number: held.record.number,
            tenant: name.tenant.clone(),
            deposit: name.deposit.clone(),
            set: set.record.set,
            manifest: set.epochs.current().signed().to_bytes(),
            shares: held.ceremony.shares().iter().map(|share| share.index).collect(),
            expires_at: self.clock.now_ms().saturating_add(DepositRelease::KEPT_MS),
        };
        // What is released stays as it is from now on, whatever becomes of the deposit.
        let keep = |staging: &mut Staging<'_>| {
            staging.guard(Guard::Absent(Collection::CeremonyFile, release.id()));
            staging.write(Write::Put(self.keyring.integrity().row(&release, 1)));
            Ok(())
        };
        self.step_done_with(&held, RELEASED, &note, keep).await
    }

    /// What custodians brought for a deposit, once its ceremony is executed: only the applicant can open it. That it was given out is
    /// recorded first.
    ///
    /// # Errors
    /// [`Reason::CeremonyNotFound`]; [`Reason::WrongState`] when it is not executed, or about no deposit.
    pub async fn deposit_handovers(&self, caller: &Caller, number: u64) -> Result<Handovers, Error> {
        let result = self.handovers_checked(caller, number).await;
        self.conclude(caller, Action::RecoverDeposit, || format!("ceremonies/{number}"), result).await
    }

    async fn handovers_checked(&self, caller: &Caller, number: u64) -> Result<Handovers, Error> {
        let permit = self.authorize(caller, Action::RecoverDeposit, &caller.principal.record.tenant, None)?;
        let held = self.held_for(caller, number).await?;
        let Act::Recovery(act) = &held.ceremony.request().act else { return Err(no_deposit()) };
        let name = deposit_of(act).ok_or_else(no_deposit)?;
        if held.ceremony.state() != State::Executed {
            let why = "the ceremony is not executed: nothing is released yet";
            return Err(Error::new(Reason::WrongState, why).field("ceremony"));
        }
        let release = self.release_of(number).await?.ok_or_else(no_more)?;
        let slot = self.reserve()?;
        let handovers = self.all_brought(&held).await?;
        let transcript = self.close_transcript(&held, caller.deadline).await?;
        let entry = self.entry(caller, Action::RecoverDeposit, name.to_string(), &permit);
        let detail = Some(format!("ceremony {number}, {} handovers", handovers.len()));
        let entry = AuditEntry { detail, ..entry };
        self.release(slot, &permit, caller, &Subject::new(&release.set.to_string()), entry).await?;
        Ok(Handovers { manifest: release.manifest, handovers, transcript })
    }
}

/// Whether version and public key are those of a deposit.
fn check_named(set: &StoredSet, version: u32, public_key: Option<Fingerprint>) -> Result<(), Error> {
    let own = match set.in_force().scheme() {
        Scheme::Feldman { .. } => Some(Fingerprint(set.in_force().fingerprint())),
        Scheme::Shamir { .. } => None,
    };
    if version == 1 && public_key == own {
        return Ok(());
    }
    let why = "a deposit has version 1 alone, and the public key that its manifest commits to";
    Err(Error::new(Reason::WrongState, why).field("proposal"))
}

fn no_more() -> Error {
    let days = DepositRelease::KEPT_MS / 86_400_000;
    let why = format!("what the ceremony released is kept for {days} days, and is deleted since");
    Error::new(Reason::WrongState, why).field("ceremony").help("hold another ceremony")
}

fn no_deposit() -> Error {
    Error::new(Reason::WrongState, "the ceremony is no recovery of a deposit").field("ceremony")
}
