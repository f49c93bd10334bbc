//! Puts the check of signatures around the token.

use std::num::NonZeroUsize;
use std::sync::Arc;

use hufu_core::BoxFuture;
use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, KeyBackend, WrappingKeys};
use hufu_core::record::WrappingKeyId;
use hufu_engine::alarms::Alarms;
use hufu_guard::{Proven, Verify};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;

use crate::config::{TokenConfig, VerifyConfig};
use crate::open::Error;

/// The alarm for a result that does not belong to the key that was asked for.
const WRONG_OUTPUT: &str = "wrong_output";

/// A token whose signatures are checked as configured before they are released.
pub(crate) fn proven(
    token: Arc<dyn KeyBackend>,
    config: &TokenConfig,
    rng: Arc<dyn Rng>,
    alarms: Arc<Alarms>,
) -> Result<Arc<dyn KeyBackend>, Error> {
    // One of its own: the other one needs the root key, which is in the token.
    let verifier = Arc::new(SoftwareBackend::new(Arc::new(NoKeys), rng, NonZeroUsize::MIN)?);
    let verify = match config.verify {
        VerifyConfig::Always => Verify::Always,
        VerifyConfig::Reopened => Verify::Reopened,
        VerifyConfig::Sampled => Verify::Sampled(config.verify_one_of),
    };
    let proven = Proven::new(token, verifier, verify, move |mismatch| {
        alarms.raise(WRONG_OUTPUT, &format!("{} {}", mismatch.backend, mismatch.uid), mismatch.what);
    });
    Ok(Arc::new(proven))
}

/// It verifies and encrypts with public keys, and has none of its own.
struct NoKeys;

impl WrappingKeys for NoKeys {
    fn wrapping_key(&self, _: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        Box::pin(async { Err(BackendError::Missing("the verifier has no keys".to_owned())) })
    }
}
