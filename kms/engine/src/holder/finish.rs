//! The end of a key generation: all holders have signed the same outcome, and the share is kept.

use hufu_core::changeset::{Collection, FeedItem, Guard, Subject, Write};
use hufu_core::policy::Action;
use hufu_core::record::{HolderShare, Record as _};
use hufu_core::{Error, Reason};
use hufu_frost::dkg::{Agreement, Round};
use hufu_frost::{HOLDERS_MAX, KeyShare, SetId};
use hufu_journal::JournalError;

use super::generations::Open;
use super::kept::Kept;
use super::refusal::{DISAGREEMENT, MISBEHAVIOUR, failed, refused};
use super::{resource, wrapping};
use crate::api::{Caller, GenerationMessage, HeldShare};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::Staging;

impl Engine {
    /// Keeps the share when all holders have signed the same outcome. Doing so again answers the same.
    ///
    /// # Errors
    /// [`Reason::HolderRefused`] with the rule; those of the database.
    pub async fn finish_generation(
        &self,
        caller: &Caller,
        generation: [u8; 32],
        outcomes: Vec<GenerationMessage>,
    ) -> Result<HeldShare, Error> {
        let result = self.finish_generation_checked(caller, SetId(generation), outcomes).await;
        self.conclude(caller, Action::GenerateShare, || format!("generations/{}", SetId(generation)), result).await
    }

    async fn finish_generation_checked(
        &self,
        caller: &Caller,
        set: SetId,
        outcomes: Vec<GenerationMessage>,
    ) -> Result<HeldShare, Error> {
        let permit = self.authorize_holding(caller, Action::GenerateShare)?;
        if outcomes.len() > usize::from(HOLDERS_MAX) {
            return Err(Error::new(Reason::InvalidArgument, "a holder has one outcome").field("outcomes"));
        }
        if let Some(kept) = self.kept_of(set)? {
            return Ok(kept);
        }
        let open = self.find_generation(set)?;
        let (this, setup) = (open.clone(), self.hold()?.setup.clone());
        let share = self.elsewhere(move || agreed(&this, &setup, &outcomes)).await?.inspect_err(|error| {
            if matches!(error.by_rule(), Some(MISBEHAVIOUR | DISAGREEMENT))
                && let Ok(holding) = self.hold()
            {
                holding.generations.lock().close(set);
            }
        })?;
        let _alone = self.hold()?.keeping.lock().await;
        match self.keep(caller, &permit, &open, &share).await {
            Ok(kept) => self.install(kept, share),
            Err(error) => {
                open.work.lock().share = Some(share);
                Err(error)
            }
        }
    }

    /// Commits the share, wrapped.
    async fn keep(&self, caller: &Caller, permit: &Permit, open: &Open, share: &KeyShare) -> Result<Kept, Error> {
        let (holding, mandate) = (self.hold()?, open.mandate());
        let slot = self.reserve()?;
        let wrapping_key = *holding.wrapping_key.lock();
        let key = self.keyring.open(wrapping_key).await.map_err(fault::backend)?;
        let mut record = HolderShare {
            key: mandate.key.name.clone(),
            version: mandate.key.version,
            group: share.group().to_bytes(),
            number: share.me().number(),
            wrapping_key,
            sealed: None,
            made_at: self.clock.now_ms(),
            requester: mandate.requester.clone(),
            destroyed_at: None,
            public_key: Some(share.group().public_key_digest().0),
        };
        let binding = record.binding(&self.deployment.id, &share.group().digest().0);
        record.sealed = Some(wrapping::wrap(share.secret(), &key, &binding, self.rng.as_ref())?);
        let group = share.group();
        let detail = format!(
            "kept; generation {}; public key {}; group {}",
            group.set(),
            group.public_key_digest(),
            group.digest()
        );
        let mut staging = Staging::new(self, self.generation_entry(caller, permit, mandate, detail));
        staging.guard(Guard::Absent(Collection::HolderShare, record.id()));
        staging.write(Write::Put(self.keyring.integrity().row(&record, 1)));
        let mut changeset = staging.finish();
        changeset.feed.push(FeedItem { subject: Subject::new(&resource(&mandate.key)), leaf: None });
        match slot.commit(changeset).await {
            Ok(_) => Ok(Kept::of(&record, group)),
            Err(JournalError::Guarded(_)) => Err(refused("mandate-used", "this holder has, or had, that share")),
            Err(error) => Err(fault::journal(error)),
        }
    }

    /// Has the share sign from now on.
    fn install(&self, kept: Kept, share: KeyShare) -> Result<HeldShare, Error> {
        let (holding, key) = (self.hold()?, kept.share.key.clone());
        let held = held(&key.to_string(), &share);
        let set = share.group().set();
        let state = &mut *holding.state.lock();
        state.kept.insert(set, kept);
        state.holder.install(key, share);
        holding.generations.lock().close(set);
        Ok(held)
    }

    /// The share that a generation gave, if it is kept.
    fn kept_of(&self, set: SetId) -> Result<Option<HeldShare>, Error> {
        let state = self.hold()?.state.lock();
        let id = state.kept.of(set).map(|kept| &kept.share);
        Ok(id.and_then(|id| state.holder.share(id).map(|share| held(&id.key.to_string(), share))))
    }
}

pub(super) fn held(key_version: &str, share: &KeyShare) -> HeldShare {
    HeldShare { key_version: key_version.to_owned(), group: share.group().to_bytes(), number: share.me().number() }
}

/// Takes the share out, when all outcomes are there, signed, and the same as this holder's own.
fn agreed(open: &Open, setup: &super::HolderSetup, outcomes: &[GenerationMessage]) -> Result<KeyShare, Error> {
    let (mandate, carrier) = (open.mandate(), open.carrier(setup));
    let mut agreement = Agreement::new(mandate.suite, mandate.threshold, open.mandate.set_id());
    for outcome in outcomes {
        let statement = carrier.receive(outcome)?;
        if statement.round != Round::Outcome {
            return Err(Error::new(Reason::InvalidArgument, "a message is no outcome").field("outcomes"));
        }
        agreement.receive(statement.from, &statement.bytes).map_err(|error| failed(&error, mandate))?;
    }
    let group = agreement.finish().map_err(|error| failed(&error, mandate))?;
    let work = &mut *open.work.lock();
    match &work.share {
        Some(share) if *share.group() == group => {}
        Some(_) => return Err(failed(&hufu_frost::Error::Disagreement, mandate)),
        None => {
            return Err(refused("incomplete", "this holder has not come to an outcome, or it is just being kept"));
        }
    }
    work.share.take().ok_or_else(super::refusal::gone)
}
