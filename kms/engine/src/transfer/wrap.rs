//! A secret key is wrapped under a key of the service, to be unwrapped here again.

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Operation, Wrapping};
use hufu_core::policy::Action;
use hufu_core::record::VersionRecord;
use hufu_core::rules::{Usage, may_leave, may_use};
use hufu_core::{Error, Reason};

use super::envelope::Contents;
use crate::api::{Caller, Selector, WrappedKey};
use crate::engine::{Engine, Permit};

impl Engine {
    /// Wraps a secret key that may leave. The answer opens nowhere but here, for this tenant, under the wrapping key, and to
    /// nothing but the same kind of key.
    ///
    /// # Errors
    /// [`Reason::NotExportable`], [`Reason::WrongPurpose`], [`Reason::WrongState`], [`Reason::UnsupportedAlgorithm`] for
    /// pairs, [`Reason::RevokedMeanwhile`].
    pub async fn wrap_key(&self, caller: &Caller, target: &Selector, by: &Selector) -> Result<WrappedKey, Error> {
        let result = self.wrap_checked(caller, target, by).await;
        self.conclude(caller, Action::WrapKey, || target.key.to_string(), result).await
    }

    async fn wrap_checked(&self, caller: &Caller, target: &Selector, by: &Selector) -> Result<WrappedKey, Error> {
        let permit = self.authorize(caller, Action::WrapKey, &target.key.tenant, Some(&target.key))?;
        self.authorize(caller, Action::WrapKey, &by.key.tenant, Some(&by.key))?;
        check_same_tenant(target, by)?;
        let (target, by) = (self.select(target).await?, self.select(by).await?);
        let (version, wrapper) = (&target.version.record, &by.version.record);
        may_use(wrapper, Usage::Wrap)?;
        may_leave(version)?;
        check_target(version, wrapper)?;
        let slot = self.reserve()?;
        let wrap = Operation::Wrap(&target.handle, Wrapping::Key(&by.handle));
        let wrapped = self.bytes(version.protection, wrap, caller.deadline).await?;
        let blob = self.envelope(version, wrapper, wrapped);
        let record =
            self.leaving(caller, Action::WrapKey, version, &permit, format!("wrapped by {}", wrapper.name()));
        let subjects = vec![target.subject.clone(), by.subject.clone()];
        self.release_all(slot, &permit, caller, subjects, record).await?;
        Ok(WrappedKey { version: target.version.clone(), by: by.version.clone(), blob })
    }

    fn envelope(&self, version: &VersionRecord, wrapper: &VersionRecord, wrapped: Vec<u8>) -> Vec<u8> {
        let contents = Contents {
            deployment: self.deployment.id.clone(),
            tenant: version.tenant.clone(),
            by: wrapper.name().to_string(),
            by_uid: wrapper.uid,
            version: version.name().to_string(),
            uid: version.uid,
            algorithm: version.algorithm,
            purpose: version.purpose,
            scheme: version.scheme,
            protection: version.protection,
            exit: version.exit,
            digest_allowed: version.digest_allowed,
            distinguishing_id: version.distinguishing_id.clone(),
            wrapped,
            at: self.clock.now_ms(),
        };
        contents.seal(self.keyring.integrity())
    }

    /// A record of material that leaves.
    pub(super) fn leaving(
        &self,
        caller: &Caller,
        action: Action,
        version: &VersionRecord,
        permit: &Permit,
        detail: String,
    ) -> AuditEntry {
        let entry = self.entry(caller, action, version.name().to_string(), permit);
        let (scheme, protection) = (Some(version.scheme), Some(version.protection));
        let simulated = version.attestation.is_simulated();
        AuditEntry { scheme, protection, simulated, detail: Some(detail), ..entry }
    }
}

pub(super) fn check_same_tenant(target: &Selector, by: &Selector) -> Result<(), Error> {
    if target.key.tenant == by.key.tenant {
        return Ok(());
    }
    Err(Error::new(Reason::PermissionDenied, "a key wraps keys of its own tenant").field("wrapping_key"))
}

fn check_target(version: &VersionRecord, wrapper: &VersionRecord) -> Result<(), Error> {
    if version.algorithm.is_asymmetric() {
        let why = "a key pair has one history on the ledger, by its public key: no second key here may hold it";
        return Err(Error::new(Reason::UnsupportedAlgorithm, why).field("name").help("export it to a receiver"));
    }
    if version.protection != wrapper.protection {
        let why = "a key wraps keys of its own protection";
        return Err(Error::new(Reason::UnsupportedByBackend, why).field("wrapping_key"));
    }
    Ok(())
}
