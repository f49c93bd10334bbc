//! A swtpm of its own for each test, and a software backend that verifies.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test ends where it fails")]

mod swtpm;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::ambient::{Rng, RngError, random_array};
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, Outcome, Template, WrappingKeys};
use hufu_core::record::{VersionUid, WrappingKeyId};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;
use hufu_tpm::{Config, TpmBackend};
pub(crate) use swtpm::Swtpm;

pub(crate) fn config(tpm: &Swtpm, pin: &str) -> Config {
    Config { tcti: tpm.tcti(), pin: SecretBytes::from_slice(pin.as_bytes()), simulated: None }
}

pub(crate) async fn open(tpm: &Swtpm) -> TpmBackend {
    TpmBackend::open(config(tpm, "a long PIN")).await.unwrap()
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
    let (purpose, binding) = (scheme.purpose(), Arc::from([]));
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
