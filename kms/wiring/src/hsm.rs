//! Opens what holds the keys of protection `hsm`: the token, and a TPM beside it.

use std::sync::Arc;

use hufu_core::backend::KeyBackend;
use hufu_pkcs11::TokenSelector;

use crate::config::{Config, Isolation, TokenConfig};
use crate::open::Error;
use crate::pin;

/// Opens the token.
pub(crate) fn open_token(config: &Config) -> Result<Arc<dyn KeyBackend>, Error> {
    let pin = pin::read(&config.token.pin, &format!("token {}", config.token.serial))?;
    let serial = TokenSelector::Serial(config.token.serial.clone());
    let options = hufu_pkcs11::Config::new(&config.token.module, serial, pin);
    let (sessions, hang_after) = (config.token.sessions, config.token.hang_after);
    let options = hufu_pkcs11::Config { sessions, hang_after, ..options };
    match config.token.isolation {
        Isolation::Process => open_worker(config, options),
        Isolation::InProcess => {
            let opened = hufu_pkcs11::Pkcs11Backend::open(options);
            Ok(Arc::new(opened.map_err(|error| Error::Token(error.to_string()))?))
        }
    }
}

fn open_worker(config: &Config, token: hufu_pkcs11::Config) -> Result<Arc<dyn KeyBackend>, Error> {
    let TokenConfig { worker, environment, .. } = &config.token;
    let options = hufu_worker::Config {
        program: worker.clone(),
        environment: environment.clone(),
        ..hufu_worker::Config::new(token)
    };
    let opened = hufu_worker::WorkerBackend::open(options);
    Ok(Arc::new(opened.map_err(|error| Error::Token(error.to_string()))?))
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
