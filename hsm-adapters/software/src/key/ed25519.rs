//! Pure Ed25519 (RFC 8032 §5.1), by aws-lc.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use hufu_core::algorithm::Algorithm;
use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, SignInput};
use hufu_secret::SecretBytes;

use super::{draw_scalar, malformed};
use crate::backend::failed;
use crate::spki;

pub(crate) struct Key(Ed25519KeyPair);

pub(super) fn generate(rng: &dyn Rng) -> Result<(SecretBytes, Vec<u8>), BackendError> {
    let (seed, key) = draw_scalar(rng, 32, Key::parse)?;
    let public_key = key.public_key()?;
    Ok((seed, public_key))
}

impl Key {
    /// Parses a seed. Its public key is derived, and compared by the caller with the recorded one.
    pub(super) fn parse(seed: &[u8]) -> Result<Self, BackendError> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| malformed())
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        spki::from_raw(Algorithm::Ed25519, self.0.public_key().as_ref())
    }

    pub(super) fn sign(&self, input: SignInput<'_>) -> Result<Vec<u8>, BackendError> {
        let SignInput::Message(message) = input else {
            return Err(BackendError::Unsupported("pure Ed25519 signs messages, not digests".to_owned()));
        };
        let signature = self.0.try_sign(message).map_err(|_| failed("the library refused to sign"))?;
        Ok(signature.as_ref().to_vec())
    }
}
