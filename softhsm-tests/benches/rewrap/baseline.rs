//! The cryptography alone.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, Outcome, Rewrap, Template, WrappingKeys};
use hufu_core::record::{Exit, VersionUid, WrappingKeyId};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;

const OLD: WrappingKeyId = WrappingKeyId([1; 16]);
const NEW: WrappingKeyId = WrappingKeyId([2; 16]);

/// Keys that are open, as those of the service are.
struct Open([Arc<SecretBytes>; 2]);

impl WrappingKeys for Open {
    fn wrapping_key(&self, id: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        let [old, new] = &self.0;
        let key = if id == OLD { old } else { new }.clone();
        Box::pin(async move { Ok(key) })
    }
}

struct OsRng;

impl Rng for OsRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

/// Microseconds to bring a P-256 key under another wrapping key.
pub(crate) async fn rewrapping_us(rounds: u32) -> f64 {
    let keys = [1, 2].map(|byte| Arc::new(SecretBytes::from_slice(&[byte; 32])));
    let threads = NonZeroUsize::MIN;
    let backend = SoftwareBackend::new(Arc::new(Open(keys)), Arc::new(OsRng), threads).expect("a backend");
    let key = made(&backend).await;
    let began = Instant::now();
    for _ in 0..rounds {
        let rewrap = Rewrap { wrapping_key: NEW, binding: &[7; 150] };
        let answer = backend.perform(Operation::Rewrap(&key, rewrap), soon()).await;
        assert!(matches!(answer, Ok(Outcome::Rewrapped(_))), "it is wrapped anew");
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
}

async fn made(backend: &SoftwareBackend) -> KeyHandle {
    let template = Template {
        uid: VersionUid([3; 16]),
        algorithm: Algorithm::P256,
        purpose: Purpose::Sign,
        scheme: Scheme::EcdsaSha256,
        binding: Arc::new([7; 150]),
        wrapping_key: Some(OLD),
        exit: Exit::Never,
    };
    let Ok(Outcome::Generated(made)) = backend.perform(Operation::Generate(&template), soon()).await else {
        panic!("a key is made");
    };
    KeyHandle {
        uid: template.uid,
        algorithm: template.algorithm,
        scheme: template.scheme,
        locator: made.locator,
        binding: template.binding,
        public_key: made.public_key.map(Arc::from),
        distinguishing_id: None,
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}
