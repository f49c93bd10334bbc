//! SM2 signatures with SM3 (GB/T 32918.2), by the sm2 crate.

use std::hint::black_box;
use std::sync::OnceLock;

use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{BackendError, SignInput};
use hufu_core::record::DISTINGUISHING_ID_DEFAULT;
use hufu_secret::SecretBytes;
use sm2::dsa::signature::RandomizedSigner;
use sm2::dsa::signature::hazmat::RandomizedPrehashSigner;
use sm2::dsa::signature::rand_core::{TryCryptoRng, TryRng};
use sm2::dsa::{Signature, SigningKey};

use super::{draw_scalar, malformed, wrong_digest_len};
use crate::backend::failed;
use crate::spki::{self, Curve};

/// Boxed so that the key stays at one address, where [`Drop`] overwrites it: the library does not zeroize.
pub(crate) struct Key(Box<SigningKey>);

pub(super) fn generate(rng: &dyn Rng) -> Result<(SecretBytes, Vec<u8>), BackendError> {
    let (scalar, key) = draw_scalar(rng, 32, |scalar| Key::parse(scalar, None))?;
    let public_key = key.public_key()?;
    Ok((scalar, public_key))
}

impl Key {
    /// Parses a scalar. n − 1 is refused too: 1 + d must be invertible (GB/T 32918.1 §6.1).
    pub(super) fn parse(scalar: &[u8], distinguishing_id: Option<&str>) -> Result<Self, BackendError> {
        let distinguishing_id = distinguishing_id.unwrap_or(DISTINGUISHING_ID_DEFAULT);
        if scalar.len() != 32 || scalar == N_MINUS_1 {
            return Err(malformed());
        }
        let key = SigningKey::from_slice(distinguishing_id, scalar).map_err(|_| malformed())?;
        Ok(Self(Box::new(key)))
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        spki::from_point(Curve::Sm2, &self.0.verifying_key().to_sec1_bytes())
    }

    /// Signs; a digest is e = SM3(Z_A ‖ M). The nonce is derived as in RFC 6979 with fresh randomness mixed in.
    pub(super) fn sign(&self, input: SignInput<'_>, rng: &dyn Rng) -> Result<Vec<u8>, BackendError> {
        let mut rng = Hedge(rng);
        let signature: Result<Signature, _> = match input {
            SignInput::Message(message) => self.0.try_sign_with_rng(&mut rng, message),
            SignInput::Digest(digest) if digest.len() == 32 => self.0.sign_prehash_with_rng(&mut rng, digest),
            SignInput::Digest(_) => return Err(wrong_digest_len()),
        };
        signature.map(|s| s.to_vec()).map_err(|_| failed("the library refused to sign"))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if let Some(blank) = blank() {
            *self.0 = blank.clone();
            // Keeps the overwriting from being optimised away as a store that nobody reads.
            black_box(&self.0);
        }
    }
}

const N_MINUS_1: [u8; 32] = [
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x72, 0x03, 0xdf,
    0x6b, 0x21, 0xc6, 0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x22,
];

/// A key that protects nothing, to overwrite others with.
fn blank() -> Option<&'static SigningKey> {
    static BLANK: OnceLock<Option<SigningKey>> = OnceLock::new();
    BLANK.get_or_init(|| SigningKey::from_slice("", &[1; 32]).ok()).as_ref()
}

/// The injected source as the library wants to see it.
struct Hedge<'a>(&'a dyn Rng);

impl TryRng for Hedge<'_> {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), RngError> {
        self.0.fill(buffer)
    }
}

impl TryCryptoRng for Hedge<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_out_of_range_are_refused() {
        assert!(Key::parse(&[0; 32], None).is_err());
        assert!(Key::parse(&[0xff; 32], None).is_err());
        assert!(Key::parse(&N_MINUS_1, None).is_err());
        let mut largest = N_MINUS_1;
        largest[31] -= 1;
        assert!(Key::parse(&largest, None).is_ok());
    }
}
