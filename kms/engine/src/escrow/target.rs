//! Targets: the keys that shares are sealed to, one for one ceremony.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use hufu_ceremony::{SignedEvidence, TargetEvidence, TargetKind};
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::random_array;
use hufu_core::audit::AuditEntry;
use hufu_core::backend::{BackendError, Generated, KeyHandle, Operation, Outcome, Template};
use hufu_core::changeset::{Changeset, Collection, Guard, Write};
use hufu_core::name::KeyName;
use hufu_core::policy::Action;
use hufu_core::record::{Attestation, Exit, Intent, Locator, Material, Protection, Record, Target, VersionUid};
use hufu_core::store::Page;
use hufu_core::{Error, Reason};
use hufu_custodian::SealingKey;
use hufu_journal::JournalError;
use hufu_opener::Agreed;

use crate::alarms::QUARANTINE;
use crate::api::{Caller, TargetView};
use crate::engine::{Engine, Permit};
use crate::fault;
use crate::keys::{capabilities_of, still_wraps};

/// Targets of a tenant at once.
pub(crate) const TARGETS_MAX: u32 = 64;

impl Engine {
    /// Makes a key that the shares of another key are to be sealed to, in one ceremony.
    ///
    /// # Errors
    /// [`Reason::KeyNotFound`], [`Reason::UnsupportedByBackend`] when there is no such place, [`Reason::TooMany`].
    pub async fn create_target(&self, caller: &Caller, key: &KeyName, kind: TargetKind) -> Result<TargetView, Error> {
        let result = self.create_target_checked(caller, key, kind).await;
        self.conclude(caller, Action::ProposeCeremony, || format!("{key}/target"), result).await
    }

    /// A target, by the fingerprint of its key.
    ///
    /// # Errors
    /// [`Reason::TargetNotFound`], also for another tenant's.
    pub async fn target(&self, caller: &Caller, fingerprint: [u8; 32]) -> Result<TargetView, Error> {
        let result = match self.authorize(caller, Action::ReadCeremony, &caller.principal.record.tenant, None) {
            Ok(_) => self.target_for(caller, fingerprint).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::ReadCeremony, || "targets".to_owned(), result).await
    }

    async fn target_for(&self, caller: &Caller, fingerprint: [u8; 32]) -> Result<TargetView, Error> {
        let (record, _) = self.read_target(&fingerprint).await?;
        if record.tenant == caller.principal.record.tenant { Ok(TargetView { record }) } else { Err(not_found()) }
    }

    async fn create_target_checked(
        &self,
        caller: &Caller,
        key: &KeyName,
        kind: TargetKind,
    ) -> Result<TargetView, Error> {
        let permit = self.authorize(caller, Action::ProposeCeremony, &key.tenant, Some(key))?;
        let protection = match kind {
            TargetKind::Hsm => Protection::Hsm,
            TargetKind::Process => Protection::Software,
            TargetKind::Tee => {
                let why = "this release has no target in a trusted execution environment";
                return Err(Error::new(Reason::UnsupportedByBackend, why).field("kind"));
            }
        };
        if let Some(fingerprint) = self.replayed(caller).await? {
            return self.target_for(caller, parse(&fingerprint)?).await;
        }
        self.check_target(key, protection).await?;
        let record = self.make_target(caller, &permit, key, kind, protection).await?;
        Ok(TargetView { record })
    }

    async fn check_target(&self, key: &KeyName, protection: Protection) -> Result<(), Error> {
        let backend = self.backend(protection)?;
        let able = capabilities_of(backend.as_ref(), Algorithm::P256, Purpose::Agree, Scheme::Ecdh)?;
        able.check(Algorithm::P256, Purpose::Agree, Scheme::Ecdh).map_err(|why| {
            Error::new(Reason::UnsupportedByBackend, format!("{} holds no target: {why}", backend.name()))
                .field("kind")
                .help("ask for the kind process")
        })?;
        let page = Page { after: None, limit: TARGETS_MAX };
        let open = self.store.list(Collection::Target, key.tenant.as_str(), page).await.map_err(fault::store)?;
        if u32::try_from(open.len()).unwrap_or(u32::MAX) < TARGETS_MAX {
            return Ok(());
        }
        Err(Error::new(Reason::TooMany, format!("the tenant has {TARGETS_MAX} targets"))
            .help("wait until their ceremonies end"))
    }

    /// Makes the pair, bracketed as every key's material is.
    async fn make_target(
        &self,
        caller: &Caller,
        permit: &Permit,
        key: &KeyName,
        kind: TargetKind,
        protection: Protection,
    ) -> Result<Target, Error> {
        let latest = self.directory.read_key(key).await?.record.latest;
        let announced = key.version(latest.next().ok_or_else(|| Error::internal("version numbers have run out"))?);
        let tenant = self.directory.tenant(&key.tenant).await?;
        let slot = self.reserve()?;
        let mut target = self.blank_target(key, protection)?;
        let intent = self.announce(caller, permit, announced, target.uid, target.algorithm, protection).await?;
        let template = Template {
            uid: target.uid,
            algorithm: target.algorithm,
            purpose: Purpose::Agree,
            scheme: Scheme::Ecdh,
            binding: target.binding(&self.deployment.id, tenant.material_key).into(),
            wrapping_key: Some(tenant.material_key),
            exit: Exit::Never,
        };
        let made = match self.perform(protection, Operation::Generate(&template), caller.deadline).await {
            Ok(Outcome::Generated(made)) => *made,
            Ok(_) => return Err(Error::internal("the backend answered out of turn")),
            Err(error) if !fault::had_no_effect(error.reason()) => return Err(error),
            Err(error) => return self.target_undone(protection, intent, error).await,
        };
        if let Err(error) = self.describe(&mut target, made, kind, caller.deadline).await {
            return self.target_undone(protection, intent, error).await;
        }
        match slot.commit(self.target_made(caller, permit, &target, intent, tenant.revision)).await {
            Ok(_) => Ok(target),
            Err(error @ JournalError::Unknown) => Err(fault::journal(error)),
            Err(error) => self.target_undone(protection, intent, fault::journal(error)).await,
        }
    }

    fn blank_target(&self, key: &KeyName, protection: Protection) -> Result<Target, Error> {
        let now = self.clock.now_ms();
        Ok(Target {
            tenant: key.tenant.clone(),
            key: key.key.clone(),
            uid: VersionUid(random_array(self.rng.as_ref()).map_err(Error::internal)?),
            algorithm: Algorithm::P256,
            protection,
            locator: Locator::Gone,
            public_key: Vec::new(),
            fingerprint: [0; 32],
            evidence: Vec::new(),
            simulated: false,
            created_at: now,
            expires_at: now.saturating_add(Target::UNCLAIMED_MS),
            ceremony: None,
        })
    }

    /// Fills in what was made, and signs what is said of it.
    async fn describe(
        &self,
        target: &mut Target,
        made: Generated,
        kind: TargetKind,
        deadline: Instant,
    ) -> Result<(), Error> {
        let Generated { locator, public_key, attestation } = made;
        target.public_key = public_key.ok_or_else(|| Error::internal("a target without a public half"))?;
        let sealing_key = SealingKey::from_spki(&target.public_key).map_err(Error::internal)?;
        target.fingerprint = sealing_key.fingerprint();
        target.locator = locator;
        target.simulated = attestation.is_simulated();
        let mut claims = BTreeMap::new();
        for (claim, value) in claims_of(&attestation) {
            claims.insert(
                claim.parse().map_err(Error::internal)?,
                hufu_ceremony::Text::try_from(value).map_err(Error::internal)?,
            );
        }
        let deployment = self.deployment.log_origin.clone();
        let evidence = TargetEvidence { deployment, kind, sealing_key, claims, made_at_ms: target.created_at };
        let evidence = evidence.to_bytes();
        let signature = self.sign_as_service(&evidence, deadline).await?;
        target.evidence = SignedEvidence { evidence, signature }.to_bytes();
        Ok(())
    }

    fn target_made(
        &self,
        caller: &Caller,
        permit: &Permit,
        target: &Target,
        intent: Option<VersionUid>,
        tenant_revision: u64,
    ) -> Changeset {
        let name = resource(target);
        let mut entry = self.entry(caller, Action::ProposeCeremony, name.as_str(), permit);
        entry.protection = Some(target.protection);
        entry.simulated = target.simulated;
        entry.detail = Some(format!("target for shares of {}, uid {}", target.key_name(), target.uid));
        let mut changeset = Changeset {
            guards: vec![Guard::Absent(Collection::Target, target.id())],
            writes: vec![Write::Put(self.keyring.integrity().row(target, 1))],
            ..Changeset::audit_only(entry)
        };
        changeset.guards.extend(still_wraps(&target.tenant, &target.locator, tenant_revision));
        if let Some(uid) = intent {
            changeset.guards.push(Guard::Revision(Collection::Intent, Intent::row_id(uid), 1));
            changeset.writes.push(Write::Delete(Collection::Intent, Intent::row_id(uid)));
            changeset.writes.push(Write::Put(Material { uid, owner: name }.to_row(1)));
        }
        if let Some(request) = self.to_remember(caller, &target.id()) {
            changeset.guards.push(Guard::Absent(Collection::Request, request.id.clone()));
            changeset.writes.push(Write::Put(self.keyring.integrity().row(&request, 1)));
        }
        changeset
    }

    async fn target_undone<T>(
        &self,
        protection: Protection,
        intent: Option<VersionUid>,
        error: Error,
    ) -> Result<T, Error> {
        self.undo(protection, intent).await;
        Err(error)
    }

    /// A target as the database has it now, and the revision of its row.
    pub(crate) async fn read_target(&self, fingerprint: &[u8; 32]) -> Result<(Target, u64), Error> {
        let row = self.store.get(Collection::Target, &Target::row_id(fingerprint)).await.map_err(fault::store)?;
        let row = row.ok_or_else(not_found)?;
        match self.keyring.integrity().open::<Target>(&row) {
            Ok(target) => Ok((target, row.revision)),
            Err(_) => Err(self.directory.quarantine(&format!("target {}", row.id), "the target row")),
        }
    }

    /// What a target's key agrees on with each of these points.
    pub(crate) async fn agree_all(
        &self,
        target: &Target,
        points: Vec<Vec<u8>>,
        deadline: Instant,
    ) -> Result<Vec<Agreed>, Error> {
        let key = SealingKey::from_spki(&target.public_key).map_err(Error::internal)?;
        let (algorithm, own) = key.spki().split_at(key.spki().len().saturating_sub(key.point().len()));
        if let Some(problem) = self.directory.check_wrapping(&target.tenant, &target.locator).await? {
            return Err(gone(problem));
        }
        let handle = self.target_handle(target);
        let backend = self.backend(target.protection)?;
        let mut agreed = Vec::with_capacity(points.len());
        for point in points {
            if point.len() != own.len() {
                agreed.push(Agreed::new(point, None));
                continue;
            }
            // Keys of one algorithm differ in the point alone: a SubjectPublicKeyInfo has one form here.
            let peer = [algorithm, &point].concat();
            match backend.perform(Operation::Agree(&handle, &peer), deadline).await {
                Ok(Outcome::Plaintext(value)) => agreed.push(Agreed::new(point, Some(value))),
                Err(BackendError::InvalidInput(_) | BackendError::Rejected) => agreed.push(Agreed::new(point, None)),
                Err(BackendError::Missing(why)) => return Err(gone(&why)),
                Ok(_) => return Err(Error::internal("the backend answered out of turn")),
                Err(error) => return Err(fault::backend(error)),
            }
        }
        Ok(agreed)
    }

    pub(crate) fn target_handle(&self, target: &Target) -> KeyHandle {
        KeyHandle {
            uid: target.uid,
            algorithm: target.algorithm,
            scheme: Scheme::Ecdh,
            locator: target.locator.clone(),
            binding: match &target.locator {
                Locator::Wrapped { wrapping_key, .. } => target.binding(&self.deployment.id, *wrapping_key).into(),
                _ => Arc::new([]),
            },
            public_key: Some(target.public_key.as_slice().into()),
            distinguishing_id: None,
        }
    }

    /// Targets whose time is over: destroyed, unless their ceremony is under way.
    pub(crate) async fn settle_targets(&self, limit: u32) -> Result<(), Error> {
        let rows = self.store.due(Collection::Target, self.clock.now_ms(), limit).await.map_err(fault::store)?;
        for row in rows {
            let Ok(target) = self.keyring.integrity().open::<Target>(&row) else {
                self.alarms.raise(QUARANTINE, &format!("target {}", row.id), "the target row was forged");
                continue;
            };
            if let Err(error) = self.end_target_unless_used(&target, row.revision).await {
                tracing::warn!(?error, id = row.id, "a target is not destroyed: it will be tried again");
            }
        }
        Ok(())
    }

    async fn end_target_unless_used(&self, target: &Target, revision: u64) -> Result<(), Error> {
        match target.ceremony {
            Some(number) if self.is_executing(number).await? => Ok(()),
            _ => self.end_target(target, revision).await,
        }
    }

    /// Destroys a target, confirms that it is gone, and forgets it.
    pub(crate) async fn end_target(&self, target: &Target, revision: u64) -> Result<(), Error> {
        self.erase(target.protection, target.uid).await?;
        let entry = AuditEntry::done(self.clock.now_ms(), AuditEntry::system(), Action::Reconcile, resource(target));
        let detail = format!("target {} destroyed", target.uid);
        let changeset = Changeset {
            guards: vec![Guard::Revision(Collection::Target, target.id(), revision)],
            writes: vec![
                Write::Delete(Collection::Target, target.id()),
                Write::Delete(Collection::Material, target.uid.to_string()),
            ],
            ..Changeset::audit_only(AuditEntry { detail: Some(detail), simulated: target.simulated, ..entry })
        }
        .urgent();
        match self.reserve()?.commit(changeset).await {
            Ok(_) | Err(JournalError::Guarded(_)) => Ok(()),
            Err(error) => Err(fault::journal(error)),
        }
    }
}

/// The resource name in the audit trail.
fn resource(target: &Target) -> String {
    format!("tenants/{}/targets/{}", target.tenant, target.id())
}

pub(crate) fn not_found() -> Error {
    Error::new(Reason::TargetNotFound, "there is no target with this sealing key").field("sealing_key")
}

/// The private half is no more: what was sealed to it opens for nobody.
fn gone(why: &str) -> Error {
    Error::new(Reason::WrongState, format!("the target's key is gone: {why}"))
        .help("propose it again, with a new target")
}

fn parse(fingerprint: &str) -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(fingerprint, &mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

/// What can be said of the place of a key: for people who can hold it against the device.
fn claims_of(attestation: &Attestation) -> Vec<(&'static str, String)> {
    let answer = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    match attestation {
        Attestation::DriverAsserted { serial, simulated, model } => {
            vec![("serial", serial.clone()), ("model", model.clone()), ("simulated", answer(*simulated))]
        }
        Attestation::VendorAttested { serial, model, vendor, .. } => vec![
            ("serial", serial.clone()),
            ("model", model.clone()),
            ("vendor", vendor.clone()),
            ("simulated", answer(false)),
        ],
        _ => Vec::new(),
    }
}
