//! One root slot: a root key in its token, and what it wraps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::ambient::{Rng, random_array};
use hufu_core::backend::{Aead, BackendError, Health, KeyBackend, KeyHandle, Operation, Outcome};
use hufu_core::record::{Locator, VersionUid, WrappingKeyRecord};
use hufu_secret::SecretBytes;
use parking_lot::RwLock;

/// Longest wait for a root key's token.
const ROOT_TIMEOUT: Duration = Duration::from_secs(10);
/// Length of every wrapping key, in bytes.
pub(super) const KEY_LEN: usize = 32;

/// A token with a root key, as configured.
pub struct RootToken {
    /// The slot's name.
    pub slot: String,
    /// Serial number of the token.
    pub serial: String,
    /// The token.
    pub backend: Arc<dyn KeyBackend>,
}

/// A root slot of this server.
pub(crate) struct Root {
    pub(crate) token: RootToken,
    pub(crate) deployment: Arc<str>,
    /// Identity of its root key, once it is known.
    pub(crate) key: RwLock<Option<VersionUid>>,
    /// Where it is, if it is not on one token alone.
    shared: Option<Locator>,
}

impl Root {
    pub(crate) fn new(token: RootToken, deployment: &str, key: Option<VersionUid>) -> Self {
        Self { token, deployment: deployment.into(), key: RwLock::new(key), shared: None }
    }

    /// The same, whose root key is at that place.
    pub(crate) fn at(self, locator: Locator) -> Self {
        Self { shared: Some(locator), ..self }
    }

    /// A slot of another name on the same token.
    pub(crate) fn beside(&self, slot: &str, key: Option<VersionUid>) -> Self {
        let (serial, backend) = (self.token.serial.clone(), self.token.backend.clone());
        Self::new(RootToken { slot: slot.to_owned(), serial, backend }, &self.deployment, key)
    }

    /// Whether its root key is on several tokens.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.shared, Some(Locator::Group { .. })) || self.token.backend.returns().is_some()
    }

    pub(crate) fn slot(&self) -> &str {
        &self.token.slot
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.token.backend.health() == Health::Serving
    }

    /// Wraps a key as a record binds it.
    pub(crate) async fn seal(
        &self,
        record: &WrappingKeyRecord,
        key: &SecretBytes,
        rng: &dyn Rng,
    ) -> Result<Vec<u8>, BackendError> {
        self.seal_bound(&record.binding_under(&self.deployment, self.slot()), key, rng).await
    }

    /// Wraps a key with associated data: a nonce of 12 bytes, ciphertext, tag.
    pub(crate) async fn seal_bound(
        &self,
        aad: &[u8],
        key: &SecretBytes,
        rng: &dyn Rng,
    ) -> Result<Vec<u8>, BackendError> {
        let nonce: [u8; 12] = random_array(rng).map_err(|error| BackendError::Failed(error.to_string()))?;
        let handle = self.handle()?;
        let input = Aead { nonce: &nonce, aad, data: key.expose() };
        let sealed = self.token.backend.perform(Operation::Seal(&handle, input), Instant::now() + ROOT_TIMEOUT);
        match sealed.await? {
            Outcome::Bytes(sealed) => Ok([nonce.as_slice(), &sealed].concat()),
            _ => Err(BackendError::Failed("the root backend answered out of turn".to_owned())),
        }
    }

    /// Opens what it wraps of a record.
    pub(crate) async fn open(&self, record: &WrappingKeyRecord) -> Result<SecretBytes, BackendError> {
        let none = || BackendError::Missing(format!("`{}` does not wrap key {}", self.slot(), record.id));
        let sealed = record.under(self.slot()).ok_or_else(none)?;
        let aad = record.binding_under(&self.deployment, self.slot());
        self.open_bound(&format!("wrapping key {}", record.id), &aad, sealed).await
    }

    /// Opens what [`Self::seal_bound`] made.
    pub(crate) async fn open_bound(
        &self,
        what: &str,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, BackendError> {
        let malformed = || BackendError::Missing(format!("{what} is malformed"));
        let (nonce, data) = sealed.split_first_chunk::<12>().ok_or_else(malformed)?;
        let handle = self.handle()?;
        let open = Operation::Open(&handle, Aead { nonce, aad, data });
        match self.token.backend.perform(open, Instant::now() + ROOT_TIMEOUT).await? {
            Outcome::Plaintext(key) if key.len() == KEY_LEN => Ok(key),
            _ => Err(malformed()),
        }
    }

    fn handle(&self) -> Result<KeyHandle, BackendError> {
        let none = || BackendError::Missing(format!("the root slot `{}` has no key yet", self.slot()));
        let uid = (*self.key.read()).ok_or_else(none)?;
        let alone = || Locator::Token { serial: self.token.serial.clone(), uid, fingerprint: None };
        Ok(KeyHandle {
            uid,
            algorithm: Algorithm::Aes256Gcm,
            scheme: Scheme::AesGcm,
            locator: self.shared.clone().unwrap_or_else(alone),
            binding: Arc::new([]),
            public_key: None,
            distinguishing_id: None,
        })
    }
}
