//! A SoftHSM of the test's own: the test runs again in a child process whose environment names a scratch directory,
//! because SoftHSM reads its configuration when the module is loaded and a process should not change its own environment.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test ends where it fails")]

use std::num::NonZeroUsize;
use std::path::Path;
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
use hufu_pkcs11::{TokenSelector, find_or_init_token};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;
use hufu_worker::{Config, WorkerBackend};

pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_hufu-hsm-worker");
pub(crate) const PIN: &str = "1234567";
const LABEL: &str = "hufu test";
const SO_PIN: &str = "12345678";
const SETTING: &str = "SOFTHSM2_CONF";
const MARK: &str = "HUFU_TEST_ISOLATED";

/// Runs the body in a process of its own with an empty SoftHSM; does nothing, loudly, where there is none.
pub(crate) fn with_softhsm(test: &str, body: impl Future<Output = ()>) {
    if !Path::new(MODULE).exists() {
        println!("skipped: {test}: no SoftHSM at {MODULE}");
        return;
    }
    if std::env::var_os(MARK).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
        return runtime.unwrap().block_on(body);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let configuration = scratch.path().join("softhsm2.conf");
    let tokens = scratch.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let text =
        format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    std::fs::write(&configuration, text).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(SETTING, configuration)
        .env(MARK, "1")
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(text.as_bytes())
}

/// The serial number of the test's token, made when it is not there.
pub(crate) fn provision() -> String {
    find_or_init_token(Path::new(MODULE), LABEL, &secret(SO_PIN), &secret(PIN)).unwrap()
}

pub(crate) fn config() -> Config {
    with_pin(PIN)
}

pub(crate) fn with_pin(pin: &str) -> Config {
    let token = hufu_pkcs11::Config::new(MODULE, TokenSelector::Serial(provision()), secret(pin));
    Config { program: Some(PROGRAM.into()), ..Config::new(token) }
}

pub(crate) fn open() -> WorkerBackend {
    WorkerBackend::open(config()).unwrap()
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

/// The backend that verifies.
pub(crate) fn software() -> SoftwareBackend {
    SoftwareBackend::new(Arc::new(NoKeys), Arc::new(OsRng), NonZeroUsize::MIN).unwrap()
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A P-256 key on the token.
pub(crate) async fn p256(backend: &dyn KeyBackend) -> KeyHandle {
    let (algorithm, purpose, scheme) = (Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256);
    let uid = VersionUid(hufu_core::ambient::random_array(&OsRng).unwrap());
    let template = Template {
        uid,
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
        uid,
        algorithm,
        scheme,
        locator: generated.locator,
        binding: template.binding,
        public_key: generated.public_key.map(Arc::from),
        distinguishing_id: None,
    }
}

pub(crate) async fn sign(
    backend: &dyn KeyBackend,
    key: &KeyHandle,
    message: &[u8],
    deadline: Instant,
) -> Result<Vec<u8>, BackendError> {
    match backend.perform(Operation::Sign(key, SignInput::Message(message)), deadline).await? {
        Outcome::Bytes(signature) => Ok(signature),
        answer => panic!("{answer:?}"),
    }
}

pub(crate) async fn verifies(software: &SoftwareBackend, key: &KeyHandle, message: &[u8], signature: &[u8]) -> bool {
    let (algorithm, scheme, spki) = (key.algorithm, key.scheme, key.public_key.as_deref().unwrap());
    let public_key = PublicKey { algorithm, scheme, spki, distinguishing_id: None };
    let operation = Operation::Verify(&public_key, SignInput::Message(message), signature);
    matches!(software.perform(operation, soon()).await, Ok(Outcome::Verified(true)))
}

pub(crate) async fn assert_signs(backend: &dyn KeyBackend, key: &KeyHandle) {
    let signature = sign(backend, key, b"message", soon()).await.unwrap();
    assert!(verifies(&software(), key, b"message", &signature).await);
}

/// Asks again and again until it holds; how long that took.
pub(crate) async fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}

pub(crate) fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Whether a process is there and has not ended.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
