//! Random bytes: from the device where the caller wants that, mixed with the operating system's.

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Operation, Outcome};
use hufu_core::changeset::{Changeset, Grant};
use hufu_core::name::TenantId;
use hufu_core::policy::Action;
use hufu_core::record::Protection;
use hufu_core::{Error, Reason};
use hufu_secret::SecretBytes;

use crate::api::{Caller, RANDOM_LEN_MAX, RandomBytes};
use crate::engine::Engine;
use crate::fault;

impl Engine {
    /// Draws random bytes.
    ///
    /// # Errors
    /// [`Reason::InvalidArgument`] for a length outside 1 to 65,536; [`Reason::UnsupportedByBackend`].
    pub async fn random(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        len: usize,
        protection: Option<Protection>,
    ) -> Result<RandomBytes, Error> {
        let result = self.random_checked(caller, tenant, len, protection).await;
        self.conclude(caller, Action::GenerateRandom, || format!("tenants/{tenant}"), result).await
    }

    async fn random_checked(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        len: usize,
        protection: Option<Protection>,
    ) -> Result<RandomBytes, Error> {
        if !(1..=RANDOM_LEN_MAX).contains(&len) {
            let message = format!("1 to {RANDOM_LEN_MAX} random bytes a call");
            return Err(Error::new(Reason::InvalidArgument, message).field("length_bytes"));
        }
        let permit = self.authorize(caller, Action::GenerateRandom, tenant, None)?;
        let protection = protection.unwrap_or(Protection::Software);
        let backend = self.backend(protection)?;
        let simulated = backend.capabilities().simulated;
        let slot = self.reserve()?;
        let mut bytes = SecretBytes::zeroed(len);
        self.rng.fill(bytes.expose_mut()).map_err(Error::internal)?;
        if protection == Protection::Hsm {
            self.mix(caller, &mut bytes).await?;
        }
        let entry = self.entry(caller, Action::GenerateRandom, format!("tenants/{tenant}"), &permit);
        let entry = AuditEntry { simulated, detail: Some(format!("{len} bytes")), ..entry };
        let grant = Some(Grant { epoch: permit.epoch, subjects: vec![caller.principal.subject.clone()] });
        slot.commit(Changeset { grant, ..Changeset::audit_only(entry) }).await.map_err(fault::journal)?;
        Ok(RandomBytes { bytes, protection, simulated })
    }

    /// Adds the device's randomness to the operating system's: the sum is as good as the better of the two.
    async fn mix(&self, caller: &Caller, bytes: &mut SecretBytes) -> Result<(), Error> {
        let drawn = self.perform(Protection::Hsm, Operation::Random(bytes.len()), caller.deadline).await?;
        let Outcome::Plaintext(drawn) = drawn else {
            return Err(Error::internal("the backend answered out of turn"));
        };
        if drawn.len() != bytes.len() {
            return Err(Error::new(Reason::BackendUnavailable, "the device gave too few random bytes"));
        }
        bytes.expose_mut().iter_mut().zip(drawn.expose()).for_each(|(byte, more)| *byte ^= more);
        Ok(())
    }
}
