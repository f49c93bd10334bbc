//! Rotate: a new active version takes over, the old one keeps verifying and decrypting.

use hufu_ceremony::Kind;
use hufu_core::changeset::Guard;
use hufu_core::name::KeyName;
use hufu_core::policy::Action;
use hufu_core::record::{KeyState, VersionRecord};
use hufu_core::rules::{Event, transition};
use hufu_core::{Error, Reason};
use hufu_verify::Event as LedgerEvent;

use super::Staging;
use super::among::{self, suite};
use super::material::{shared, with_detail};
use super::read::check_etag;
use crate::api::{Caller, Key, KeyDetail, Version};
use crate::engine::{Engine, Permit};
use crate::escrow::NewSet;
use crate::leaf::EventDetail;

impl Engine {
    /// Rotates a key.
    ///
    /// # Errors
    /// [`Reason::EtagMismatch`], [`Reason::UnsupportedByBackend`], [`Reason::WrongState`] when version numbers have run out.
    pub async fn rotate_key(&self, caller: &Caller, name: &KeyName, etag: Option<u64>) -> Result<KeyDetail, Error> {
        self.rotate_key_under(caller, name, etag, None).await
    }

    /// Rotates a key; one of holders under a requester's mandate to make its next version.
    ///
    /// # Errors
    /// As [`Self::rotate_key`]; [`Reason::MandateMissing`], [`Reason::MandateRefused`], [`Reason::TooFewHolders`].
    pub async fn rotate_key_under(
        &self,
        caller: &Caller,
        name: &KeyName,
        etag: Option<u64>,
        mandate: Option<Vec<u8>>,
    ) -> Result<KeyDetail, Error> {
        let result = self.rotate_checked(caller, name, etag, mandate).await;
        self.conclude(caller, Action::RotateKey, || name.to_string(), result).await
    }

    async fn rotate_checked(
        &self,
        caller: &Caller,
        name: &KeyName,
        etag: Option<u64>,
        mandate: Option<Vec<u8>>,
    ) -> Result<KeyDetail, Error> {
        let permit = self.authorize(caller, Action::RotateKey, &name.tenant, Some(name))?;
        if self.replayed(caller).await?.is_some() {
            return self.detail(name).await;
        }
        // Keys of holders take a mandate, which several machines judge: that is their ceremony.
        let permit = match suite(&self.directory.read_key(name).await?.record) {
            None => self.may_do_alone(permit, Kind::RotateKey).await?,
            Some(_) => permit,
        };
        let rotated = self.rotate_read(caller, &permit, name, etag, mandate).await;
        self.unless_repeated(caller, rotated).await?;
        self.detail(name).await
    }

    pub(crate) async fn rotate_read(
        &self,
        caller: &Caller,
        permit: &Permit,
        name: &KeyName,
        etag: Option<u64>,
        mandate: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let key = self.directory.read_key(name).await?;
        check_etag(etag, key.revision)?;
        self.check_capability(&key.record)?;
        let old = match key.record.primary {
            Some(number) => Some(self.directory.read_version(&name.version(number)).await?),
            None => None,
        };
        self.rotate_committed(caller, permit, &key, old, mandate).await
    }

    async fn rotate_committed(
        &self,
        caller: &Caller,
        permit: &Permit,
        key: &Key,
        old: Option<Version>,
        mandate: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let number =
            key.record.latest.next().ok_or_else(|| {
                Error::new(Reason::WrongState, "version numbers have run out").help("create a new key")
            })?;
        let leave = self.leave(&key.record, number, mandate)?;
        let (mut attempt, set) = self.make_shared(caller, permit, &key.record, number, leave.as_ref()).await?;
        let new = &mut attempt.version;
        let (at, detail) = (new.created_at, among::detail(new, leave.as_ref()));
        let entry = self.entry(caller, Action::RotateKey, shared(new.name()), permit);
        let mut staging = Staging::new(self, with_detail(entry, new, Some(detail)));
        staging.rest_on_rules(permit);
        if let Some(old) = old {
            supersede(&mut staging, &old, at)?;
        }
        staging.register(new, at)?;
        new.state = transition(KeyState::PreActive, Event::Activate)?;
        new.activated_at = Some(at);
        staging.append(new, LedgerEvent::Activate, at, EventDetail::default())?;
        staging.insert_version(new);
        let mut record = (*key.record).clone();
        record.primary = Some(number);
        record.latest = number;
        record.updated_at = at;
        record.sharing = set.as_ref().map(NewSet::sharing).or(record.sharing);
        staging.update_key(&record, key.revision);
        staging.remember(self.to_remember(caller, &record.name().to_string()));
        self.stage_made_set(&mut staging, &record.tenant, set)?;
        self.settle(attempt, staging).await
    }
}

/// The version that was primary stops protecting, if it still did. One that is revoked or worse stays what it is.
pub(super) fn supersede(staging: &mut Staging<'_>, old: &Version, at: u64) -> Result<(), Error> {
    let mut record: VersionRecord = (*old.record).clone();
    let Ok(state) = transition(record.state, Event::Supersede) else {
        staging.guard(Guard::Revision(
            hufu_core::changeset::Collection::Version,
            old.record.name().row_id(),
            old.revision,
        ));
        return Ok(());
    };
    record.state = state;
    record.deactivated_at = Some(at);
    staging.append(&mut record, LedgerEvent::Rotate, at, EventDetail::default())?;
    staging.update_version(&record, old.revision);
    Ok(())
}
