//! Recoveries and drills: a key is put together from what its custodians brought, in the process that opens shares.

use hufu_ceremony::{Recovery, ShareSet};
use hufu_core::ambient::random_array;
use hufu_core::backend::{Arrival, Wrapping};
use hufu_core::changeset::{Collection, Write};
use hufu_core::name::VersionName;
use hufu_core::record::{Locator, Origin, Protection, VersionRecord, VersionUid};
use hufu_core::rules::{Event, transition};
use hufu_core::{Error, Reason};
use hufu_custodian::{Name, SealingKey};
use hufu_journal::JournalError;
use hufu_opener::{Answer, Opening, Recover, Task, Wrong, points};
use hufu_shares::ManifestDigest;
use hufu_verify::Event as LedgerEvent;

use super::acts::version_name;
use super::deposit::deposit_of;
use super::execute::{Done, note_of};
use super::held::Held;
use super::sharing::check_version;
use crate::api::{Caller, Version};
use crate::engine::{Engine, Permit};
use crate::escrow::{Door, out_of_turn};
use crate::fault;
use crate::keys::{Attempt, Making, Staging};
use crate::leaf::EventDetail;

const RECOVERED: &str = "recovered";
const ROTATED: &str = "rotated";
const REHEARSED: &str = "rehearsed";

/// Longest note of a step, in characters.
const NOTE_LEN_MAX: usize = 1_000;
/// The alarm of a key that was put together.
pub(super) const RECOVERY: &str = "recovery";

impl Engine {
    /// Puts the key together, into the backend that it belongs to; rotates it; tells people.
    pub(super) async fn do_recover(&self, held: Held, act: &Recovery) -> Result<Done, Error> {
        if let Some(deposit) = deposit_of(act) {
            return self.do_release(held, act, &deposit).await;
        }
        let name = version_name(&act.key, act.version)?;
        let held = if note_of(&held, RECOVERED).is_some() { held } else { self.recover(held, act, &name).await? };
        // Too few of the shares were right: others are awaited.
        let Some(note) = note_of(&held, RECOVERED) else { return Ok(Done::Later(held)) };
        self.alarms.raise(RECOVERY, &name.to_string(), &note);
        let held = self.rotate_recovered(held, &name).await?;
        self.end_target_with(&act.target.sealing_key.0).await;
        let receipts = vec![self.version_receipt(&self.directory.read_version(&name).await?.record)];
        let successor = note_of(&held, ROTATED).map_or_else(String::new, |newest| format!("; {newest} took over"));
        Ok(Done::All(held, format!("{name} is together again {note}{successor}"), receipts))
    }

    /// Sees that the key can be put together, and leaves nothing of it.
    pub(super) async fn do_drill(&self, held: Held, act: &Recovery) -> Result<Done, Error> {
        let name = version_name(&act.key, act.version)?;
        let held = if note_of(&held, REHEARSED).is_some() { held } else { self.rehearse(held, act, &name).await? };
        let Some(note) = note_of(&held, REHEARSED) else { return Ok(Done::Later(held)) };
        self.end_target_with(&act.target.sealing_key.0).await;
        let receipts = vec![self.ceremony_receipt(&held)];
        Ok(Done::All(held, format!("{name} could be put together {note}; nothing is left of it"), receipts))
    }

    async fn rehearse(&self, held: Held, act: &Recovery, name: &VersionName) -> Result<Held, Error> {
        let (caller, _) = self.acting(&held, &name.key.tenant, REHEARSED)?;
        let version = self.directory.read_version(name).await?;
        let public_key = version.record.public_key.clone();
        let opening = self.opening(&held, &act.shares, &act.target.sealing_key.0, public_key, &caller).await?;
        let answer = match self.open_shares(&Task::Rehearse(Box::new(opening)), caller.deadline).await? {
            Ok(answer) => answer,
            Err(wrong) => return self.strike(&held, &wrong).await,
        };
        let Answer::Rehearsed { by, wrong } = answer else { return Err(out_of_turn()) };
        self.step_done(&held, REHEARSED, &told(&by, &wrong)).await
    }

    async fn recover(&self, held: Held, act: &Recovery, name: &VersionName) -> Result<Held, Error> {
        let (caller, permit) = self.acting(&held, &name.key.tenant, RECOVERED)?;
        let version = self.directory.read_version(name).await?;
        check_version(&version.record, act)?;
        let public_key = version.record.public_key.clone();
        let opening = self.opening(&held, &act.shares, &act.target.sealing_key.0, public_key, &caller).await?;
        let to_be = self.to_be(&version.record, act)?;
        // Nothing has this name yet: what stands in its place until it is there is announced under it.
        let announced = self.unused(name).await?;
        let door = self.open_door(&caller, &permit, announced.clone(), to_be.protection).await?;
        let made = self.take_recovered(&caller, &permit, to_be, announced, &door, opening).await;
        self.close_door(door).await;
        match made? {
            Ok((attempt, note)) => self.settle_recovered(&held, &version, attempt, &note).await,
            Err(wrong) => self.strike(&held, &wrong).await,
        }
    }

    /// What the version will be: new material, of the same key.
    fn to_be(&self, version: &VersionRecord, act: &Recovery) -> Result<VersionRecord, Error> {
        let protection = match version.protection {
            Protection::Threshold if act.target.kind == hufu_ceremony::TargetKind::Hsm => Protection::Hsm,
            Protection::Threshold => Protection::Software,
            protection => protection,
        };
        let uid = VersionUid(random_array(self.rng.as_ref()).map_err(Error::internal)?);
        Ok(VersionRecord { uid, protection, first_uid: Some(version.identity()), ..version.clone() })
    }

    async fn unused(&self, name: &VersionName) -> Result<VersionName, Error> {
        let latest = self.directory.read_key(&name.key).await?.record.latest;
        Ok(name.key.version(latest.next().ok_or_else(|| Error::internal("version numbers have run out"))?))
    }

    /// Has it put together and wrapped for the backend, and takes it in there; what is to be struck out where too few shares are right.
    async fn take_recovered(
        &self,
        caller: &Caller,
        permit: &Permit,
        to_be: VersionRecord,
        announced: VersionName,
        door: &Door,
        opening: Opening,
    ) -> Result<Result<(Attempt, String), Vec<Wrong>>, Error> {
        let (ledger_id, public_key) = (to_be.ledger_id, to_be.public_key.clone());
        let task = Task::Recover(Box::new(Recover { opening, wrap_to: door.wrap_to() }));
        let answer = match self.open_shares(&task, caller.deadline).await? {
            Ok(answer) => answer,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let Answer::Recovered { wrapped, by, wrong } = answer else { return Err(out_of_turn()) };
        let arrival =
            Arrival { by: Wrapping::Key(door.handle()), wrapped: &wrapped, public_key: public_key.as_deref() };
        let making = Making::Unwrap(arrival, Origin::Recovered);
        let mut attempt = self.attempt_version(caller, permit, to_be, announced, making).await?;
        if attempt.version.public_key != public_key {
            let error = Error::internal("the backend took in another public key than it was told");
            return self.give_up(attempt, error).await;
        }
        // It is the same key: its history goes on.
        attempt.version.ledger_id = ledger_id;
        Ok(Ok((attempt, told(&by, &wrong))))
    }

    /// Commits that the key is back, with the step that says so.
    async fn settle_recovered(
        &self,
        held: &Held,
        old: &Version,
        mut attempt: Attempt,
        note: &str,
    ) -> Result<Held, Error> {
        let at = self.clock.now_ms();
        let committed = self.step_with(held, RECOVERED, note, |staging| stage(staging, old, &mut attempt, at));
        match committed.await {
            Ok(Ok(held)) => {
                self.forget_lost(&old.record).await;
                Ok(held)
            }
            // The outcome is open: the reconciler will find out.
            Ok(Err(error @ JournalError::Unknown)) => Err(fault::journal(error)),
            Ok(Err(error)) => self.give_up(attempt, fault::journal(error)).await,
            Err(error) => self.give_up(attempt, error).await,
        }
    }

    /// Deletes a copy that was there before, where it still is: nobody knows it any more. What does not answer is reported by the
    /// inventory when it comes back.
    async fn forget_lost(&self, old: &VersionRecord) {
        if matches!(old.locator, Locator::Shares { .. } | Locator::Gone) {
            return;
        }
        if let Err(error) = self.erase(old.protection, old.uid).await {
            tracing::warn!(?error, uid = %old.uid, "the copy that was lost is not deleted");
        }
    }

    /// Rotates the key, if what was put together is what it protects with.
    async fn rotate_recovered(&self, held: Held, name: &VersionName) -> Result<Held, Error> {
        let primary = self.directory.read_key(&name.key).await?.record.primary;
        if note_of(&held, ROTATED).is_none() && primary != Some(name.number) {
            return Ok(held);
        }
        self.rotate_step(held, &name.key, Some(name.number.value()), ROTATED).await
    }

    /// What the opener needs: the shares as they were brought, and what the target's key says of them.
    pub(super) async fn opening(
        &self,
        held: &Held,
        shares: &ShareSet,
        sealing_key: &[u8; 32],
        public_key: Option<Vec<u8>>,
        caller: &Caller,
    ) -> Result<Opening, Error> {
        let set = self.set_of_act(shares).await?;
        let (target, revision) = self.read_target(sealing_key).await?;
        let mut opening = Opening {
            manifest: set.epochs.current().signed().to_bytes(),
            dealer: self.dealer()?,
            expected: ManifestDigest(shares.manifest.0),
            roster: held.ceremony.grounds().roster().clone(),
            handovers: self.all_brought(held).await?.into_iter().map(Into::into).collect(),
            target: SealingKey::from_spki(&target.public_key).map_err(Error::internal)?,
            request: held.ceremony.digest().0,
            agreed: Vec::new(),
            public_key,
        };
        opening.agreed = match self.agree_all(&target, points(&opening), caller.deadline).await {
            Ok(agreed) => agreed,
            Err(error) => return Err(self.unless_rewrapped(sealing_key, revision, error).await),
        };
        Ok(opening)
    }

    /// What failed with a target's key, unless that was wrapped anew meanwhile: then it is there, under the tenant's newer key.
    async fn unless_rewrapped(&self, sealing_key: &[u8; 32], revision: u64, error: Error) -> Error {
        match self.read_target(sealing_key).await {
            Ok((_, now)) if now != revision => {
                Error::new(Reason::Overloaded, "the target's key was just wrapped anew")
                    .help("try again")
                    .because(error)
            }
            _ => error,
        }
    }

    /// Destroys the target of a ceremony that has done its work. What fails here is left to the reconciler.
    pub(super) async fn end_target_with(&self, sealing_key: &[u8; 32]) {
        let ended = match self.read_target(sealing_key).await {
            Ok((target, revision)) => self.end_target(&target, revision).await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::debug!(?error, "the target of a ceremony is not destroyed yet");
        }
    }
}

/// The version with its new material. It is in use no more: nobody can say who has seen it, and what it protects from now on would
/// be protected by what several people could make.
fn stage(staging: &mut Staging<'_>, old: &Version, attempt: &mut Attempt, at: u64) -> Result<(), Error> {
    let version = &mut attempt.version;
    staging.append(version, LedgerEvent::Recover, at, EventDetail::default())?;
    if let Ok(state) = transition(version.state, Event::Supersede) {
        version.state = state;
        version.deactivated_at = Some(at);
        staging.append(version, LedgerEvent::Rotate, at, EventDetail::default())?;
    }
    staging.update_version(version, old.revision);
    if !matches!(old.record.locator, Locator::Shares { .. }) {
        staging.write(Write::Delete(Collection::Material, old.record.uid.to_string()));
    }
    attempt.stage(staging);
    Ok(())
}

/// By whom, and who brought something wrong.
pub(super) fn told(by: &[Name], wrong: &[Wrong]) -> String {
    let names = by.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let wrong = wrong.iter().map(|one| one.why.as_str()).collect::<Vec<_>>().join("; ");
    let wrong = if wrong.is_empty() { wrong } else { format!("; refused: {wrong}") };
    format!("by the shares of {names}{wrong}").chars().take(NOTE_LEN_MAX).collect()
}
