//! The key that the custodians hold together.

use std::sync::Arc;

use hufu_core::BoxFuture;
use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{BackendError, WrappingKeys};
use hufu_core::record::WrappingKeyId;
use hufu_secret::SecretBytes;
use parking_lot::RwLock;

/// Length of the master key in bytes.
pub const MASTER_KEY_LEN: usize = 32;

/// What the blobs under the master key name as their wrapping key: it has no row, and so no identity of its own.
pub(crate) const MASTER_KEY_ID: WrappingKeyId = WrappingKeyId(*b"hufu master key\0");

/// The master key, or its absence: nobody has brought it yet.
#[derive(Default)]
pub struct MasterKey(RwLock<Option<Arc<SecretBytes>>>);

impl MasterKey {
    /// One that is not there.
    #[must_use]
    pub fn sealed() -> Self {
        Self::default()
    }

    /// One that is here.
    ///
    /// # Errors
    /// As [`Self::unseal`].
    pub fn of(key: SecretBytes) -> Result<Self, BackendError> {
        let master = Self::sealed();
        master.unseal(key)?;
        Ok(master)
    }

    /// A new one, which someone must split before anything rests on it.
    ///
    /// # Errors
    /// [`RngError`] when the random source fails.
    pub fn generate(rng: &dyn Rng) -> Result<Self, RngError> {
        let mut key = SecretBytes::zeroed(MASTER_KEY_LEN);
        rng.fill(key.expose_mut())?;
        Ok(Self(RwLock::new(Some(Arc::new(key)))))
    }

    /// Puts it in.
    ///
    /// # Errors
    /// [`BackendError::InvalidInput`] when it is no key of that length.
    pub fn unseal(&self, key: SecretBytes) -> Result<(), BackendError> {
        if key.len() != MASTER_KEY_LEN {
            return Err(BackendError::InvalidInput("what the shares make is no master key".to_owned()));
        }
        *self.0.write() = Some(Arc::new(key));
        Ok(())
    }

    /// Whether nobody has brought it yet.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.0.read().is_none()
    }

    /// The key, to be split.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] while it is not there.
    pub fn read(&self) -> Result<Arc<SecretBytes>, BackendError> {
        let sealed =
            || BackendError::Unavailable("the service is sealed: custodians must bring their shares".to_owned());
        self.0.read().clone().ok_or_else(sealed)
    }
}

impl WrappingKeys for MasterKey {
    fn wrapping_key(&self, id: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        Box::pin(async move {
            if id == MASTER_KEY_ID {
                return self.read();
            }
            Err(BackendError::Missing(format!("the master key is not wrapping key {id}")))
        })
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_sealed() { "MasterKey(sealed)" } else { "MasterKey([redacted])" })
    }
}
