//! ECDSA on P-256 and P-384 (FIPS 186-5 §6), by aws-lc.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
};
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, SignInput};
use hufu_secret::SecretBytes;

use super::{draw_scalar, malformed, wrong_digest_len};
use crate::backend::failed;
use crate::spki::{self, Curve};

/// ECPrivateKey (RFC 5915 §3) around a scalar: what precedes it and what follows.
const P256_DER: (&[u8], usize, &[u8]) =
    (b"\x30\x31\x02\x01\x01\x04\x20", 32, b"\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");
const P384_DER: (&[u8], usize, &[u8]) =
    (b"\x30\x3e\x02\x01\x01\x04\x30", 48, b"\xa0\x07\x06\x05\x2b\x81\x04\x00\x22");

pub(crate) struct Key {
    pair: EcdsaKeyPair,
    curve: Curve,
}

pub(super) fn generate(algorithm: Algorithm, rng: &dyn Rng) -> Result<(SecretBytes, Vec<u8>), BackendError> {
    let len = if algorithm == Algorithm::P384 { P384_DER.1 } else { P256_DER.1 };
    let (scalar, key) = draw_scalar(rng, len, |scalar| Key::parse(algorithm, scalar))?;
    let public_key = key.public_key()?;
    Ok((scalar, public_key))
}

impl Key {
    /// Parses a scalar, big-endian, of the length of the curve's order.
    pub(super) fn parse(algorithm: Algorithm, scalar: &[u8]) -> Result<Self, BackendError> {
        let (curve, parameters, (head, len, tail)) = match algorithm {
            Algorithm::P384 => (Curve::P384, &ECDSA_P384_SHA384_FIXED_SIGNING, P384_DER),
            _ => (Curve::P256, &ECDSA_P256_SHA256_FIXED_SIGNING, P256_DER),
        };
        if scalar.len() != len {
            return Err(malformed());
        }
        let mut der = SecretBytes::zeroed(head.len() + len + tail.len());
        let source = head.iter().chain(scalar).chain(tail);
        der.expose_mut().iter_mut().zip(source).for_each(|(to, from)| *to = *from);
        let pair = EcdsaKeyPair::from_private_key_der(parameters, der.expose()).map_err(|_| malformed())?;
        Ok(Self { pair, curve })
    }

    pub(crate) fn scheme(&self) -> Scheme {
        if self.curve == Curve::P384 { Scheme::EcdsaSha384 } else { Scheme::EcdsaSha256 }
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        spki::from_point(self.curve, self.pair.public_key().as_ref())
    }

    pub(super) fn sign(&self, input: SignInput<'_>) -> Result<Vec<u8>, BackendError> {
        let signature = match input {
            // The library ignores the generator that it is given.
            SignInput::Message(message) => self.pair.sign(&SystemRandom::new(), message),
            SignInput::Digest(digest) => self.pair.sign_digest(&self.import(digest)?),
        };
        signature.map(|s| s.as_ref().to_vec()).map_err(|_| failed("the library refused to sign"))
    }

    fn import(&self, bytes: &[u8]) -> Result<Digest, BackendError> {
        let hash = if self.curve == Curve::P384 { &digest::SHA384 } else { &digest::SHA256 };
        Digest::import_less_safe(bytes, hash).map_err(|_| wrong_digest_len())
    }
}
