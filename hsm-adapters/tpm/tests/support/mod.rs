//! A swtpm of its own for each test, and a software backend that verifies.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test ends where it fails")]

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::{Rng, RngError, random_array};
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, Outcome, Template, WrappingKeys};
use hufu_core::record::{VersionUid, WrappingKeyId};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;
use hufu_tpm::{Config, TpmBackend};
use tempfile::TempDir;

/// A running swtpm. Dropped, it is killed; its state goes with it.
pub(crate) struct Swtpm {
    state: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Swtpm {
    /// A new TPM; nothing, and a word about it, where swtpm is not installed.
    pub(crate) fn start() -> Option<Self> {
        if Command::new("swtpm").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("skipped: swtpm is not installed (`apt-get install swtpm`)");
            return None;
        }
        let mut tpm = Self { state: tempfile::tempdir().unwrap(), port: free_ports(), child: None };
        tpm.power_on();
        Some(tpm)
    }

    /// Starts it on its state, as a machine that boots.
    pub(crate) fn power_on(&mut self) {
        let [server, control] =
            [self.port, self.port + 1].map(|port| format!("type=tcp,port={port},bindaddr=127.0.0.1"));
        let state = format!("dir={}", self.state.path().display());
        let arguments = ["socket", "--tpm2", "--tpmstate", &state, "--server", &server, "--ctrl", &control];
        let child = Command::new("swtpm")
            .args(arguments)
            .args(["--flags", "not-need-init,startup-clear"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(20);
        // Only the control channel may be tried: the server takes one connection.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port + 1)).is_err() {
            assert!(Instant::now() < deadline, "swtpm does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it with -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn config(&self, pin: &str) -> Config {
        Config {
            tcti: format!("swtpm:host=127.0.0.1,port={}", self.port),
            pin: SecretBytes::from_slice(pin.as_bytes()),
            simulated: None,
        }
    }

    pub(crate) async fn open(&self) -> TpmBackend {
        TpmBackend::open(self.config("a long PIN")).await.unwrap()
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The first of two neighbouring ports that are free: the software stack expects the control channel beside the other.
fn free_ports() -> u16 {
    loop {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind((Ipv4Addr::LOCALHOST, port + 1)).is_ok() {
            return port;
        }
    }
}

pub(crate) struct OsRng;

impl Rng for OsRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

struct NoKeys;

impl WrappingKeys for NoKeys {
    fn wrapping_key(&self, _: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        Box::pin(async { Err(BackendError::Missing("there are none".to_owned())) })
    }
}

pub(crate) fn software() -> SoftwareBackend {
    SoftwareBackend::new(Arc::new(NoKeys), Arc::new(OsRng), NonZeroUsize::MIN).unwrap()
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// A new key, as the engine would hand it back.
pub(crate) async fn generate(backend: &TpmBackend, algorithm: Algorithm, scheme: Scheme) -> KeyHandle {
    let uid = VersionUid(random_array(&OsRng).unwrap());
    let (purpose, binding) = (Purpose::Sign, Arc::from([]));
    let template = Template {
        uid,
        algorithm,
        purpose,
        scheme,
        binding,
        wrapping_key: None,
        exit: hufu_core::record::Exit::Never,
    };
    let Ok(Outcome::Generated(made)) = backend.perform(Operation::Generate(&template), soon()).await else {
        panic!("{algorithm} is generated");
    };
    let public_key = made.public_key.map(Arc::from);
    let binding = template.binding;
    KeyHandle { uid, algorithm, scheme, locator: made.locator, binding, public_key, distinguishing_id: None }
}
