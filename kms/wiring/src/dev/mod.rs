//! The development start: everything of its own under one directory, nothing to set up.

mod authority;
mod profiles;
mod softhsm;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use hufu_core::ambient::random_array;

use crate::ambient::SystemRng;
use crate::config::{
    Config, Isolation, LedgerConfig, Mode, PinSource, ServerConfig, StorageConfig, TlsConfig, TokenConfig,
    VerifyConfig, default_hang_after, default_verify_one_of,
};
use crate::files;
use crate::open::Error;

pub(crate) use authority::DEVELOPMENT_ORGANIZATION;
pub(crate) use profiles::write_profiles;

/// Tenant of the development principals.
pub(crate) const TENANT: &str = "dev";
/// The development principals: profile name and role.
pub(crate) const PRINCIPALS: [(&str, &str); 4] =
    [("admin", "admin"), ("operator", "operator"), ("app", "application"), ("auditor", "auditor")];

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The SoftHSM module; looked for in the usual places when missing.
    pub pkcs11_module: Option<PathBuf>,
}

/// Prepares the process for SoftHSM, which finds its tokens only through the environment: where that is not set, the process begins
/// again with it set. Call it first, before any thread is started.
///
/// # Errors
/// [`Error`] when directory or process cannot be prepared.
pub fn enter_dev(options: &DevOptions) -> Result<(), Error> {
    softhsm::enter(&options.data_dir)
}

impl Config {
    /// The configuration of a development start: makes directory, token, authority and client certificates when they are
    /// not there.
    ///
    /// # Errors
    /// [`Error`] when something cannot be made.
    pub fn dev(options: &DevOptions) -> Result<Self, Error> {
        let dir = options.data_dir.as_path();
        files::private_dir(dir).map_err(|error| Error::File(dir.to_owned(), error))?;
        let module = softhsm::module(options.pkcs11_module.as_deref())?;
        let pin = dir.join("pin");
        let serial = softhsm::token(&module, &pin)?;
        let principals = authority::ensure(dir, options.listen.ip())?;
        Ok(Self {
            mode: Mode::Development,
            server: ServerConfig { listen: options.listen, tls: tls(dir) },
            storage: StorageConfig::Sqlite { path: dir.join("hufu.db") },
            token: Some(token(module, serial, pin)),
            group: None,
            custodians: None,
            ceremonies: None,
            threshold: None,
            holder: None,
            root: Vec::new(),
            tpm: None,
            ledger: LedgerConfig {
                origin: own_origin()?,
                listen: Some(SocketAddr::new(options.listen.ip(), 0)),
                outside_dir: dir.join("outside"),
                audit_head_period: Duration::from_secs(60),
            },
            metrics_listen: Some(SocketAddr::new(options.listen.ip(), 0)),
            destroy_delay_min: Duration::ZERO,
            retire: BTreeMap::new(),
            tenants: vec![TENANT.to_owned()],
            principals,
            dev_dir: Some(dir.to_owned()),
        })
    }
}

/// An origin that no other log has: development logs come and go. The first start keeps it.
fn own_origin() -> Result<String, Error> {
    let id: [u8; 8] = random_array(&SystemRng).map_err(hufu_core::Error::internal)?;
    Ok(format!("dev.hufu.invalid/log/{}", hex::encode(id)))
}

fn token(module: PathBuf, serial: String, pin: PathBuf) -> TokenConfig {
    TokenConfig {
        module,
        serial,
        pin: PinSource::File(pin),
        profile: None,
        profile_file: None,
        init_string: None,
        sessions: half_of_the_cores(),
        isolation: Isolation::default(),
        worker: None,
        environment: Vec::new(),
        hang_after: default_hang_after(),
        verify: VerifyConfig::default(),
        verify_one_of: default_verify_one_of(),
    }
}

/// A token that is a program needs the machine's own cores, and more sessions than this make it slower: measured, one
/// SoftHSM session signs 15,000 times a second at 66 µs, two together 19,000 times at 99 µs each.
fn half_of_the_cores() -> NonZeroUsize {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN)
}

fn tls(dir: &Path) -> TlsConfig {
    let ca = dir.join("ca");
    TlsConfig {
        certificate: ca.join("server.pem"),
        key: ca.join("server.key"),
        client_authorities: vec![ca.join("ca.pem")],
    }
}
