//! The life of `hufud`: harden, open, serve, drain, stop.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use hufu_secret::{MemoryLock, harden_process};
use hufu_wiring::{Config, DevOptions, Service, SplitRoot, StorageConfig, TlsMaterial, enter_dev};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::args::{Args, ServerRole, Work};
use crate::init;
use crate::limits::Limits;
use crate::net::{TlsError, TlsIdentity, server_config};
use crate::roots;
use crate::serve::{Daemon, Listeners, ServeError, bind, serve_sealed};
use crate::shares;
use crate::wire::status::{Installation, StorageKind};

/// Longest wait, after draining, for what is left to commit.
const SHUTDOWN_MAX: Duration = Duration::from_secs(15);

/// Why the daemon ended in another way than by a signal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// Configuration, key store, database or ledger do not allow a start.
    #[error("the service cannot be opened")]
    Open(#[from] hufu_wiring::Error),
    /// The configuration is one of another role.
    #[error("{0}")]
    Role(&'static str),
    /// Nothing was confirmed, so nothing was done.
    #[error("not confirmed: nothing was destroyed")]
    Unconfirmed,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// The operating system gave no runtime, signal or standard output.
    #[error("the operating system refused")]
    System(#[from] io::Error),
    /// The end came before the database answered.
    #[error("stopped before the database answered: the next start finds out what was committed")]
    Unsettled,
    /// Listening was not possible, or serving ended by itself.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl DaemonError {
    /// The exit code, as `hufud --help` lists them.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Serve(ServeError::Ended(_) | ServeError::Journal) | Self::Unsettled => 1,
            _ => 3,
        }
    }
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// [`DaemonError`] when it cannot start or ends by itself.
pub fn run(args: &Args) -> Result<(), DaemonError> {
    if let Some(work) = &args.work {
        harden();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        return runtime.block_on(async {
            match work {
                Work::Root(work) => roots::run(work).await,
                Work::Shares(work) => shares::run(work).await,
                Work::Init(work) => init::run(work).await,
                // It never comes here: it is another program.
                Work::ShareOpener => Err(DaemonError::System(io::ErrorKind::Unsupported.into())),
            }
        });
    }
    let dev = args.dev.then(|| dev_options(args));
    if let Some(options) = &dev {
        // It may begin the process anew, so it comes before everything else.
        enter_dev(options)?;
    }
    harden();
    let config = match (&args.config, dev) {
        (Some(file), _) => of_role(Config::from_file(file).map_err(hufu_wiring::Error::from)?, args.role)?,
        (None, options) => Config::dev(&options.unwrap_or_else(|| dev_options(args)))?,
    };
    let workers = workers(config.tokens().map(|token| token.sessions.get()).sum());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(serve(config))
}

/// The configuration, if it is one of that role: what a file makes of a server must be what whoever starts it wants.
fn of_role(config: Config, role: ServerRole) -> Result<Config, DaemonError> {
    match (role, &config.holder) {
        (ServerRole::Service, None) | (ServerRole::Holder, Some(_)) => Ok(config),
        (ServerRole::Service, Some(_)) => Err(DaemonError::Role("the file is of a holder: say `--role holder`")),
        (ServerRole::Holder, None) => Err(DaemonError::Role("the file has no section `[holder]`")),
    }
}

fn dev_options(args: &Args) -> DevOptions {
    DevOptions { data_dir: args.data_dir.clone(), listen: args.listen, pkcs11_module: args.pkcs11_module.clone() }
}

/// Before anything secret is in memory.
fn harden() {
    let reached = harden_process(MemoryLock::All);
    tracing::info!(
        not_dumpable = %reached.not_dumpable,
        no_core = %reached.no_core,
        memory_locked = %reached.locked,
        "process hardened"
    );
}

/// Workers of the runtime: the cores that PKCS#11 calls leave, at least one.
fn workers(token_threads: usize) -> usize {
    let cores = available_parallelism().map_or(1, usize::from);
    cores.saturating_sub(token_threads).max(1)
}

async fn serve(config: Config) -> Result<(), DaemonError> {
    let stop = stop_signal()?;
    let material = TlsMaterial::load(&config.server.tls)?;
    let development_certificates = material.is_development();
    let certificate = material.certificate_chain.first().map_or([0; 32], |der| Sha256::digest(der).into());
    let installation = Installation { storage: storage_kind(&config.storage), development_certificates };
    let tls = server_config(identity(material))?;
    // Bound first: a second server, or an address that is not ours, is told before anything is opened.
    let listeners = Listeners {
        grpc: bind(config.server.listen).await?,
        ledger: bind_http("ledger", config.ledger.listen).await?,
        metrics: bind_http("metrics", config.metrics_listen).await?,
    };
    let mut stop = Box::pin(stop);
    let mut split = SplitRoot::find(&config).await?;
    if let Some(root) = &mut split {
        let address = listeners.grpc.local_addr()?;
        line(&format!("sealed: https://{address}"))?;
        let pins = hufu_wiring::active_pins(&config)?;
        let listener = duplicate(&listeners.grpc)?;
        match serve_sealed(root, pins, listener, tls.clone(), &Limits::default(), &mut stop).await? {
            Some(how) => root.opened(how, certificate),
            None => return Ok(()),
        }
    }
    let mut service = hufu_wiring::open(config, split).await?;
    let served = serve_opened(&mut service, listeners, tls, installation, stop).await;
    // Whatever happened, what is in the journal is committed before the process ends.
    let closed = timeout(SHUTDOWN_MAX, service.shutdown()).await;
    served.and(closed.map_err(|_| DaemonError::Unsettled))
}

async fn serve_opened(
    service: &mut Service,
    listeners: Listeners,
    tls: ServerConfig,
    installation: Installation,
    stop: impl Future<Output = ()>,
) -> Result<(), DaemonError> {
    let address = listeners.grpc.local_addr()?;
    let ledger = listeners.ledger.as_ref().map(TcpListener::local_addr).transpose()?;
    service.listening(address, ledger)?;
    let daemon = Daemon::new(service.engine.clone(), tls, Limits::default(), installation);
    announce(address, service.profile.as_deref())?;
    Ok(daemon.run(listeners, stop).await?)
}

fn storage_kind(storage: &StorageConfig) -> StorageKind {
    match storage {
        StorageConfig::Sqlite { .. } => StorageKind::Sqlite,
        StorageConfig::Postgres { .. } => StorageKind::Postgresql,
    }
}

async fn bind_http(what: &str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, DaemonError> {
    let Some(address) = address else { return Ok(None) };
    let listener = bind(address).await?;
    tracing::info!(what, address = %listener.local_addr()?, "listening over HTTP");
    Ok(Some(listener))
}

fn identity(material: TlsMaterial) -> TlsIdentity {
    let certificates = |chain: Vec<Vec<u8>>| chain.into_iter().map(CertificateDer::from).collect();
    TlsIdentity {
        certificate_chain: certificates(material.certificate_chain),
        private_key: material.private_key,
        trust_anchors: certificates(material.trust_anchors),
    }
}

/// The same socket once more: while a sealed server listens, nobody else gets its address.
fn duplicate(listener: &TcpListener) -> Result<TcpListener, io::Error> {
    let socket = std::os::fd::AsFd::as_fd(listener).try_clone_to_owned()?;
    TcpListener::from_std(socket.into())
}

/// Completes at the first SIGTERM or SIGINT. The handlers are in place when this returns.
fn stop_signal() -> Result<impl Future<Output = ()>, io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Tells whoever waits for it, on standard output, that the service listens: exactly one line.
fn announce(address: SocketAddr, profile: Option<&Path>) -> Result<(), io::Error> {
    match profile {
        Some(profile) => line(&format!("ready: https://{address} profile {}", profile.display())),
        None => line(&format!("ready: https://{address}")),
    }
}

fn line(text: &str) -> Result<(), io::Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
