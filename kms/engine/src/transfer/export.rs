//! A key leaves for good, wrapped for whoever holds the receiving key.

use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{Operation, PublicKey, Wrapping};
use hufu_core::policy::Action;
use hufu_core::rules::may_leave;
use hufu_core::{Error, Reason};
use sha2::{Digest, Sha256};

use crate::api::{Caller, ExportedKey, Selector};
use crate::engine::Engine;

/// Longest receiving key, in bytes: RSA with 8192 bits needs 1062.
const RECEIVER_LEN_MAX: usize = 2048;

impl Engine {
    /// Wraps a version that may leave for the holder of an RSA key with at least 3072 bits: SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`Reason::NotExportable`], [`Reason::WrongState`], [`Reason::InvalidArgument`] for another receiving key,
    /// [`Reason::RevokedMeanwhile`].
    pub async fn export_key(
        &self,
        caller: &Caller,
        selector: &Selector,
        receiver: &[u8],
    ) -> Result<ExportedKey, Error> {
        let result = self.export_wrapped(caller, selector, receiver).await;
        self.conclude(caller, Action::ExportKey, || selector.key.to_string(), result).await
    }

    async fn export_wrapped(
        &self,
        caller: &Caller,
        selector: &Selector,
        receiver: &[u8],
    ) -> Result<ExportedKey, Error> {
        let permit = self.authorize(caller, Action::ExportKey, &selector.key.tenant, Some(&selector.key))?;
        check_receiver(receiver)?;
        let entry = self.select(selector).await?;
        let version = &entry.version.record;
        may_leave(version)?;
        let slot = self.reserve()?;
        let wrapping = Scheme::RsaAesKwp;
        // The backend takes every length of modulus that is strong enough; the row only says that it is RSA.
        let public =
            PublicKey { algorithm: Algorithm::Rsa3072, scheme: wrapping, spki: receiver, distinguishing_id: None };
        let wrap = Operation::Wrap(&entry.handle, Wrapping::Public(&public));
        let wrapped = self.bytes(version.protection, wrap, caller.deadline).await.map_err(at_receiver)?;
        let fingerprint: [u8; 32] = Sha256::digest(receiver).into();
        let detail = format!("receiver sha256:{}", hex::encode(fingerprint));
        let record = self.leaving(caller, Action::ExportKey, version, &permit, detail);
        self.release(slot, &permit, caller, &entry.subject, record).await?;
        Ok(ExportedKey { version: entry.version.clone(), wrapped, wrapping, receiver: fingerprint })
    }
}

fn check_receiver(receiver: &[u8]) -> Result<(), Error> {
    if receiver.is_empty() {
        return Err(Error::new(Reason::MissingField, "there is no receiving key").field("recipient"));
    }
    if receiver.len() > RECEIVER_LEN_MAX {
        let why = format!("a receiving key has at most {RECEIVER_LEN_MAX} bytes");
        return Err(Error::new(Reason::TooLarge, why).field("recipient"));
    }
    Ok(())
}

fn at_receiver(error: Error) -> Error {
    if error.reason() == Reason::InvalidArgument { error.field("recipient") } else { error }
}
