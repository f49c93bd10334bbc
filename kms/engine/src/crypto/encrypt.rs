//! Encrypt, and generate data keys.

use hufu_core::ambient::random_array;
use hufu_core::audit::AuditEntry;
use hufu_core::backend::{Aead, Operation, Outcome, PublicKey};
use hufu_core::policy::Action;
use hufu_core::rules::{Usage, may_use};
use hufu_core::{Error, Reason};
use hufu_secret::SecretBytes;

use super::ciphertext::Ciphertext;
use super::input::{check_aad, check_len, input_mac};
use super::sign::resource;
use crate::api::{Caller, DataKey, Encrypted, MESSAGE_LEN_MAX, Selector, Version};
use crate::directory::VersionEntry;
use crate::engine::Engine;
use crate::fault;

/// Longest data key, in bytes.
const DATA_KEY_LEN_MAX: usize = 64;
/// Shortest data key, in bytes.
const DATA_KEY_LEN_MIN: usize = 16;

impl Engine {
    /// Encrypts. With a secret key the associated data is authenticated; with a public key there can be none.
    ///
    /// # Errors
    /// As [`Self::sign`], and [`Reason::UsageLimitReached`] when the version must be rotated first.
    pub async fn encrypt(
        &self,
        caller: &Caller,
        selector: &Selector,
        plaintext: SecretBytes,
        aad: &[u8],
    ) -> Result<Encrypted, Error> {
        let result = match check_len("plaintext", plaintext.len(), MESSAGE_LEN_MAX) {
            Ok(()) => self.encrypt_checked(caller, Action::Encrypt, selector, &plaintext, aad).await,
            Err(error) => Err(error),
        };
        let result = result.map(|(version, ciphertext)| Encrypted { version, ciphertext });
        self.conclude(caller, Action::Encrypt, || resource(selector), result).await
    }

    /// Makes a data key: random bytes, in clear and encrypted.
    ///
    /// # Errors
    /// As [`Self::encrypt`], and [`Reason::InvalidArgument`] for a length outside 16 to 64.
    pub async fn generate_data_key(
        &self,
        caller: &Caller,
        selector: &Selector,
        len: usize,
        aad: &[u8],
    ) -> Result<DataKey, Error> {
        let result = self.data_key_checked(caller, selector, len, aad).await;
        self.conclude(caller, Action::GenerateDataKey, || resource(selector), result).await
    }

    async fn data_key_checked(
        &self,
        caller: &Caller,
        selector: &Selector,
        len: usize,
        aad: &[u8],
    ) -> Result<DataKey, Error> {
        if !(DATA_KEY_LEN_MIN..=DATA_KEY_LEN_MAX).contains(&len) {
            let message = format!("a data key has {DATA_KEY_LEN_MIN} to {DATA_KEY_LEN_MAX} bytes");
            return Err(Error::new(Reason::InvalidArgument, message).field("length_bytes"));
        }
        let mut plaintext = SecretBytes::zeroed(len);
        self.rng.fill(plaintext.expose_mut()).map_err(Error::internal)?;
        let (version, ciphertext) =
            self.encrypt_checked(caller, Action::GenerateDataKey, selector, &plaintext, aad).await?;
        Ok(DataKey { version, plaintext, ciphertext })
    }

    async fn encrypt_checked(
        &self,
        caller: &Caller,
        action: Action,
        selector: &Selector,
        plaintext: &SecretBytes,
        aad: &[u8],
    ) -> Result<(Version, Vec<u8>), Error> {
        check_aad(aad)?;
        let permit = self.authorize(caller, action, &selector.key.tenant, Some(&selector.key))?;
        let entry = self.select(selector).await?;
        may_use(&entry.version.record, Usage::Encrypt)?;
        let tenant = self.directory.tenant(&selector.key.tenant).await?;
        let slot = self.reserve()?;
        let ciphertext = match &entry.version.record.public_key {
            Some(spki) => self.encrypt_to(caller, &entry, spki, plaintext, aad).await?,
            None => self.seal(caller, &entry, plaintext, aad).await?,
        };
        let record = AuditEntry {
            input_mac: Some(input_mac(&tenant.audit_key, b"plaintext", plaintext.expose()).to_vec()),
            ..self.use_of(caller, action, &entry, &permit)
        };
        self.release(slot, &permit, caller, &entry.subject, record).await?;
        Ok((entry.version.clone(), ciphertext.to_bytes()))
    }

    async fn seal(
        &self,
        caller: &Caller,
        entry: &VersionEntry,
        plaintext: &SecretBytes,
        aad: &[u8],
    ) -> Result<Ciphertext, Error> {
        let record = &entry.version.record;
        self.take_encryption(record.uid, &entry.resource).await?;
        let nonce: [u8; 12] = random_array(self.rng.as_ref()).map_err(Error::internal)?;
        let aad = Ciphertext::associated_data(record.identity(), record.number, aad);
        let seal = Operation::Seal(&entry.handle, Aead { nonce: &nonce, aad: &aad, data: plaintext.expose() });
        let body = self.bytes(record.protection, seal, caller.deadline).await?;
        Ok(Ciphertext { version: record.number, nonce: Some(nonce), body })
    }

    async fn encrypt_to(
        &self,
        caller: &Caller,
        entry: &VersionEntry,
        spki: &[u8],
        plaintext: &SecretBytes,
        aad: &[u8],
    ) -> Result<Ciphertext, Error> {
        let record = &entry.version.record;
        if !aad.is_empty() {
            return Err(Error::new(
                Reason::InvalidArgument,
                format!("{} authenticates no additional data", record.scheme),
            )
            .field("additional_data"));
        }
        check_len("plaintext", plaintext.len(), record.algorithm.oaep_len_max().unwrap_or(0))?;
        let (algorithm, scheme) = (record.algorithm, record.scheme);
        let key = PublicKey { algorithm, scheme, spki, distinguishing_id: None };
        let operation = Operation::EncryptTo(&key, plaintext.expose());
        match self.verifier.perform(operation, caller.deadline).await.map_err(fault::backend)? {
            Outcome::Bytes(body) => Ok(Ciphertext { version: record.number, nonce: None, body }),
            _ => Err(Error::internal("the backend answered out of turn")),
        }
    }
}
