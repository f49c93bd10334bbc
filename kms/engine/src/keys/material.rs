//! New key material, bracketed: announced before the token is touched, settled after.

use std::sync::Arc;

use hufu_core::Error;
use hufu_core::algorithm::Algorithm;
use hufu_core::ambient::random_array;
use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Arrival, Generated, Operation, Outcome, Template};
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::name::{KeyName, TenantId, VersionName, VersionNumber};
use hufu_core::policy::Action;
use hufu_core::record::{
    Attestation, Intent, IntentKind, KeyRecord, KeyState, Locator, Material, Origin, Protection, Record,
    VersionRecord, VersionUid,
};
use hufu_journal::{JournalError, Slot};
use hufu_verify::key_id_for_public_key;

use super::Staging;
use super::among::Leave;
use crate::api::Caller;
use crate::engine::{Engine, Permit};
use crate::fault;

/// When the reconciler may take an intent for abandoned: long after every deadline.
const INTENT_LIFETIME_MS: u64 = 120_000;

/// A version whose material was just made and is not committed.
pub(crate) struct Attempt {
    pub(crate) version: VersionRecord,
    /// The announced intent, where the backend cannot join a transaction.
    intent: Option<VersionUid>,
    slot: Slot,
    /// Revision of the tenant's row that named the wrapping key.
    tenant_revision: u64,
    /// The holders who have made it among themselves, where they have.
    holders: Vec<String>,
}

impl Attempt {
    /// Puts into a commit that the announced material is there now, and whose it is.
    pub(crate) fn stage(&self, staging: &mut Staging<'_>) {
        let version = &self.version;
        if let Some(guard) = still_wraps(&version.tenant, &version.locator, self.tenant_revision) {
            staging.guard(guard);
        }
        if let Some(uid) = self.intent {
            // A reconciler that has claimed the intent has changed its revision.
            staging.guard(Guard::Revision(Collection::Intent, Intent::row_id(uid), 1));
            staging.write(Write::Delete(Collection::Intent, Intent::row_id(uid)));
            let owner = Material { uid, owner: version.name().to_string() };
            staging.write(Write::Put(owner.to_row(1)));
        }
    }
}

/// How the material of a version comes to be.
#[derive(Clone, Copy)]
pub(crate) enum Making<'a> {
    /// The backend makes it.
    Generate,
    /// Holders make it among themselves.
    Among(&'a Leave),
    /// It arrives wrapped, and that is where it comes from.
    Unwrap(Arrival<'a>, Origin),
}

impl Engine {
    /// Makes material for a version. Takes the slot for the outcome before the backend is touched.
    pub(crate) async fn attempt(
        &self,
        caller: &Caller,
        permit: &Permit,
        key: &KeyRecord,
        number: VersionNumber,
        making: Making<'_>,
    ) -> Result<Attempt, Error> {
        let uid = VersionUid(random_array(self.rng.as_ref()).map_err(Error::internal)?);
        let version = self.blank(key, number, uid);
        let name = version.name();
        self.attempt_version(caller, permit, version, name, making).await
    }

    /// As [`Self::attempt`], for a version that says what it is, and material that is announced under a name without a row.
    pub(crate) async fn attempt_version(
        &self,
        caller: &Caller,
        permit: &Permit,
        mut version: VersionRecord,
        announced: VersionName,
        making: Making<'_>,
    ) -> Result<Attempt, Error> {
        let tenant = self.directory.tenant(&version.tenant).await?;
        let slot = self.reserve()?;
        let (uid, protection) = (version.uid, version.protection);
        let intent = self.announce(caller, permit, announced, uid, version.algorithm, protection).await?;
        let template = Template {
            uid,
            algorithm: version.algorithm,
            purpose: version.purpose,
            scheme: version.scheme,
            binding: self.directory.binding(&version, tenant.material_key),
            wrapping_key: Some(tenant.material_key),
            exit: version.exit,
        };
        match self.make(caller, protection, &version.name(), &template, making).await {
            Ok(generated) => {
                if let Making::Unwrap(_, origin) = making {
                    version.origin = origin;
                }
                self.fill(&mut version, generated)?;
                let holders = match making {
                    Making::Among(leave) => leave.holders().to_vec(),
                    Making::Generate | Making::Unwrap(..) => Vec::new(),
                };
                Ok(Attempt { version, intent, slot, tenant_revision: tenant.revision, holders })
            }
            Err(error) => {
                // A token that did not answer may still be at work: what it makes then is found by the reconciler.
                if fault::had_no_effect(error.reason()) {
                    self.undo(protection, intent).await;
                }
                Err(error)
            }
        }
    }

    /// A version whose material is nowhere whole: there is nothing to announce, and nothing to undo.
    pub(crate) async fn attempt_in_shares(
        &self,
        key: &KeyRecord,
        number: VersionNumber,
        made: Generated,
    ) -> Result<Attempt, Error> {
        let tenant = self.directory.tenant(&key.tenant).await?;
        let slot = self.reserve()?;
        let uid = VersionUid(random_array(self.rng.as_ref()).map_err(Error::internal)?);
        let mut version = self.blank(key, number, uid);
        version.origin = Origin::Split;
        self.fill(&mut version, made)?;
        Ok(Attempt { version, intent: None, slot, tenant_revision: tenant.revision, holders: Vec::new() })
    }

    /// Commits the outcome of an attempt, or undoes it.
    pub(crate) async fn settle(&self, attempt: Attempt, staging: Staging<'_>) -> Result<(), Error> {
        self.settle_guarded(attempt, staging).await.map_err(fault::journal)
    }

    /// As [`Self::settle`], for who has guards of his own to tell apart.
    pub(crate) async fn settle_guarded(
        &self,
        attempt: Attempt,
        mut staging: Staging<'_>,
    ) -> Result<(), JournalError> {
        attempt.stage(&mut staging);
        let Attempt { version, intent, slot, holders, .. } = attempt;
        let committed = slot.commit(staging.finish()).await;
        match committed {
            Ok(_) => Ok(()),
            // The outcome is open: the reconciler will find out.
            Err(error @ JournalError::Unknown) => Err(error),
            Err(error) => {
                self.undo(version.protection, intent).await;
                self.undo_among(&version, &holders).await;
                Err(error)
            }
        }
    }

    /// Undoes an attempt that is not to be committed, for that reason.
    pub(crate) async fn give_up<T>(&self, attempt: Attempt, why: Error) -> Result<T, Error> {
        let Attempt { version, intent, slot, holders, .. } = attempt;
        drop(slot);
        self.undo(version.protection, intent).await;
        self.undo_among(&version, &holders).await;
        Err(why)
    }

    async fn make(
        &self,
        caller: &Caller,
        protection: Protection,
        version: &VersionName,
        template: &Template,
        making: Making<'_>,
    ) -> Result<Generated, Error> {
        let operation = match making {
            Making::Generate => Operation::Generate(template),
            Making::Among(leave) => Operation::GenerateAmong(template, leave.among(version)),
            Making::Unwrap(arrival, _) => Operation::Unwrap(template, arrival),
        };
        match self.perform(protection, operation, caller.deadline).await? {
            Outcome::Generated(generated) => Ok(*generated),
            _ => Err(Error::internal("the backend answered out of turn")),
        }
    }

    /// Announces material for a version, or for what stands in its place until it is there.
    pub(crate) async fn announce(
        &self,
        caller: &Caller,
        permit: &Permit,
        version: VersionName,
        uid: VersionUid,
        algorithm: Algorithm,
        protection: Protection,
    ) -> Result<Option<VersionUid>, Error> {
        // Software material lives in the row alone. What holders keep of a key that was never registered signs nothing.
        if matches!(protection, Protection::Software | Protection::Threshold) {
            return Ok(None);
        }
        let KeyName { tenant, key } = version.key.clone();
        let intent = Intent {
            kind: IntentKind::Generate,
            uid,
            tenant,
            key,
            number: version.number,
            algorithm,
            protection,
            expires_at: self.clock.now_ms().saturating_add(INTENT_LIFETIME_MS),
            writer: self.writer.clone(),
        };
        let entry = self.entry(caller, Action::Announce, version.to_string(), permit);
        let changeset = Changeset {
            guards: vec![
                Guard::Absent(Collection::Version, version.row_id()),
                Guard::Absent(Collection::Intent, intent.id()),
            ],
            writes: vec![Write::Put(self.keyring.integrity().row(&intent, 1))],
            ..Changeset::audit_only(AuditEntry { detail: Some(format!("uid {uid}")), ..entry })
        };
        self.reserve()?.commit(changeset).await.map_err(fault::journal)?;
        Ok(Some(uid))
    }

    /// Removes what an attempt may have left on the token, and its intent. What fails here is left to the reconciler.
    pub(crate) async fn undo(&self, protection: Protection, intent: Option<VersionUid>) {
        let Some(uid) = intent else { return };
        if let Err(error) = self.withdraw(protection, uid, 1).await {
            tracing::warn!(?error, %uid, "an attempt was not undone: the reconciler will");
        }
    }

    /// Has holders delete what they made. What fails here is told in the log: it is worth nothing, and in nobody's way.
    async fn undo_among(&self, version: &VersionRecord, holders: &[String]) {
        if let Err(error) = self.erase_among(version, holders).await {
            tracing::warn!(?error, version = %version.name(), "shares of a key that was not registered are left");
        }
    }

    fn blank(&self, key: &KeyRecord, number: VersionNumber, uid: VersionUid) -> VersionRecord {
        VersionRecord {
            tenant: key.tenant.clone(),
            key: key.key.clone(),
            number,
            uid,
            algorithm: key.algorithm,
            scheme: key.scheme,
            purpose: key.purpose,
            protection: key.protection,
            digest_allowed: key.digest_allowed,
            distinguishing_id: key.distinguishing_id.clone(),
            state: KeyState::PreActive,
            locator: Locator::Gone,
            public_key: None,
            attestation: Attestation::Software,
            ledger_id: [0; 32],
            last_sequence: 0,
            last_event: [0; 32],
            created_at: self.clock.now_ms(),
            activated_at: None,
            deactivated_at: None,
            revocation: None,
            destroy_at: None,
            destroyed_at: None,
            destroy_scheduled_at: None,
            exit: key.exit,
            origin: Origin::Generated,
            share_set: None,
            first_uid: None,
            unconfirmed: None,
        }
    }

    fn fill(&self, version: &mut VersionRecord, generated: Generated) -> Result<(), Error> {
        version.ledger_id = match &generated.public_key {
            Some(spki) => key_id_for_public_key(&self.deployment.log_origin, spki),
            // Symmetric keys have no public status: their id tells nothing to anyone.
            None => random_array(self.rng.as_ref()).map_err(Error::internal)?,
        };
        if version.algorithm.is_asymmetric() != generated.public_key.is_some() {
            return Err(Error::internal("the backend answered with the wrong kind of key"));
        }
        version.locator = generated.locator;
        version.public_key = generated.public_key;
        version.attestation = generated.attestation;
        Ok(())
    }
}

/// That the tenant's wrapping key is still the one that wraps new material: what was wrapped under an older one while that was
/// rotated would be lost with it.
pub(crate) fn still_wraps(tenant: &TenantId, locator: &Locator, revision: u64) -> Option<Guard> {
    let wrapped = matches!(locator, Locator::Wrapped { .. });
    wrapped.then(|| Guard::Revision(Collection::Tenant, tenant.to_string(), revision))
}

/// The audit record of a change, with what else must be known of it.
pub(super) fn with_detail(entry: AuditEntry, version: &VersionRecord, detail: Option<String>) -> AuditEntry {
    let (scheme, protection) = (Some(version.scheme), Some(version.protection));
    AuditEntry { scheme, protection, simulated: version.attestation.is_simulated(), detail, ..entry }
}

/// A resource name that is shared by records.
pub(crate) fn shared(name: impl ToString) -> Arc<str> {
    name.to_string().into()
}
