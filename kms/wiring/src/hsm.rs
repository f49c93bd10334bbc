//! Opens what holds the keys of protection `hsm`: the token, and a TPM beside it.

use std::sync::Arc;

use hufu_core::backend::KeyBackend;
use hufu_pkcs11::{PROFILE_LEN_MAX, TokenSelector, VendorProfile};

use crate::config::{Config, Isolation, TokenConfig};
use crate::identities::invalid;
use crate::open::Error;
use crate::{files, pin};

/// Opens the token.
pub(crate) fn open_token(config: &Config) -> Result<Arc<dyn KeyBackend>, Error> {
    // A mistake here must not cost a PIN that was asked for.
    let (profile, init_string) = (read_profile(&config.token)?, read_init_string(&config.token)?);
    let pin = pin::read(&config.token.pin, &format!("token {}", config.token.serial))?;
    let serial = TokenSelector::Serial(config.token.serial.clone());
    let options = hufu_pkcs11::Config::new(&config.token.module, serial, pin);
    let (sessions, hang_after) = (config.token.sessions, config.token.hang_after);
    let options = hufu_pkcs11::Config { sessions, hang_after, profile, init_string, ..options };
    match config.token.isolation {
        Isolation::Process => open_worker(config, options),
        Isolation::InProcess => {
            let opened = hufu_pkcs11::Pkcs11Backend::open(options);
            Ok(Arc::new(opened.map_err(|error| Error::Token(error.to_string()))?))
        }
    }
}

/// The vendor profile that is named, if one is.
fn read_profile(config: &TokenConfig) -> Result<Option<VendorProfile>, Error> {
    let profile = match (&config.profile, &config.profile_file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(invalid("token.profile", "is there beside `profile_file`: keep one").into()),
        (Some(name), None) => VendorProfile::named(name).map_err(|error| ("token.profile", error)),
        (None, Some(path)) => {
            let text = files::read_text(path, PROFILE_LEN_MAX as u64)?;
            VendorProfile::parse(&text).map_err(|error| ("token.profile_file", error))
        }
    };
    profile.map(Some).map_err(|(field, error)| invalid(field, &error.to_string()).into())
}

fn read_init_string(config: &TokenConfig) -> Result<Option<String>, Error> {
    let Some(string) = &config.init_string else { return Ok(None) };
    let checked = hufu_pkcs11::check_init_string("init_string", string);
    checked.map_err(|error| invalid("token.init_string", &error.to_string()))?;
    Ok(Some(string.clone()))
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
    config.tpm.as_ref().map_or(Ok(None), |_| Err(invalid("tpm", problem).into()))
}
