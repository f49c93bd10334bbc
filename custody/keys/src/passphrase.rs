//! Keys in a file under a passphrase: the software backend, with a wrapping key that the passphrase gives.

use std::num::NonZeroUsize;
use std::sync::Arc;

use hufu_core::BoxFuture;
use hufu_core::backend::{BackendError, KeyBackend, WrappingKeys};
use hufu_core::record::WrappingKeyId;
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;

use crate::argon::{SALT_LEN, check_new};
use crate::surroundings::{HostRng, random};
use crate::{Cost, CustodianKeys, Error, Identity, KeyFile, Place, Suite};

/// The only wrapping key there is.
struct Derived {
    id: WrappingKeyId,
    key: Arc<SecretBytes>,
}

impl WrappingKeys for Derived {
    fn wrapping_key(&self, id: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        let known = if id == self.id { Ok(Arc::clone(&self.key)) } else { Err(()) };
        Box::pin(async move { known.map_err(|()| BackendError::Missing("another passphrase's key".to_owned())) })
    }
}

impl KeyFile {
    /// Makes keys that only the passphrase opens.
    ///
    /// # Errors
    /// [`Error::PassphraseLen`], [`Error::Cost`], [`Error::Memory`], [`Error::System`]; [`Error::Custodian`] for an identity
    /// that no roster could have.
    pub fn in_file(
        identity: Identity,
        suite: Suite,
        passphrase: &SecretBytes,
        cost: Cost,
    ) -> Result<(Self, CustodianKeys), Error> {
        check_new(passphrase)?;
        let salt = random(SALT_LEN)?.expose().try_into().map_err(|_| Error::System("randomness"))?;
        Self::make(&backend(passphrase, cost, salt)?, identity, suite, Place::File { cost, salt })
    }

    /// Opens the keys of the file.
    ///
    /// # Errors
    /// [`Error::Passphrase`] when it is wrong or the file was changed; [`Error::Place`] when the keys are elsewhere;
    /// [`Error::Memory`], [`Error::NotTheirs`].
    pub fn open_in_file(&self, passphrase: &SecretBytes) -> Result<CustodianKeys, Error> {
        let Place::File { cost, salt } = self.place() else {
            return Err(Error::Place(self.place().words()));
        };
        match self.keys(backend(passphrase, *cost, *salt)?) {
            Err(Error::Backend(BackendError::Missing(_))) => Err(Error::Passphrase),
            keys => keys,
        }
    }
}

fn backend(passphrase: &SecretBytes, cost: Cost, salt: [u8; SALT_LEN]) -> Result<Arc<dyn KeyBackend>, Error> {
    let key = Arc::new(cost.derive(passphrase, &salt)?);
    let derived = Derived { id: WrappingKeyId(salt), key };
    let backend = SoftwareBackend::new(Arc::new(derived), Arc::new(HostRng), NonZeroUsize::MIN);
    Ok(Arc::new(backend.map_err(|_| Error::System("thread"))?))
}
