//! A wrapped key becomes a key again: the same kind, for the same use, under a name of its own.

use std::collections::BTreeMap;

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Arrival, Wrapping};
use hufu_core::name::VersionNumber;
use hufu_core::policy::Action;
use hufu_core::record::{KeyRecord, KeyState, Origin};
use hufu_core::rules::{Usage, may_be_made_to_leave, may_use};
use hufu_core::{Error, Reason};

use super::arrival::{not_committed, rest_on};
use super::envelope::Contents;
use super::import::{check_blob, key_rejected};
use super::wrap::check_same_tenant;
use crate::api::{Caller, KeyDetail, Selector, UnwrapKey, Version};
use crate::engine::{Engine, Permit};
use crate::keys::{Making, shared, validate};

impl Engine {
    /// Makes a key of what [`Self::wrap_key`] answered. All that the key may do is in the envelope.
    ///
    /// # Errors
    /// [`Reason::KeyRejected`] (whatever is wrong with the envelope), [`Reason::WrongState`] when the version that was wrapped
    /// has been revoked since, [`Reason::RevokedMeanwhile`] when it, or what wrapped it, changed while the key was made,
    /// [`Reason::AlreadyExists`].
    pub async fn unwrap_key(&self, caller: &Caller, request: UnwrapKey) -> Result<KeyDetail, Error> {
        let result = self.unwrap_checked(caller, &request).await;
        self.conclude(caller, Action::UnwrapKey, || request.key.to_string(), result).await
    }

    async fn unwrap_checked(&self, caller: &Caller, request: &UnwrapKey) -> Result<KeyDetail, Error> {
        let permit = self.authorize_arrival(caller, Action::UnwrapKey, &request.key, Some(&request.by.key))?;
        check_same_tenant(&Selector { key: request.key.clone(), number: None }, &request.by)?;
        check_blob("blob", &request.blob)?;
        validate::labels(&request.labels)?;
        validate::description(&request.description)?;
        if self.replayed(caller).await?.is_some() {
            return self.detail(&request.key).await;
        }
        let unwrapped = self.unwrap_committed(caller, &permit, request).await;
        self.unless_repeated(caller, unwrapped).await?;
        self.detail(&request.key).await
    }

    async fn unwrap_committed(&self, caller: &Caller, permit: &Permit, request: &UnwrapKey) -> Result<(), Error> {
        let integrity = self.keyring.integrity();
        let contents = Contents::open(integrity, &request.key.tenant, &request.blob);
        let contents = contents.ok_or_else(|| key_rejected("blob"))?;
        let by = self.wrapper_of(&contents, &request.by).await?;
        may_use(&by.record, Usage::Unwrap)?;
        let source = self.source_of(&contents).await?;
        let key = self.key_of(&contents, request)?;
        self.check_capability(&key)?;
        self.check_free(&request.key, None).await?;
        let handle = self.directory.handle(&by.record);
        let arrival = Arrival { by: Wrapping::Key(&handle), wrapped: &contents.wrapped, public_key: None };
        let making = Making::Unwrap(arrival, Origin::Unwrapped);
        let attempt = self.attempt(caller, permit, &key, VersionNumber::FIRST, making).await;
        let attempt = attempt.map_err(|error| match error.reason() {
            Reason::DecryptionFailed => key_rejected("blob"),
            _ => error,
        })?;
        let (attempt, permit) =
            self.confirm_arrival(caller, Action::UnwrapKey, attempt, &request.key, Some(&request.by.key)).await?;
        let entry = self.entry(caller, Action::UnwrapKey, shared(attempt.version.name()), &permit);
        let (by_name, uid) = (by.record.name(), attempt.version.uid);
        let detail = format!("unwrapped by {by_name}, was {}, uid {uid}", contents.version);
        let entry = AuditEntry { detail: Some(detail), ..entry };
        let (attempt, mut staging) = self.stage_first(caller, attempt, key, request.activate, entry)?;
        rest_on(&mut staging, &[&source, &by]);
        self.settle_guarded(attempt, staging).await.map_err(not_committed)
    }

    /// The version that wrapped, as the database has it now, if it is of the key that was named.
    async fn wrapper_of(&self, contents: &Contents, named: &Selector) -> Result<Version, Error> {
        let wrapper = contents.wrapper().filter(|name| {
            contents.deployment == self.deployment.id
                && name.key == named.key
                && named.number.is_none_or(|number| number == name.number)
        });
        let wrapper = wrapper.ok_or_else(|| key_rejected("blob"))?;
        let version = self.directory.read_version(&wrapper).await?;
        if version.record.uid == contents.by_uid { Ok(version) } else { Err(key_rejected("blob")) }
    }

    /// The version that was wrapped. A revocation or suspension holds for what was wrapped before it as well.
    async fn source_of(&self, contents: &Contents) -> Result<Version, Error> {
        let name = contents.source().ok_or_else(|| key_rejected("blob"))?;
        let version = self.directory.read_version(&name).await?;
        let source = &version.record;
        if source.uid != contents.uid {
            return Err(key_rejected("blob"));
        }
        let held = matches!(source.state, KeyState::Compromised | KeyState::Suspended | KeyState::Destroying);
        if held || source.revocation.is_some() {
            let why = "the version that was wrapped has been revoked or suspended";
            return Err(Error::new(Reason::WrongState, why).field("blob"));
        }
        Ok(version)
    }

    fn key_of(&self, contents: &Contents, request: &UnwrapKey) -> Result<KeyRecord, Error> {
        if contents.algorithm.is_asymmetric() {
            return Err(key_rejected("blob"));
        }
        may_be_made_to_leave(contents.purpose, contents.exit)?;
        let (now, labels): (u64, BTreeMap<String, String>) = (self.clock.now_ms(), request.labels.clone());
        Ok(KeyRecord {
            tenant: request.key.tenant.clone(),
            key: request.key.key.clone(),
            algorithm: contents.algorithm,
            scheme: contents.scheme,
            purpose: contents.purpose,
            protection: contents.protection,
            digest_allowed: contents.digest_allowed,
            labels,
            primary: None,
            latest: VersionNumber::FIRST,
            created_at: now,
            updated_at: now,
            distinguishing_id: contents.distinguishing_id.clone(),
            rotation_period_ms: None,
            description: request.description.clone(),
            exit: contents.exit,
            sharing: None,
        })
    }
}
