//! Keys in a TPM 2.0: the file holds them, sealed by the TPM.

use std::sync::Arc;

use hufu_core::backend::KeyBackend;
use hufu_secret::SecretBytes;
use hufu_tpm::{Config, TpmBackend};

use crate::surroundings::wait;
use crate::{CustodianKeys, Error, Identity, KeyFile, Place, Suite};

/// Shortest PIN of new keys, in bytes. The TPM counts wrong ones; whoever owns it may set its counter back.
const PIN_LEN_MIN: usize = 8;
/// Longest PIN in bytes.
const PIN_LEN_MAX: usize = 1_024;

/// How to reach a TPM.
#[derive(Debug)]
pub struct TpmAccess {
    /// Where it is, as the TCG software stack writes it, such as `device:/dev/tpmrm0`. Never kept in a file: the stack loads a
    /// library by it.
    pub tcti: String,
    /// What authorizes the use of the keys. A wrong one is presented once: TPMs count.
    pub pin: SecretBytes,
}

impl KeyFile {
    /// Makes keys that this TPM alone loads, with that PIN.
    ///
    /// # Errors
    /// [`Error::PinLen`]; [`Error::OpenTpm`] when there is no such TPM; [`Error::Backend`] when it cannot make or use such keys;
    /// [`Error::Custodian`] for an identity that no roster could have.
    pub fn in_tpm(identity: Identity, suite: Suite, access: TpmAccess) -> Result<(Self, CustodianKeys), Error> {
        if !(PIN_LEN_MIN..=PIN_LEN_MAX).contains(&access.pin.len()) {
            return Err(Error::PinLen { min: PIN_LEN_MIN, max: PIN_LEN_MAX });
        }
        let tpm = open(access)?;
        let (device, model) = (tpm.id().to_owned(), tpm.model().to_owned());
        let place = Place::Tpm { device, model, simulated: tpm.capabilities().simulated };
        let backend: Arc<dyn KeyBackend> = Arc::new(tpm);
        Self::make(&backend, identity, suite, place)
    }

    /// Loads the keys into their TPM.
    ///
    /// # Errors
    /// [`Error::Place`] when they are elsewhere; [`Error::AnotherTpm`]; [`Error::OpenTpm`] when there is no such TPM;
    /// [`Error::Backend`] for a wrong PIN, a TPM that is locked, or keys that were changed; [`Error::NotTheirs`];
    /// [`Error::Simulated`].
    pub fn open_in_tpm(&self, access: TpmAccess) -> Result<CustodianKeys, Error> {
        let Place::Tpm { device, simulated, .. } = self.place() else {
            return Err(Error::Place(self.place().words()));
        };
        let tpm = open(access)?;
        if tpm.id() != device {
            return Err(Error::AnotherTpm { wanted: device.clone(), found: tpm.id().to_owned() });
        }
        if tpm.capabilities().simulated != *simulated {
            return Err(Error::Simulated);
        }
        self.keys(Arc::new(tpm))
    }
}

fn open(access: TpmAccess) -> Result<TpmBackend, Error> {
    let TpmAccess { tcti, pin } = access;
    Ok(wait(TpmBackend::open(Config { tcti, pin, simulated: None }))??)
}
