//! Opens what holds the keys of protection `hsm`: a token or a group of them, and a TPM beside it.

use std::sync::Arc;

use hufu_core::backend::{BackendError, KeyBackend};
use hufu_engine::RootToken;
use hufu_group::{Group, GroupError, Late, Replication};
use hufu_pkcs11::{PROFILE_LEN_MAX, TokenSelector, VendorProfile};
use hufu_secret::SecretBytes;

use crate::config::{Config, GroupConfig, Isolation, Mode, ReplicationConfig, RootConfig, TokenConfig};
use crate::identities::invalid;
use crate::open::{Ambient, Error};
use crate::split_root::SplitRoot;
use crate::{files, guard, pin, production};

/// Opens the token, or the tokens of a group. Where there are further root slots the token may be missing: they open what the
/// root keys wrap.
pub(crate) fn open(
    config: &Config,
    ambient: &Ambient,
    split: Option<&SplitRoot>,
) -> Result<Arc<dyn KeyBackend>, Error> {
    if let Some(split) = split {
        return split.backend(ambient.rng.clone());
    }
    match (&config.token, &config.group) {
        (Some(token), _) if !config.root.is_empty() => Ok(Arc::new(open_late(token, None, config.mode)?)),
        (Some(token), _) => {
            // A mistake here must not cost a PIN that was asked for.
            let vendor = Vendor::read(token)?;
            let pin = pin::read(&token.pin, &format!("token {}", token.serial))?;
            open_token(token, vendor, None, pin).map_err(|error| Error::Token(error.to_string()))
        }
        (None, Some(group)) => open_group(group, config.mode, ambient),
        (None, None) => Err(Error::Token("none is configured".to_owned())),
    }
}

/// What the configuration says of a vendor's tokens.
#[derive(Clone)]
struct Vendor {
    profile: Option<VendorProfile>,
    init_string: Option<String>,
}

impl Vendor {
    fn read(config: &TokenConfig) -> Result<Self, Error> {
        Ok(Self { profile: read_profile(config)?, init_string: read_init_string(config)? })
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

/// Why a token could not be opened.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Token(#[from] hufu_pkcs11::OpenError),
    #[error(transparent)]
    Worker(#[from] hufu_worker::OpenError),
}

fn open_token(
    token: &TokenConfig,
    vendor: Vendor,
    group: Option<&str>,
    pin: SecretBytes,
) -> Result<Arc<dyn KeyBackend>, OpenError> {
    let serial = TokenSelector::Serial(token.serial.clone());
    let options = hufu_pkcs11::Config::new(&token.module, serial, pin);
    let (sessions, hang_after) = (token.sessions, token.hang_after);
    let Vendor { profile, init_string } = vendor;
    let options = hufu_pkcs11::Config {
        sessions,
        hang_after,
        profile,
        init_string,
        group: group.map(str::to_owned),
        ..options
    };
    match token.isolation {
        Isolation::Process => open_worker(token, options),
        Isolation::InProcess => Ok(Arc::new(hufu_pkcs11::Pkcs11Backend::open(options)?)),
    }
}

fn open_worker(of: &TokenConfig, token: hufu_pkcs11::Config) -> Result<Arc<dyn KeyBackend>, OpenError> {
    let options = hufu_worker::Config {
        program: of.worker.clone(),
        environment: of.environment.clone(),
        ..hufu_worker::Config::new(token)
    };
    Ok(Arc::new(hufu_worker::WorkerBackend::open(options)?))
}

/// Opens the tokens of the further root slots, each there or not.
pub(crate) fn open_roots(config: &Config) -> Result<Vec<RootToken>, Error> {
    let open = |root: &RootConfig| {
        let late = open_late(&root.token, None, config.mode)?;
        Ok(RootToken { slot: root.slot.clone(), serial: root.token.serial.clone(), backend: Arc::new(late) })
    };
    config.root.iter().map(open).collect()
}

/// Opens the tokens of a group. Those that cannot be opened now are tried again later, as long as one can.
fn open_group(group: &GroupConfig, mode: Mode, ambient: &Ambient) -> Result<Arc<dyn KeyBackend>, Error> {
    let mut tokens: Vec<(String, Arc<dyn KeyBackend>)> = Vec::new();
    let mut closed: Vec<String> = Vec::new();
    for token in &group.tokens {
        let shared_key = (group.replication == ReplicationConfig::Wrapped).then(|| group.name.clone());
        let late = open_late(token, shared_key, mode)?;
        if let Some(error) = late.closed() {
            closed.push(format!("{}: {error}", token.serial));
        }
        let proven = guard::proven(Arc::new(late), token, ambient.rng.clone(), ambient.alarms.clone())?;
        tokens.push((token.serial.clone(), proven));
    }
    if closed.len() == tokens.len() {
        return Err(Error::Token(format!("none of the group can be opened: {}", closed.join("; "))));
    }
    let replication = match group.replication {
        ReplicationConfig::Vendor => Replication::Vendor,
        ReplicationConfig::Wrapped => Replication::Wrapped,
    };
    let config = hufu_group::GroupConfig { name: group.name.clone(), copies: group.copies, replication };
    let opened = Group::new(config, tokens).map_err(|error: GroupError| Error::Token(error.to_string()))?;
    Ok(Arc::new(opened))
}

/// Opens a token, now or later.
fn open_late(token: &TokenConfig, shared_key: Option<String>, mode: Mode) -> Result<Late, Error> {
    let vendor = Vendor::read(token)?;
    let pin = pin::read(&token.pin, &format!("token {}", token.serial))?;
    let (serial, of) = (token.serial.clone(), token.clone());
    let open = move || {
        // A PIN that is good is presented again at each try; one that was refused, or perhaps was, never is.
        let pin = SecretBytes::from_slice(pin.expose());
        let opened = open_token(&of, vendor.clone(), shared_key.as_deref(), pin).map_err(answer)?;
        if production::is_refused(mode, opened.as_ref()) {
            return Err(BackendError::Unsupported("it is a simulation, which production refuses".to_owned()));
        }
        Ok(opened)
    };
    let late = Late::open(serial, open).map_err(Error::Thread)?;
    match late.closed() {
        // What production refuses is a mistake in the configuration, not a token that is missing.
        Some(BackendError::Unsupported(why)) => Err(Error::Refused(format!("token {}: {why}", token.serial))),
        Some(error) => {
            tracing::error!(token = token.serial, %error, "begins without this token");
            Ok(late)
        }
        None => Ok(late),
    }
}

/// What an open failure means for a later try.
fn answer(error: OpenError) -> BackendError {
    match error {
        OpenError::Token(hufu_pkcs11::OpenError::Backend(error @ BackendError::Credentials(_)))
        | OpenError::Worker(hufu_worker::OpenError::Token(hufu_pkcs11::OpenError::Backend(
            error @ BackendError::Credentials(_),
        ))) => error,
        OpenError::Worker(error @ hufu_worker::OpenError::PinInDoubt(_)) => {
            BackendError::Credentials(error.to_string())
        }
        other => BackendError::Unavailable(other.to_string()),
    }
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
