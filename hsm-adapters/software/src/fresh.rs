//! New key material that no backend keeps: whoever asks for it wraps or splits it.

use hufu_core::algorithm::Algorithm;
use hufu_core::ambient::Rng;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;

use crate::key;
use crate::wrapping::to_send;

/// Draws material in the form in which keys travel: PKCS #8 of a private key, the bytes of a secret one; and the
/// SubjectPublicKeyInfo of a pair, DER.
///
/// # Errors
/// [`BackendError::Failed`] when randomness is missing.
pub fn fresh(algorithm: Algorithm, rng: &dyn Rng) -> Result<(SecretBytes, Option<Vec<u8>>), BackendError> {
    let (material, public_key) = key::generate(algorithm, rng)?;
    let material = to_send(algorithm, public_key.as_deref(), material)?;
    Ok((material, public_key))
}
