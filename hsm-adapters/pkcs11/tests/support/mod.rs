//! A token of the test's own: the test runs again in a child process whose environment names a scratch directory,
//! because a module reads its configuration when the module is loaded and a process should not change its own environment.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test ends where it fails"
)]

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{
    BackendError, KeyBackend, KeyHandle, Operation, Outcome, PublicKey, SignInput, Template, WrappingKeys,
};
use hufu_core::record::{VersionUid, WrappingKeyId};
use hufu_pkcs11::{Config, Pkcs11Backend, TokenSelector, find_or_init_token};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;

pub(crate) mod modules;
pub(crate) mod remote;

pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub(crate) const LABEL: &str = "hufu test";
pub(crate) const PIN: &[u8] = b"1234567";
pub(crate) const SO_PIN: &[u8] = b"12345678";
const SETTING: &str = "SOFTHSM2_CONF";
const KRYOPTIC_MODULE: &str = "HUFU_KRYOPTIC_MODULE";
const KRYOPTIC_SETTING: &str = "KRYOPTIC_CONF";
const MARK: &str = "HUFU_TEST_ISOLATED";
const SCRATCH: &str = "HUFU_TEST_SCRATCH";

/// Runs the body in a process of its own with an empty SoftHSM; does nothing, loudly, where there is none.
pub(crate) fn with_softhsm(test: &str, body: impl Future<Output = ()>) {
    if !Path::new(MODULE).exists() {
        println!("skipped: {test}: no SoftHSM at {MODULE}");
        return;
    }
    isolated(test, body, |scratch| {
        let configuration = scratch.join("softhsm2.conf");
        let tokens = scratch.join("tokens");
        std::fs::create_dir(&tokens).unwrap();
        let text =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
        std::fs::write(&configuration, text).unwrap();
        Surroundings::variable(SETTING, configuration)
    });
}

/// Runs the body in a process of its own with an empty Kryoptic; does nothing, loudly, where no module is named.
pub(crate) fn with_kryoptic(test: &str, body: impl AsyncFnOnce(&Path)) {
    let Some(module) = std::env::var_os(KRYOPTIC_MODULE) else {
        println!("skipped: {test}: {KRYOPTIC_MODULE} names no module");
        return;
    };
    let module = Path::new(&module);
    isolated(test, body(module), |scratch| Surroundings::variable(KRYOPTIC_SETTING, scratch.join("token.sql")));
}

/// What a test's process is given.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// Variables that the module reads.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// A command line that ends in the program to run, such as one that hides directories from it.
    pub(crate) prefix: Vec<OsString>,
}

impl Surroundings {
    fn variable(name: &'static str, value: impl Into<OsString>) -> Self {
        Self { environment: vec![(name, value.into())], prefix: Vec::new() }
    }
}

/// Runs a test's body in a child process with surroundings of its own, which a scratch directory backs.
pub(crate) fn isolated(test: &str, body: impl Future<Output = ()>, prepare: impl FnOnce(&Path) -> Surroundings) {
    if std::env::var_os(MARK).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(body);
        // A call that was given up may go on inside the module, which its exit handlers would take down.
        hufu_secret::end_process(0);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let Surroundings { environment, mut prefix } = prepare(scratch.path());
    let socket = format!("unix:path={}", scratch.path().join("p11-kit").display());
    prefix.push(std::env::current_exe().unwrap().into_os_string());
    let output = Command::new(&prefix[0])
        .args(&prefix[1..])
        .args([test, "--exact", "--nocapture"])
        .envs(environment)
        .env(remote::ADDRESS, socket)
        .env(SCRATCH, scratch.path())
        .env(MARK, "1")
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// In an isolated test: its scratch directory.
pub(crate) fn scratch() -> PathBuf {
    std::env::var_os(SCRATCH).map(PathBuf::from).unwrap()
}

pub(crate) fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(bytes)
}

/// The serial number of the test's token, made when it is not there.
pub(crate) fn provision() -> String {
    find_or_init_token(Path::new(MODULE), LABEL, &secret(SO_PIN), &secret(PIN)).unwrap()
}

pub(crate) fn config(serial: &str) -> Config {
    Config::new(MODULE, TokenSelector::Serial(serial.to_owned()), secret(PIN))
}

pub(crate) fn token() -> Pkcs11Backend {
    Pkcs11Backend::open(config(&provision())).unwrap()
}

/// The backend that verifies.
pub(crate) fn software() -> SoftwareBackend {
    SoftwareBackend::new(Arc::new(NoKeys), Arc::new(OsRng), NonZeroUsize::MIN).unwrap()
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
        Box::pin(async { Err(BackendError::Missing("none".to_owned())) })
    }
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub(crate) fn uid() -> VersionUid {
    VersionUid(hufu_core::ambient::random_array(&OsRng).unwrap())
}

/// A P-256 key on the token.
pub(crate) async fn p256(backend: &dyn KeyBackend) -> KeyHandle {
    let (algorithm, purpose, scheme) = (Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256);
    let template = Template {
        uid: uid(),
        algorithm,
        purpose,
        scheme,
        binding: Arc::from([]),
        wrapping_key: None,
        exit: hufu_core::record::Exit::Never,
    };
    let Ok(Outcome::Generated(generated)) = backend.perform(Operation::Generate(&template), soon()).await else {
        panic!("a key is generated");
    };
    KeyHandle {
        uid: template.uid,
        algorithm,
        scheme,
        locator: generated.locator,
        binding: template.binding,
        public_key: generated.public_key.map(Arc::from),
        distinguishing_id: None,
    }
}

pub(crate) async fn sign(backend: &dyn KeyBackend, key: &KeyHandle) -> Result<Vec<u8>, BackendError> {
    match backend.perform(Operation::Sign(key, SignInput::Message(b"message")), soon()).await? {
        Outcome::Bytes(signature) => Ok(signature),
        answer => panic!("{answer:?}"),
    }
}

pub(crate) async fn assert_signs(backend: &dyn KeyBackend, key: &KeyHandle) {
    let signature = sign(backend, key).await.unwrap();
    let public_key = PublicKey {
        algorithm: key.algorithm,
        scheme: key.scheme,
        spki: key.public_key.as_deref().unwrap(),
        distinguishing_id: None,
    };
    let operation = Operation::Verify(&public_key, SignInput::Message(b"message"), &signature);
    assert!(matches!(software().perform(operation, soon()).await, Ok(Outcome::Verified(true))));
}
