//! Opens what holds the keys of protection `hsm`: the token, and a TPM beside it.

use std::sync::Arc;

use hufu_core::backend::{BackendError, KeyBackend};
use hufu_engine::RootToken;
use hufu_pkcs11::TokenSelector;
use hufu_secret::SecretBytes;

use crate::awaited::Awaited;
use crate::config::{Config, Isolation, Mode, RootConfig, TokenConfig};
use crate::open::Error;
use crate::pin;

/// Opens the token. Where there are further root slots it may be missing: they open what the root keys wrap.
pub(crate) fn open_token(config: &Config) -> Result<Arc<dyn KeyBackend>, Error> {
    let opener = Opener::new(&config.token, config.mode)?;
    if config.root.is_empty() {
        opener.open().map_err(|refused| Error::Token(refused.why))
    } else {
        Awaited::open(opener)
    }
}

/// Opens the tokens of the further root slots, each there or not.
pub(crate) fn open_roots(config: &Config) -> Result<Vec<RootToken>, Error> {
    let open = |root: &RootConfig| {
        let backend = Awaited::open(Opener::new(&root.token, config.mode)?)?;
        crate::production::check_simulated(config, backend.as_ref())?;
        Ok(RootToken { slot: root.slot.clone(), serial: root.token.serial.clone(), backend })
    };
    config.root.iter().map(open).collect()
}

/// Opens one token, as often as is asked.
pub(crate) struct Opener {
    token: TokenConfig,
    mode: Mode,
    pin: SecretBytes,
}

/// Why a token was not opened.
pub(crate) struct Refused {
    pub(crate) why: String,
    /// Whether it would be wrong to try again by itself: PINs are counted.
    pub(crate) for_good: bool,
}

impl Opener {
    /// Reads the PIN, or asks for it.
    pub(crate) fn new(token: &TokenConfig, mode: Mode) -> Result<Self, Error> {
        let pin = pin::read(&token.pin, &format!("token {}", token.serial))?;
        Ok(Self { token: token.clone(), mode, pin })
    }

    pub(crate) fn serial(&self) -> &str {
        &self.token.serial
    }

    pub(crate) fn open(&self) -> Result<Arc<dyn KeyBackend>, Refused> {
        let serial = TokenSelector::Serial(self.token.serial.clone());
        let options =
            hufu_pkcs11::Config::new(&self.token.module, serial, SecretBytes::from_slice(self.pin.expose()));
        let (sessions, hang_after) = (self.token.sessions, self.token.hang_after);
        let options = hufu_pkcs11::Config { sessions, hang_after, ..options };
        let backend = match self.token.isolation {
            Isolation::Process => self.open_worker(options)?,
            Isolation::InProcess => {
                Arc::new(hufu_pkcs11::Pkcs11Backend::open(options).map_err(|error| refused(&error))?)
            }
        };
        Ok(backend)
    }

    /// As [`Self::open`], later: the start has checked what was there then, and nothing simulated comes in after it.
    pub(crate) fn open_late(&self) -> Result<Arc<dyn KeyBackend>, Refused> {
        let backend = self.open()?;
        if self.mode == Mode::Production && backend.capabilities().simulated {
            return Err(Refused { why: format!("{} is a simulation", backend.name()), for_good: true });
        }
        Ok(backend)
    }

    fn open_worker(&self, token: hufu_pkcs11::Config) -> Result<Arc<dyn KeyBackend>, Refused> {
        let TokenConfig { worker, environment, .. } = &self.token;
        let options = hufu_worker::Config {
            program: worker.clone(),
            environment: environment.clone(),
            ..hufu_worker::Config::new(token)
        };
        match hufu_worker::WorkerBackend::open(options) {
            Ok(opened) => Ok(Arc::new(opened)),
            Err(hufu_worker::OpenError::Token(error)) => Err(refused(&error)),
            Err(error) => {
                let for_good = matches!(error, hufu_worker::OpenError::PinInDoubt(_));
                Err(Refused { why: error.to_string(), for_good })
            }
        }
    }
}

fn refused(error: &hufu_pkcs11::OpenError) -> Refused {
    use hufu_pkcs11::OpenError;
    let for_good = matches!(
        error,
        OpenError::Backend(BackendError::Credentials(_)) | OpenError::PinEncoding | OpenError::Ambiguous(_)
    );
    Refused { why: error.to_string(), for_good }
}

/// Opens the TPM, if one is configured.
#[cfg(feature = "tpm")]
pub(crate) async fn open_tpm(config: &Config) -> Result<Option<Arc<dyn KeyBackend>>, Error> {
    let Some(tpm) = &config.tpm else { return Ok(None) };
    let pin = pin::read(&tpm.pin, "the TPM")?;
    let options = hufu_tpm::Config { tcti: tpm.tcti.clone(), pin, simulated: None };
    let opened = hufu_tpm::TpmBackend::open(options).await.map_err(|error| Error::Token(error.to_string()))?;
    crate::production::check_simulated(config, &opened)?;
    Ok(Some(Arc::new(opened)))
}

/// Without the feature there is none.
#[cfg(not(feature = "tpm"))]
pub(crate) async fn open_tpm(config: &Config) -> Result<Option<Arc<dyn KeyBackend>>, Error> {
    let problem = "this program was built without TPMs: build it with `--features tpm`";
    config.tpm.as_ref().map_or(Ok(None), |_| Err(crate::identities::invalid("tpm", problem).into()))
}
