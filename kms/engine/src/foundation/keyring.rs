//! The keys that the root key wraps, opened when needed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::ambient::{Rng, random_array};
use hufu_core::backend::{Aead, BackendError, KeyBackend, KeyHandle, Operation, Outcome, WrappingKeys};
use hufu_core::changeset::{Collection, Row, RowSeal};
use hufu_core::record::{WrappingKeyId, WrappingKeyRecord, WrappingKeyUse};
use hufu_core::store::Store;
use hufu_core::{BoxFuture, Error};
use hufu_secret::SecretBytes;
use quick_cache::sync::Cache;

use super::Integrity;

/// Wrapping keys kept open at once; each tenant has two.
const OPEN_MAX: usize = 1_024;
/// Longest wait for the root key's token.
const ROOT_TIMEOUT: Duration = Duration::from_secs(10);
/// Length of every wrapping key, in bytes.
pub(crate) const KEY_LEN: usize = 32;

/// Opens and makes wrapping keys with the root key.
pub struct Keyring {
    store: Arc<dyn Store>,
    root: Root,
    integrity: Integrity,
    open: Cache<WrappingKeyId, Arc<SecretBytes>>,
}

/// The root key, in its token.
pub(crate) struct Root {
    pub(crate) deployment: String,
    pub(crate) slot: String,
    pub(crate) backend: Arc<dyn KeyBackend>,
    pub(crate) key: KeyHandle,
    pub(crate) rng: Arc<dyn Rng>,
}

impl Keyring {
    pub(crate) fn new(store: Arc<dyn Store>, root: Root, integrity_key: &SecretBytes) -> Self {
        Self { store, root, integrity: Integrity::new(integrity_key), open: Cache::new(OPEN_MAX) }
    }

    /// Tags and checks rows.
    #[must_use]
    pub fn integrity(&self) -> &Integrity {
        &self.integrity
    }

    /// Makes a new wrapping key for a tenant. It lives once its record is committed.
    ///
    /// # Errors
    /// [`hufu_core::Reason::BackendUnavailable`] when the root key's token does not answer.
    pub async fn create(&self, usage: WrappingKeyUse, tenant: &str, now: u64) -> Result<WrappingKeyRecord, Error> {
        self.root.create(usage, tenant, now).await.map(|(record, _)| record)
    }

    /// The wrapping key of that id, from its tagged row.
    ///
    /// # Errors
    /// [`BackendError`] when the row is missing, not ours, or the root key's token does not answer.
    pub async fn open(&self, id: WrappingKeyId) -> Result<Arc<SecretBytes>, BackendError> {
        if let Some(key) = self.open.get(&id) {
            return Ok(key);
        }
        let row = self.store.get(Collection::WrappingKey, &id.to_string()).await;
        let row = row.map_err(|error| BackendError::Unavailable(error.to_string()))?;
        let row = row.ok_or_else(|| BackendError::Missing(format!("wrapping key {id}")))?;
        let record: WrappingKeyRecord = self
            .integrity
            .open(&row)
            .map_err(|_| BackendError::Missing(format!("wrapping key {id} is not one that this deployment wrote")))?;
        let key = Arc::new(self.root.open(&record).await?);
        self.open.insert(id, key.clone());
        Ok(key)
    }
}

impl RowSeal for Keyring {
    fn seal(&self, row: Row) -> Row {
        self.integrity.seal(row)
    }

    fn is_genuine(&self, row: &Row) -> bool {
        self.integrity.is_genuine(row)
    }
}

impl WrappingKeys for Keyring {
    fn wrapping_key(&self, id: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        Box::pin(self.open(id))
    }
}

impl Root {
    pub(crate) async fn create(
        &self,
        usage: WrappingKeyUse,
        tenant: &str,
        now: u64,
    ) -> Result<(WrappingKeyRecord, SecretBytes), Error> {
        let id = WrappingKeyId(random_array(self.rng.as_ref()).map_err(Error::internal)?);
        let nonce: [u8; 12] = random_array(self.rng.as_ref()).map_err(Error::internal)?;
        let mut key = SecretBytes::zeroed(KEY_LEN);
        self.rng.fill(key.expose_mut()).map_err(Error::internal)?;
        let aad = WrappingKeyRecord::binding(&self.deployment, id, usage, tenant);
        let seal = Operation::Seal(&self.key, Aead { nonce: &nonce, aad: &aad, data: key.expose() });
        let sealed = match self.backend.perform(seal, Instant::now() + ROOT_TIMEOUT).await {
            Ok(Outcome::Bytes(sealed)) => sealed,
            Ok(_) => return Err(Error::internal("the root backend answered out of turn")),
            Err(error) => return Err(crate::fault::backend(error)),
        };
        let wrapped = [nonce.as_slice(), &sealed].concat();
        let (tenant, root_slot) = (tenant.to_owned(), self.slot.clone());
        Ok((WrappingKeyRecord { id, usage, tenant, wrapped, root_slot, created_at: now }, key))
    }

    pub(crate) async fn open(&self, record: &WrappingKeyRecord) -> Result<SecretBytes, BackendError> {
        let malformed = || BackendError::Missing(format!("wrapping key {} is malformed", record.id));
        let (nonce, data) = record.wrapped.split_first_chunk::<12>().ok_or_else(malformed)?;
        let aad = WrappingKeyRecord::binding(&self.deployment, record.id, record.usage, &record.tenant);
        let open = Operation::Open(&self.key, Aead { nonce, aad: &aad, data });
        match self.backend.perform(open, Instant::now() + ROOT_TIMEOUT).await? {
            Outcome::Plaintext(key) if key.len() == KEY_LEN => Ok(key),
            _ => Err(malformed()),
        }
    }
}
