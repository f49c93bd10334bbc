//! Key encapsulation (FIPS 203): make a shared secret for a key, and recover it.

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Operation, Outcome, PublicKey};
use hufu_core::policy::Action;
use hufu_core::record::VersionRecord;
use hufu_core::rules::{Usage, may_use};
use hufu_core::{Error, Reason};

use super::input::input_mac;
use super::sign::resource;
use crate::api::{Caller, Decapsulated, Encapsulated, Selector};
use crate::engine::Engine;
use crate::fault;

impl Engine {
    /// Makes a shared secret for a version, and the ciphertext that carries it there. It is released, and withheld, like an
    /// output of the private key, although the public key makes it: it will protect what only that key may open.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub async fn encapsulate(&self, caller: &Caller, selector: &Selector) -> Result<Encapsulated, Error> {
        let result = self.encapsulate_checked(caller, selector).await;
        self.conclude(caller, Action::Encapsulate, || resource(selector), result).await
    }

    /// Recovers a shared secret. A ciphertext that was made for another version gives another secret, not an error
    /// (implicit rejection, FIPS 203 §6.3).
    ///
    /// # Errors
    /// As [`Self::sign`], and [`Reason::InvalidArgument`] for a ciphertext that is not as long as the algorithm makes it.
    pub async fn decapsulate(
        &self,
        caller: &Caller,
        selector: &Selector,
        ciphertext: &[u8],
    ) -> Result<Decapsulated, Error> {
        let result = self.decapsulate_checked(caller, selector, ciphertext).await;
        self.conclude(caller, Action::Decapsulate, || resource(selector), result).await
    }

    async fn encapsulate_checked(&self, caller: &Caller, selector: &Selector) -> Result<Encapsulated, Error> {
        let permit = self.authorize(caller, Action::Encapsulate, &selector.key.tenant, Some(&selector.key))?;
        let entry = self.select(selector).await?;
        let version = &entry.version.record;
        may_use(version, Usage::Encapsulate)?;
        let slot = self.reserve()?;
        let spki = version.public_key.as_deref().ok_or_else(|| Error::internal("a pair without a public key"))?;
        let key = PublicKey { algorithm: version.algorithm, scheme: version.scheme, spki, distinguishing_id: None };
        let made = self.verifier.perform(Operation::Encapsulate(&key), caller.deadline).await;
        let Outcome::Encapsulated { ciphertext, secret } = made.map_err(fault::backend)? else {
            return Err(Error::internal("the backend answered out of turn"));
        };
        let record = self.use_of(caller, Action::Encapsulate, &entry, &permit);
        self.release(slot, &permit, caller, &entry.subject, record).await?;
        Ok(Encapsulated { version: entry.version.clone(), ciphertext, secret })
    }

    async fn decapsulate_checked(
        &self,
        caller: &Caller,
        selector: &Selector,
        ciphertext: &[u8],
    ) -> Result<Decapsulated, Error> {
        let permit = self.authorize(caller, Action::Decapsulate, &selector.key.tenant, Some(&selector.key))?;
        let entry = self.select(selector).await?;
        let version = &entry.version.record;
        may_use(version, Usage::Decapsulate)?;
        check_ciphertext(version, ciphertext)?;
        let tenant = self.directory.tenant(&selector.key.tenant).await?;
        let slot = self.reserve()?;
        let operation = Operation::Decapsulate(&entry.handle, ciphertext);
        let Outcome::Plaintext(secret) = self.perform(version.protection, operation, caller.deadline).await? else {
            return Err(Error::internal("the backend answered out of turn"));
        };
        let record = AuditEntry {
            input_mac: Some(input_mac(&tenant.audit_key, b"encapsulation", ciphertext).to_vec()),
            ..self.use_of(caller, Action::Decapsulate, &entry, &permit)
        };
        self.release(slot, &permit, caller, &entry.subject, record).await?;
        Ok(Decapsulated { version: entry.version.clone(), secret })
    }
}

/// The length is all that can be wrong with a ciphertext (FIPS 203 §7.3).
fn check_ciphertext(version: &VersionRecord, ciphertext: &[u8]) -> Result<(), Error> {
    match version.algorithm.encapsulation_len() {
        Some(len) if len == ciphertext.len() => Ok(()),
        Some(len) => Err(Error::new(
            Reason::InvalidArgument,
            format!("a ciphertext of {} has {len} bytes, and there are {}", version.algorithm, ciphertext.len()),
        )
        .field("ciphertext")),
        None => Err(Error::internal("a key of this purpose that encapsulates nothing")),
    }
}
