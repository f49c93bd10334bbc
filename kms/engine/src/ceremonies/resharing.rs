//! Refresh and reshare: the secret of a set is put together once, in the process that opens shares, and dealt out again; the old shares
//! die when the custodians have confirmed the new ones.

use hufu_ceremony::{Refresh, Reshare, ShareSet, Sharing};
use hufu_core::name::{DepositName, VersionName};
use hufu_core::{Error, Reason};
use hufu_custodian::Name;
use hufu_opener::{Answer, NewTerms, Redeal, Task};
use hufu_shares::{Dealt, Epoch, Epochs, Manifest, Resharing, SignedManifest};

use super::execute::{Done, note_of};
use super::held::Held;
use super::recovery::told;
use super::seats::Seated;
use crate::engine::Engine;
use crate::escrow::out_of_turn;
use crate::keys::Staging;
use crate::shares::{self, StoredSet, Terms};

pub(super) const DEALT: &str = "dealt";
pub(super) const IN_FORCE: &str = "in-force";
pub(super) const WITHDRAWN: &str = "withdrawn";

/// What both kinds say.
pub(super) struct Anew<'a> {
    /// What people read that the shares are of.
    subject: &'a str,
    shares: ShareSet,
    sealing_key: [u8; 32],
    confirmations: Option<u32>,
    /// Another threshold and other people; nothing for a refresh.
    to: Option<&'a Sharing>,
}

impl<'a> From<&'a Refresh> for Anew<'a> {
    fn from(act: &'a Refresh) -> Self {
        let (shares, sealing_key) = (act.shares, act.target.sealing_key.0);
        let subject = act.subject.as_str();
        Self { subject, shares, sealing_key, confirmations: act.confirmations, to: None }
    }
}

impl<'a> From<&'a Reshare> for Anew<'a> {
    fn from(act: &'a Reshare) -> Self {
        let (shares, sealing_key) = (act.from, act.target.sealing_key.0);
        let subject = act.subject.as_str();
        Self { subject, shares, sealing_key, confirmations: act.confirmations, to: Some(&act.to) }
    }
}

/// The next epoch, as it is to be.
struct Next {
    threshold: u8,
    custodians: Vec<Name>,
    /// Confirmations before it counts.
    required: u8,
}

/// How many confirmations it takes, as a request says it: at least the threshold, all when it says nothing.
pub(super) fn required(confirmations: Option<u32>, threshold: u8, all: u8) -> Result<u8, Error> {
    let required = confirmations.map_or(Ok(all), u8::try_from).unwrap_or(u8::MAX);
    if (threshold..=all).contains(&required) {
        return Ok(required);
    }
    let why = format!("the new shares are confirmed by {threshold} to {all} custodians, not by {required}");
    Err(Error::new(Reason::InvalidArgument, why).field("proposal"))
}

impl Anew<'_> {
    fn next(&self, now: &Manifest) -> Result<Next, Error> {
        let (threshold, custodians) = match self.to {
            Some(to) => (u8::try_from(to.threshold).map_err(Error::internal)?, to.custodians.clone()),
            None => (now.threshold(), now.seats().iter().map(|seat| seat.custodian.clone()).collect()),
        };
        let all = u8::try_from(custodians.len()).map_err(Error::internal)?;
        let required = required(self.confirmations, threshold, all)?;
        Ok(Next { threshold, custodians, required })
    }

    fn how<'n>(&self, next: &'n Next) -> Resharing<'n> {
        match self.to {
            Some(_) => Resharing::Reshare { threshold: next.threshold, custodians: &next.custodians },
            None => Resharing::Refresh,
        }
    }
}

impl Engine {
    /// Whether a set could be shared anew so. The set.
    pub(super) async fn check_anew(&self, anew: &Anew<'_>) -> Result<StoredSet, Error> {
        let set = self.set_of_act(&anew.shares).await?;
        if set.record.subject != anew.subject {
            let why = format!("the set is of `{}`, not of what the request says", set.record.subject);
            return Err(Error::new(Reason::WrongState, why).field("proposal"));
        }
        let next = anew.next(set.in_force())?;
        self.check_threshold_of(&set, next.threshold)?;
        if set.epochs.next().is_none() { Ok(set) } else { Err(under_way()) }
    }

    /// What no single person may open when it is deposited, none may afterwards.
    fn check_threshold_of(&self, set: &StoredSet, threshold: u8) -> Result<(), Error> {
        let least = self.deposit_threshold_min;
        if threshold >= least || set.record.subject.parse::<DepositName>().is_err() {
            return Ok(());
        }
        let why = format!("the threshold of a deposit is at least {least} here");
        Err(Error::new(Reason::InvalidArgument, why).field("proposal"))
    }

    pub(super) async fn do_share_anew(&self, held: Held, anew: Anew<'_>) -> Result<Done, Error> {
        let held = if note_of(&held, DEALT).is_some() { held } else { self.deal_anew(held, &anew).await? };
        if note_of(&held, DEALT).is_none() {
            // Too few of the shares were right: others are awaited.
            return Ok(Done::Later(held));
        }
        self.end_target_with(&anew.sealing_key).await;
        let held = if note_of(&held, IN_FORCE).is_some() {
            held
        } else {
            match self.advance(held, &anew).await? {
                Ok(held) => held,
                Err(held) => return Ok(Done::Later(held)),
            }
        };
        let receipts = vec![self.ceremony_receipt(&held)];
        Ok(Done::All(held.clone(), note_of(&held, IN_FORCE).unwrap_or_default(), receipts))
    }

    /// Has the secret dealt out again, signs that, and begins the next epoch.
    async fn deal_anew(&self, held: Held, anew: &Anew<'_>) -> Result<Held, Error> {
        let set = self.check_anew(anew).await?;
        let (caller, _) = self.acting(&held, &set.record.tenant, DEALT)?;
        let (now, next) = (set.in_force(), anew.next(set.in_force())?);
        let roster = held.ceremony.grounds().roster();
        let opening = self.opening(&held, &anew.shares, &anew.sealing_key, None, &caller).await?;
        let terms = NewTerms {
            threshold: next.threshold,
            holders: next.custodians.clone(),
            roster: roster.clone(),
            dealer: self.dealer()?,
            now_ms: self.clock.now_ms(),
        };
        let task = Task::Redeal(Box::new(Redeal { opening, terms }));
        let answer = match self.open_shares(&task, caller.deadline).await? {
            Ok(answer) => answer,
            Err(wrong) => return self.strike(&held, &wrong).await,
        };
        let Answer::Redealt { dealt, by, wrong } = answer else { return Err(out_of_turn()) };
        let dealt = Dealt::from_bytes(&dealt).map_err(|_| out_of_turn())?;
        let terms = Terms {
            subject: now.subject(),
            threshold: next.threshold,
            custodians: &next.custodians,
            roster,
            after: Some(now),
        };
        let (signed, new_shares) = self.sign_dealt(dealt, &terms, caller.deadline).await?;
        let mut epochs = set.epochs.clone();
        let note = format!("{}, {}", dealt_note(&signed), told(&by, &wrong));
        epochs.propose(signed, &anew.how(&next), next.required).map_err(|error| shares::refused(&error))?;
        self.step_done_with(&held, DEALT, &note, |staging| self.stage_epochs(staging, &set, &epochs, &new_shares))
            .await
    }

    /// Puts the next epoch in force once enough have confirmed it; the ceremony as it is while some are awaited. When its time is over,
    /// the next epoch is given up, and the old shares go on.
    async fn advance(&self, held: Held, anew: &Anew<'_>) -> Result<Result<Held, Held>, Error> {
        if note_of(&held, WITHDRAWN).is_some() {
            return Err(not_confirmed(&held));
        }
        let set = self.share_set(hufu_core::name::SetId(anew.shares.set.0)).await?;
        let next = own_next(&held, &set.epochs)?;
        let mut epochs = set.epochs.clone();
        let is_over = self.clock.now_ms() >= held.ceremony.request().expires_at_ms;
        match epochs.advance() {
            Ok(_) => {
                let rules = match self.seated(next.manifest()).await? {
                    Seated::All(rules) => rules,
                    Seated::Without(note) => return Err(self.withdraw_next(&held, &set, &note).await?),
                };
                let note = in_force(next);
                let key = self.key_to_follow(&set, anew).await?;
                let stage = |staging: &mut Staging<'_>| {
                    staging.guard(rules);
                    key.iter().for_each(|(key, revision)| staging.update_key(key, *revision));
                    self.stage_epochs(staging, &set, &epochs, &[])
                };
                Ok(Ok(self.step_done_with(&held, IN_FORCE, &note, stage).await?))
            }
            Err(_) if is_over => Err(self.withdraw_next(&held, &set, &withdrawn(next)).await?),
            Err(_) => Ok(Err(held)),
        }
    }

    /// Gives the next epoch up. Why the ceremony fails.
    async fn withdraw_next(&self, held: &Held, set: &StoredSet, note: &str) -> Result<Error, Error> {
        let mut epochs = set.epochs.clone();
        epochs.withdraw();
        let stage = |staging: &mut Staging<'_>| self.stage_epochs(staging, set, &epochs, &[]);
        Ok(not_confirmed(&self.step_done_with(held, WITHDRAWN, note, stage).await?))
    }

    /// The key whose next versions are to be shared among the new people, where the set is of its newest version.
    async fn key_to_follow(
        &self,
        set: &StoredSet,
        anew: &Anew<'_>,
    ) -> Result<Option<(hufu_core::record::KeyRecord, u64)>, Error> {
        let (Some(to), Ok(version)) = (anew.to, set.record.subject.parse::<VersionName>()) else { return Ok(None) };
        let key = self.directory.read_key(&version.key).await?;
        let mut record = (*key.record).clone();
        if record.latest != version.number || record.sharing.is_none() {
            return Ok(None);
        }
        record.sharing = Some(hufu_core::record::Sharing {
            threshold: u8::try_from(to.threshold).map_err(Error::internal)?,
            members: to.custodians.iter().map(ToString::to_string).collect(),
        });
        record.updated_at = self.clock.now_ms();
        Ok(Some((record, key.revision)))
    }
}

/// How the note of a dealing begins: by it a ceremony knows the epoch that it has dealt from one that another has.
pub(super) fn dealt_note(signed: &SignedManifest) -> String {
    format!("epoch {}, manifest {}", signed.unverified().epoch(), signed.digest())
}

/// The next epoch of a set, if it is the one that this ceremony has dealt.
pub(super) fn own_next<'e>(held: &Held, epochs: &'e Epochs) -> Result<&'e Epoch, Error> {
    let dealt = note_of(held, DEALT).unwrap_or_default();
    let own = epochs.next().filter(|next| dealt.starts_with(&dealt_note(next.signed())));
    own.ok_or_else(|| not_confirmed(held))
}

/// Given up: by whom the shares were not confirmed is in the step that says so.
pub(super) fn not_confirmed(held: &Held) -> Error {
    let note = note_of(held, WITHDRAWN).unwrap_or_else(|| "not enough custodians confirmed in time".to_owned());
    Error::new(Reason::WrongState, format!("{note}: the old shares go on"))
}

/// Who has not confirmed an epoch that is given up.
pub(super) fn withdrawn(next: &Epoch) -> String {
    let awaited: Vec<_> = next.awaited().iter().map(ToString::to_string).collect();
    format!("not confirmed by {}", awaited.join(", "))
}

pub(super) fn in_force(next: &Epoch) -> String {
    let manifest = next.manifest();
    let confirmed: Vec<_> = next.confirmed().iter().map(ToString::to_string).collect();
    let (number, threshold, count) = (manifest.epoch(), manifest.threshold(), manifest.seats().len());
    let digest = manifest.digest();
    format!("epoch {number} counts, {threshold} of {count}, manifest {digest}, confirmed by {}", confirmed.join(", "))
}

pub(super) fn under_way() -> Error {
    Error::new(Reason::WrongState, "the set has a next epoch already, which waits for its confirmations")
}
