//! Random bytes: from the device where the caller wants that, mixed with the operating system's.

use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Operation, Outcome};
use hufu_core::changeset::{Changeset, Grant};
use hufu_core::name::TenantId;
use hufu_core::policy::Action;
use hufu_core::record::Protection;
use hufu_core::{Error, Reason};
use hufu_entropy::Failure;
use hufu_secret::SecretBytes;

use crate::api::{Caller, RANDOM_LEN_MAX, RandomBytes};
use crate::engine::Engine;
use crate::fault;

/// Kind of the alarm that a failed health test raises.
const BAD_RANDOM: &str = "bad-random";

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

    /// Adds the device's randomness to the operating system's: the sum is as good as the better of the two. Bytes of a device that
    /// failed a health test are not used, and nothing is answered that would pass for the device's.
    async fn mix(&self, caller: &Caller, bytes: &mut SecretBytes) -> Result<(), Error> {
        // Two callers at the start may both draw: more is tested, nothing less.
        let startup = self.device_random.startup_len();
        if startup > 0 {
            let unused = self.draw(caller, startup).await?;
            self.device_random.begin(unused.expose()).map_err(|failure| self.bad_source(failure))?;
        }
        let drawn = self.draw(caller, bytes.len()).await?;
        self.device_random.check(drawn.expose()).map_err(|failure| self.bad_source(failure))?;
        bytes.expose_mut().iter_mut().zip(drawn.expose()).for_each(|(byte, more)| *byte ^= more);
        Ok(())
    }

    async fn draw(&self, caller: &Caller, len: usize) -> Result<SecretBytes, Error> {
        let drawn = self.perform(Protection::Hsm, Operation::Random(len), caller.deadline).await?;
        let Outcome::Plaintext(drawn) = drawn else {
            return Err(Error::internal("the backend answered out of turn"));
        };
        if drawn.len() != len {
            return Err(Error::new(Reason::BackendUnavailable, "the device gave too few random bytes"));
        }
        Ok(drawn)
    }

    fn bad_source(&self, failure: Failure) -> Error {
        let device = self.backend(Protection::Hsm).map_or_else(|_| "hsm".to_owned(), |hsm| hsm.name().to_owned());
        self.alarms.raise(BAD_RANDOM, &device, &format!("its random numbers failed a health test: {failure}"));
        Error::new(Reason::BackendUnavailable, "the device's random numbers failed a health test")
            .help("ask for the protection `software`; the operator must look at the device")
    }
}
