//! Keys on a PKCS#11 token: the file only says which.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hufu_core::backend::KeyBackend;
use hufu_pkcs11::{Config, Pkcs11Backend, TokenSelector};
use hufu_secret::SecretBytes;

use crate::{CustodianKeys, Error, Identity, KeyFile, Place, Suite};

/// How to reach a token.
#[derive(Debug)]
pub struct TokenAccess {
    /// Path of the vendor's PKCS#11 module. Never kept in a file: whoever changes the file would say what runs here.
    pub module: PathBuf,
    /// Which token.
    pub token: TokenSelector,
    /// PIN of the normal user. It is presented once.
    pub pin: SecretBytes,
}

impl KeyFile {
    /// Makes keys on a token, which they never leave.
    ///
    /// The module stays loaded until the process ends.
    ///
    /// # Errors
    /// [`Error::Open`] for the module, the token or the PIN; [`Error::Backend`] when the token cannot make or use such keys;
    /// [`Error::Custodian`] for an identity that no roster could have.
    pub fn on_token(identity: Identity, suite: Suite, access: TokenAccess) -> Result<(Self, CustodianKeys), Error> {
        let token = open(access)?;
        let (serial, model) = (token.serial().to_owned(), token.model().to_owned());
        let place = Place::Token { serial, model, simulated: token.capabilities().simulated };
        let backend: Arc<dyn KeyBackend> = Arc::new(token);
        Self::make(&backend, identity, suite, place)
    }

    /// Finds the keys on their token.
    ///
    /// # Errors
    /// [`Error::Place`] when they are elsewhere; [`Error::Open`] for the module, the token or the PIN; [`Error::Backend`] when
    /// they are not there any more; [`Error::NotTheirs`]; [`Error::Simulated`].
    pub fn open_on_token(&self, module: &Path, pin: SecretBytes) -> Result<CustodianKeys, Error> {
        let Place::Token { serial, simulated, .. } = self.place() else {
            return Err(Error::Place(self.place().words()));
        };
        let token = TokenSelector::Serial(serial.clone());
        let token = open(TokenAccess { module: module.to_owned(), token, pin })?;
        if token.capabilities().simulated != *simulated {
            return Err(Error::Simulated);
        }
        self.keys(Arc::new(token))
    }
}

/// One session is enough for one person.
fn open(access: TokenAccess) -> Result<Pkcs11Backend, Error> {
    let config = Config::new(access.module, access.token, access.pin);
    Ok(Pkcs11Backend::open(Config { sessions: NonZeroUsize::MIN, ..config })?)
}
