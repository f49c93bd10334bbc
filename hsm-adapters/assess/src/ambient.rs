//! The host's randomness, and wrapping keys that are never asked for.

use std::num::NonZeroUsize;
use std::sync::Arc;

use hufu_core::BoxFuture;
use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{BackendError, WrappingKeys};
use hufu_core::record::WrappingKeyId;
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;

use crate::error::Error;

/// The operating system's random source.
pub(crate) struct HostRng;

impl Rng for HostRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

/// What verifies: the software backend, which is tested against vectors.
pub(crate) fn verifier() -> Result<SoftwareBackend, Error> {
    Ok(SoftwareBackend::new(Arc::new(NoKeys), Arc::new(HostRng), NonZeroUsize::MIN)?)
}

struct NoKeys;

impl WrappingKeys for NoKeys {
    fn wrapping_key(&self, _: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        Box::pin(async { Err(BackendError::Missing("the verifier keeps no keys".to_owned())) })
    }
}
