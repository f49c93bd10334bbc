//! Decrypt.

use hufu_core::audit::{AuditEntry, AuditOutcome};
use hufu_core::backend::{Aead, Operation, Outcome};
use hufu_core::policy::Action;
use hufu_core::rules::{Usage, may_use};
use hufu_core::{Error, Reason};
use hufu_secret::SecretBytes;

use super::ciphertext::Ciphertext;
use super::input::{check_aad, check_len, input_mac};
use super::sign::resource;
use crate::api::{Caller, Decrypted, MESSAGE_LEN_MAX, Selector};
use crate::directory::VersionEntry;
use crate::engine::Engine;
use crate::fault;

/// Room for header, nonce and tag around the longest plaintext.
const CIPHERTEXT_LEN_MAX: usize = MESSAGE_LEN_MAX + 1_024;

impl Engine {
    /// Decrypts what [`Self::encrypt`] made, or, with an RSA key, what anyone encrypted to the selected version. A version
    /// named by the caller must be the one that made the ciphertext.
    ///
    /// # Errors
    /// [`hufu_core::Reason::DecryptionFailed`] whatever is wrong with the ciphertext; [`hufu_core::Reason::WrongState`].
    pub async fn decrypt(
        &self,
        caller: &Caller,
        selector: &Selector,
        ciphertext: &[u8],
        aad: &[u8],
    ) -> Result<Decrypted, Error> {
        let result = self.decrypt_checked(caller, selector, ciphertext, aad).await;
        self.conclude(caller, Action::Decrypt, || resource(selector), result).await
    }

    async fn decrypt_checked(
        &self,
        caller: &Caller,
        selector: &Selector,
        bytes: &[u8],
        aad: &[u8],
    ) -> Result<Decrypted, Error> {
        check_len("ciphertext", bytes.len(), CIPHERTEXT_LEN_MAX)?;
        check_aad(aad)?;
        let key = &selector.key;
        let permit = self.authorize(caller, Action::Decrypt, &key.tenant, Some(key))?;
        let parsed = Ciphertext::from_bytes(bytes);
        let made_by = parsed.as_ref().map(|ciphertext| ciphertext.version);
        if made_by.is_some() && selector.number.is_some() && made_by != selector.number {
            return Err(fault::decryption_failed());
        }
        let number = made_by.or(selector.number);
        let entry = match self.select(&Selector { key: key.clone(), number }).await {
            Err(error) if error.reason() == Reason::VersionNotFound => {
                return Err(fault::decryption_failed());
            }
            other => other?,
        };
        may_use(&entry.version.record, Usage::Decrypt)?;
        let tenant = self.directory.tenant(&key.tenant).await?;
        let slot = self.reserve()?;
        let body = parsed.as_ref().map_or(bytes, |ciphertext| &ciphertext.body);
        let nonce = parsed.as_ref().and_then(|ciphertext| ciphertext.nonce);
        let opened = self.open(caller, &entry, nonce, body, aad).await;
        let outcome = match &opened {
            Ok(_) => AuditOutcome::Done,
            // That a ciphertext is not genuine is an output of the secret key as well: recorded, and withheld, like one.
            Err(error) if error.reason() == Reason::DecryptionFailed => {
                AuditOutcome::Refused(error.reason().name().to_owned())
            }
            Err(_) => return opened.map(|plaintext| Decrypted { version: entry.version.clone(), plaintext }),
        };
        let record = AuditEntry {
            outcome,
            input_mac: Some(input_mac(&tenant.audit_key, b"ciphertext", bytes).to_vec()),
            ..self.use_of(caller, Action::Decrypt, &entry, &permit)
        };
        self.release(slot, &permit, caller, &entry.subject, record).await?;
        opened.map(|plaintext| Decrypted { version: entry.version.clone(), plaintext })
    }

    async fn open(
        &self,
        caller: &Caller,
        entry: &VersionEntry,
        nonce: Option<[u8; 12]>,
        body: &[u8],
        aad: &[u8],
    ) -> Result<SecretBytes, Error> {
        let record = &entry.version.record;
        let outcome = match (nonce, record.algorithm.is_asymmetric()) {
            (Some(nonce), false) => {
                let aad = Ciphertext::associated_data(record.identity(), record.number, aad);
                let open = Operation::Open(&entry.handle, Aead { nonce: &nonce, aad: &aad, data: body });
                self.perform(record.protection, open, caller.deadline).await?
            }
            (None, true) if aad.is_empty() => {
                let operation = Operation::DecryptWith(&entry.handle, body);
                self.perform(record.protection, operation, caller.deadline).await?
            }
            _ => return Err(fault::decryption_failed()),
        };
        match outcome {
            Outcome::Plaintext(plaintext) => Ok(plaintext),
            _ => Err(Error::internal("the backend answered out of turn")),
        }
    }
}
