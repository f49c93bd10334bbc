//! ECDSA on secp256k1 with low s, by k256. Nonces are deterministic (RFC 6979), so a repeated request repeats its signature.

use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, SignInput};
use hufu_secret::SecretBytes;
use k256::ecdsa::signature::hazmat::PrehashSigner;
use k256::ecdsa::{Signature, SigningKey};
use sha2::{Digest, Sha256};

use super::{draw_scalar, malformed, wrong_digest_len};
use crate::backend::failed;
use crate::spki::{self, Curve};

/// Zeroized on drop by the library.
pub(crate) struct Key(SigningKey);

pub(super) fn generate(rng: &dyn Rng) -> Result<(SecretBytes, Vec<u8>), BackendError> {
    let (scalar, key) = draw_scalar(rng, 32, Key::parse)?;
    let public_key = key.public_key()?;
    Ok((scalar, public_key))
}

impl Key {
    pub(super) fn parse(scalar: &[u8]) -> Result<Self, BackendError> {
        if scalar.len() != 32 {
            return Err(malformed());
        }
        SigningKey::from_slice(scalar).map(Self).map_err(|_| malformed())
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        spki::from_point(Curve::Secp256k1, self.0.verifying_key().to_sec1_point(false).as_bytes())
    }

    pub(super) fn sign(&self, input: SignInput<'_>) -> Result<Vec<u8>, BackendError> {
        let signature: Result<Signature, _> = match input {
            SignInput::Message(message) => self.0.sign_prehash(&Sha256::digest(message)),
            SignInput::Digest(digest) if digest.len() == 32 => self.0.sign_prehash(digest),
            SignInput::Digest(_) => return Err(wrong_digest_len()),
        };
        signature.map(|s| s.to_bytes().to_vec()).map_err(|_| failed("the library refused to sign"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The widely used vector for RFC 6979 on secp256k1 with SHA-256: private key 1, message "Satoshi Nakamoto".
    #[test]
    fn nonces_follow_rfc_6979_and_s_is_low() {
        let mut scalar = [0; 32];
        scalar[31] = 1;
        let signature = Key::parse(&scalar).unwrap().sign(SignInput::Message(b"Satoshi Nakamoto")).unwrap();
        assert_eq!(
            hex::encode(signature),
            "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8\
             2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"
        );
    }

    #[test]
    fn scalars_out_of_range_are_refused() {
        assert!(Key::parse(&[0; 32]).is_err());
        assert!(Key::parse(&[0xff; 32]).is_err());
        assert!(Key::parse(&[1; 31]).is_err());
    }
}
