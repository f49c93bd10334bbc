//! Verify signatures with public keys, in software, for keys of every protection.

use std::sync::Arc;

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Operation, Outcome, PublicKey};
use hufu_core::changeset::Changeset;
use hufu_core::name::VersionNumber;
use hufu_core::policy::Action;
use hufu_core::rules::{Usage, may_use};
use hufu_core::{Error, Reason};

use super::sign::resource;
use super::{input, signature};
use crate::api::{Caller, Input, SIGNATURE_LEN_MAX, Selector, SignatureFormat, Verified};
use crate::directory::VersionEntry;
use crate::engine::Engine;
use crate::fault;

/// Versions tried when the caller names none: a signature does not say which version made it.
const CANDIDATES_MAX: u32 = 64;

impl Engine {
    /// Verifies a signature. Without a version it tries the newest ones.
    ///
    /// # Errors
    /// [`Reason::WrongPurpose`], [`Reason::DigestNotAllowed`], [`Reason::KeyNotFound`]. A bad signature is no error.
    pub async fn verify(
        &self,
        caller: &Caller,
        selector: &Selector,
        input: Input,
        signature: &[u8],
        format: SignatureFormat,
    ) -> Result<Verified, Error> {
        let result = self.verify_checked(caller, selector, &input, signature, format).await;
        self.conclude(caller, Action::Verify, || resource(selector), result).await
    }

    async fn verify_checked(
        &self,
        caller: &Caller,
        selector: &Selector,
        input: &Input,
        signature: &[u8],
        format: SignatureFormat,
    ) -> Result<Verified, Error> {
        input::check_len("signature", signature.len(), SIGNATURE_LEN_MAX)?;
        let permit = self.authorize(caller, Action::Verify, &selector.key.tenant, Some(&selector.key))?;
        let tenant = self.directory.tenant(&selector.key.tenant).await?;
        let slot = self.reserve()?;
        let mut last = None;
        for number in self.candidates(selector).await? {
            let entry = self.directory.version(&selector.key.version(number)).await?;
            let valid = self.verify_with(caller, &entry, input, signature, format).await?;
            last = Some((entry, valid));
            if valid {
                break;
            }
        }
        let (entry, valid) = last.ok_or_else(|| Error::internal("a key without versions"))?;
        let record = AuditEntry {
            input_mac: Some(input.mac(&tenant.audit_key).to_vec()),
            detail: Some(if valid { "valid" } else { "invalid" }.to_owned()),
            ..self.use_of(caller, Action::Verify, &entry, &permit)
        };
        // A verification releases nothing of a private key: no grant.
        slot.commit(Changeset::audit_only(record)).await.map_err(fault::journal)?;
        Ok(Verified { valid, version: entry.version.clone() })
    }

    async fn verify_with(
        &self,
        caller: &Caller,
        entry: &Arc<VersionEntry>,
        input: &Input,
        signature: &[u8],
        format: SignatureFormat,
    ) -> Result<bool, Error> {
        let record = &entry.version.record;
        may_use(record, Usage::Verify)?;
        let input = input.checked(record)?;
        let Some(spki) = record.public_key.as_deref() else {
            return Err(Error::new(Reason::WrongPurpose, "a secret key has no public half").field("name"));
        };
        let Some(raw) = signature::parse(record.scheme, signature, format) else { return Ok(false) };
        let key = PublicKey {
            algorithm: record.algorithm,
            scheme: record.scheme,
            spki,
            distinguishing_id: record.distinguishing_id.as_deref(),
        };
        let operation = Operation::Verify(&key, input, &raw);
        match self.verifier.perform(operation, caller.deadline).await.map_err(fault::backend)? {
            Outcome::Verified(valid) => Ok(valid),
            _ => Err(Error::internal("the verifier answered out of turn")),
        }
    }

    /// The versions that may have made a signature or MAC: the named one, or the newest first.
    pub(super) async fn candidates(&self, selector: &Selector) -> Result<Vec<VersionNumber>, Error> {
        if let Some(number) = selector.number {
            return Ok(vec![number]);
        }
        let latest = self.directory.key(&selector.key).await?.key.record.latest.value();
        let oldest = latest.saturating_sub(CANDIDATES_MAX - 1).max(1);
        (oldest..=latest).rev().map(VersionNumber::new).collect()
    }
}
