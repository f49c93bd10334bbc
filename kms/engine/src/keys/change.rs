//! Activate, suspend, resume, revoke, schedule and cancel destruction of one version.

use hufu_ceremony::Kind;
use hufu_core::changeset::{Collection, Guard};
use hufu_core::name::VersionName;
use hufu_core::policy::Action;
use hufu_core::record::{KeyState, VersionRecord};
use hufu_core::revocation::Revocation;
use hufu_core::rules::{Event, transition};
use hufu_core::{Error, Reason};
use hufu_journal::JournalError;
use hufu_verify::Event as LedgerEvent;

use super::Staging;
use super::material::{shared, with_detail};
use super::read::check_etag;
use super::rotate::supersede;
use crate::api::{Caller, Change, DESTROY_DELAY_MS_MAX, Version, VersionChange, VersionDetail};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::leaf::{EventDetail, PolicyDetail};

/// Attempts of a change whose caller named no etag, while others write.
const ATTEMPTS_MAX: usize = 4;
/// How far in the future a claimed time of compromise may lie: clocks differ.
const CLOCK_TOLERANCE_MS: u64 = 300_000;

impl Engine {
    /// Changes the state of a version.
    ///
    /// # Errors
    /// [`Reason::WrongState`], [`Reason::EtagMismatch`], [`Reason::VersionNotFound`], [`Reason::InvalidArgument`].
    pub async fn change_version(&self, caller: &Caller, request: VersionChange) -> Result<VersionDetail, Error> {
        let action = action_of(request.change);
        let result = self.change_checked(caller, action, &request).await;
        self.conclude(caller, action, || request.name.to_string(), result).await
    }

    async fn change_checked(
        &self,
        caller: &Caller,
        action: Action,
        request: &VersionChange,
    ) -> Result<VersionDetail, Error> {
        let name = &request.name;
        let permit = self.authorize(caller, action, &name.key.tenant, Some(&name.key))?;
        if self.replayed(caller).await?.is_some() {
            return self.version_detail(name).await;
        }
        let permit = match request.change {
            Change::ScheduleDestroy { .. } => self.may_do_alone(permit, Kind::Destruction).await?,
            _ => permit,
        };
        let changed = self.change_read(caller, &permit, request).await;
        self.unless_repeated(caller, changed).await?;
        self.version_detail(name).await
    }

    /// Changes the version as it is now; again when another request has changed it meanwhile, unless that is what the
    /// caller wants to be told.
    pub(crate) async fn change_read(
        &self,
        caller: &Caller,
        permit: &Permit,
        request: &VersionChange,
    ) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            let version = self.directory.read_version(&request.name).await?;
            check_etag(request.etag, version.revision)?;
            match self.change_once(caller, permit, request.change, &version).await? {
                Ok(()) => return Ok(()),
                Err(JournalError::Guarded(_)) if request.etag.is_none() && attempt < ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(fault::journal(error)),
            }
        }
    }

    async fn change_once(
        &self,
        caller: &Caller,
        permit: &Permit,
        change: Change,
        version: &Version,
    ) -> Result<Result<(), JournalError>, Error> {
        let now = self.clock.now_ms();
        let mut record = (*version.record).clone();
        let (event, detail) = self.apply(&mut record, change, now)?;
        let slot = self.reserve()?;
        let entry = self.entry(caller, action_of(change), shared(record.name()), permit);
        let mut staging = Staging::new(self, with_detail(entry, &record, detail_of(change, &record)));
        staging.rest_on_rules(permit);
        staging.append(&mut record, event, now, detail)?;
        if change == Change::Activate {
            self.make_primary(&mut staging, &record.name(), now).await?;
        }
        if change == Change::Resume {
            self.stand_down(&mut staging, &mut record, now).await?;
        }
        staging.update_version(&record, version.revision);
        staging.remember(self.to_remember(caller, &record.name().to_string()));
        let changeset = if takes_away(change) { staging.finish_urgent() } else { staging.finish() };
        Ok(slot.commit(changeset).await.map(drop))
    }

    /// Applies a change to the record, and says which ledger event tells of it.
    fn apply(
        &self,
        record: &mut VersionRecord,
        change: Change,
        now: u64,
    ) -> Result<(LedgerEvent, EventDetail), Error> {
        let event = match change {
            Change::Activate => {
                refuse_scheduled(record)?;
                record.state = transition(record.state, Event::Activate)?;
                record.activated_at = Some(now);
                LedgerEvent::Activate
            }
            Change::Suspend => {
                record.state = transition(record.state, Event::Suspend)?;
                LedgerEvent::Suspend
            }
            Change::Resume => {
                record.state = transition(record.state, Event::Resume)?;
                LedgerEvent::Resume
            }
            Change::Revoke { reason, compromised_at } => {
                let detail = revoke(record, Revocation { reason, revoked_at: now, compromised_at }, now)?;
                return Ok((LedgerEvent::Revoke, detail));
            }
            Change::ScheduleDestroy { after_ms } => {
                let at = self.schedule(record, after_ms, now)?;
                return Ok((LedgerEvent::Policy, EventDetail::policy(PolicyDetail::DestroyAt(at))));
            }
            Change::CancelDestroy => {
                if record.destroy_at.is_none() || record.state == KeyState::Destroying {
                    return Err(Error::new(Reason::WrongState, "no destruction is scheduled, or it has begun"));
                }
                record.destroy_at = None;
                record.destroy_scheduled_at = None;
                return Ok((LedgerEvent::Policy, EventDetail::policy(PolicyDetail::DestroyCancelled)));
            }
        };
        Ok((event, EventDetail::default()))
    }

    fn schedule(&self, record: &mut VersionRecord, after_ms: u64, now: u64) -> Result<u64, Error> {
        transition(record.state, Event::BeginDestroy)?;
        refuse_scheduled(record)?;
        if after_ms < self.destroy_delay_ms_min || after_ms > DESTROY_DELAY_MS_MAX {
            let (least, most) = (self.destroy_delay_ms_min / 1_000, DESTROY_DELAY_MS_MAX / 86_400_000);
            return Err(Error::new(
                Reason::InvalidArgument,
                format!("the delay must be between {least} seconds and {most} days"),
            )
            .field("delay"));
        }
        let at = now.saturating_add(after_ms);
        record.destroy_at = Some(at);
        record.destroy_scheduled_at = Some(now);
        Ok(at)
    }

    /// A version that comes back after another one took over does not protect again: it is deactivated, as rotation
    /// would have done had it not been suspended.
    async fn stand_down(&self, staging: &mut Staging<'_>, record: &mut VersionRecord, now: u64) -> Result<(), Error> {
        let key = self.directory.read_key(&record.key_name()).await?;
        staging.guard(Guard::Revision(Collection::Key, record.key_name().to_string(), key.revision));
        if key.record.primary == Some(record.number) {
            return Ok(());
        }
        record.state = transition(record.state, Event::Supersede)?;
        record.deactivated_at = Some(now);
        staging.append(record, LedgerEvent::Rotate, now, EventDetail::default())
    }

    /// The activated version takes over from the primary one, if it is newer.
    async fn make_primary(&self, staging: &mut Staging<'_>, name: &VersionName, now: u64) -> Result<(), Error> {
        let key = self.directory.read_key(&name.key).await?;
        if key.record.primary.is_some_and(|primary| primary >= name.number) {
            return Ok(());
        }
        if let Some(primary) = key.record.primary {
            let old = self.directory.read_version(&name.key.version(primary)).await?;
            supersede(staging, &old, now)?;
        }
        let mut record = (*key.record).clone();
        record.primary = Some(name.number);
        record.updated_at = now;
        staging.update_key(&record, key.revision);
        Ok(())
    }
}

fn revoke(record: &mut VersionRecord, revocation: Revocation, now: u64) -> Result<EventDetail, Error> {
    if revocation.compromised_at.is_some_and(|at| at > now.saturating_add(CLOCK_TOLERANCE_MS)) {
        return Err(Error::new(Reason::InvalidArgument, "the claimed time of compromise lies in the future")
            .field("compromise_time"));
    }
    if revocation.compromised_at.is_some() && !revocation.reason.is_compromise() {
        return Err(Error::new(Reason::InvalidArgument, "only a compromise has a time of compromise")
            .field("compromise_time"));
    }
    // A revoked version may only learn worse: that it is compromised.
    if record.revocation.is_some_and(|earlier| earlier.reason.is_compromise() || !revocation.reason.is_compromise()) {
        return Err(Error::new(Reason::WrongState, "the version is revoked already"));
    }
    record.state = transition(record.state, Event::Revoke(revocation.reason))?;
    record.deactivated_at = record.deactivated_at.or(Some(now));
    record.revocation = Some(revocation);
    let (reason, compromised_at) = (Some(revocation.reason), revocation.compromised_at);
    Ok(EventDetail { reason, compromised_at, policy: None })
}

/// Whether a change takes use away from a key: it must be possible on a full disk too.
fn takes_away(change: Change) -> bool {
    matches!(change, Change::Suspend | Change::Revoke { .. })
}

fn refuse_scheduled(record: &VersionRecord) -> Result<(), Error> {
    if record.destroy_at.is_some() {
        return Err(
            Error::new(Reason::WrongState, "the version is scheduled for destruction").help("cancel that first")
        );
    }
    Ok(())
}

fn action_of(change: Change) -> Action {
    match change {
        Change::Activate => Action::ActivateVersion,
        Change::Suspend => Action::SuspendVersion,
        Change::Resume => Action::ResumeVersion,
        Change::Revoke { .. } => Action::RevokeVersion,
        Change::ScheduleDestroy { .. } => Action::ScheduleDestroy,
        Change::CancelDestroy => Action::CancelDestroy,
    }
}

fn detail_of(change: Change, record: &VersionRecord) -> Option<String> {
    match change {
        Change::Revoke { reason, compromised_at: Some(at) } => Some(format!("{reason:?}, compromised at {at} ms")),
        Change::Revoke { reason, compromised_at: None } => Some(format!("{reason:?}")),
        Change::ScheduleDestroy { .. } => record.destroy_at.map(|at| format!("at {at} ms")),
        _ => None,
    }
}
