//! Opened keys: one file per family of algorithms.

mod aes;
mod ed25519;
mod hmac;
mod nist;
mod rsa;
mod secp256k1;
mod sm2;
mod sm4;

use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::ambient::Rng;
use hufu_core::backend::{Aead, BackendError, KeyHandle, SignInput};
use hufu_secret::SecretBytes;

use crate::backend::{failed, invalid};

/// Tries before a random source that yields no valid scalar is given up: each fails with a chance below 2⁻³¹.
const DRAWS_MAX: usize = 8;

/// Length in bytes of an AEAD tag.
const TAG_LEN: usize = 16;

/// A private or secret key, parsed and ready for its one use.
pub(crate) enum Key {
    Nist(nist::Key),
    Secp256k1(Box<secp256k1::Key>),
    Ed25519(ed25519::Key),
    RsaSign(rsa::SigningKey),
    RsaDecrypt(rsa::DecryptingKey),
    Sm2(sm2::Key),
    Aes(aes::Key),
    Sm4(Box<sm4::Key>),
    HmacSha256(Box<hmac::Sha256Key>),
    HmacSm3(hmac::Sm3Key),
}

/// Draws material: the secret in the form in which it is wrapped, and the SubjectPublicKeyInfo of a pair.
pub(crate) fn generate(algorithm: Algorithm, rng: &dyn Rng) -> Result<(SecretBytes, Option<Vec<u8>>), BackendError> {
    let (material, public_key) = match algorithm {
        Algorithm::P256 | Algorithm::P384 => nist::generate(algorithm, rng)?,
        Algorithm::Secp256k1 => secp256k1::generate(rng)?,
        Algorithm::Ed25519 => ed25519::generate(rng)?,
        Algorithm::Rsa3072 => rsa::generate()?,
        Algorithm::Sm2 => sm2::generate(rng)?,
        Algorithm::Sm4Gcm => return Ok((draw(rng, 16)?, None)),
        Algorithm::Aes256Gcm | Algorithm::HmacSha256 | Algorithm::HmacSm3 => return Ok((draw(rng, 32)?, None)),
    };
    Ok((material, Some(public_key)))
}

/// Whether opened material becomes a key in less than about 50 µs.
pub(crate) fn parses_quickly(algorithm: Algorithm) -> bool {
    !matches!(algorithm, Algorithm::P384 | Algorithm::Rsa3072 | Algorithm::Sm2)
}

impl Key {
    /// Parses opened material, and checks that it belongs to the handle's public key.
    pub(crate) fn parse(handle: &KeyHandle, material: &SecretBytes) -> Result<Self, BackendError> {
        let bytes = material.expose();
        let (key, public_key) = match (handle.algorithm, handle.scheme) {
            (Algorithm::P256, Scheme::EcdsaSha256) | (Algorithm::P384, Scheme::EcdsaSha384) => {
                let key = nist::Key::parse(handle.algorithm, bytes)?;
                let public_key = key.public_key()?;
                (Self::Nist(key), Some(public_key))
            }
            (Algorithm::Secp256k1, Scheme::EcdsaSha256) => {
                let key = secp256k1::Key::parse(bytes)?;
                let public_key = key.public_key()?;
                (Self::Secp256k1(Box::new(key)), Some(public_key))
            }
            (Algorithm::Ed25519, Scheme::Ed25519) => {
                let key = ed25519::Key::parse(bytes)?;
                let public_key = key.public_key()?;
                (Self::Ed25519(key), Some(public_key))
            }
            (Algorithm::Rsa3072, Scheme::RsaOaepSha256) => {
                let key = rsa::DecryptingKey::parse(bytes)?;
                let public_key = key.public_key()?;
                (Self::RsaDecrypt(key), Some(public_key))
            }
            (Algorithm::Rsa3072, scheme) => {
                let key = rsa::SigningKey::parse(bytes, scheme)?;
                let public_key = key.public_key()?;
                (Self::RsaSign(key), Some(public_key))
            }
            (Algorithm::Sm2, Scheme::Sm2Sm3) => {
                let key = sm2::Key::parse(bytes, handle.distinguishing_id.as_deref())?;
                let public_key = key.public_key()?;
                (Self::Sm2(key), Some(public_key))
            }
            (Algorithm::Aes256Gcm, Scheme::Aes256Gcm) => (Self::Aes(aes::Key::parse(bytes)?), None),
            (Algorithm::Sm4Gcm, Scheme::Sm4Gcm) => (Self::Sm4(Box::new(sm4::Key::parse(bytes)?)), None),
            (Algorithm::HmacSha256, Scheme::HmacSha256) => {
                (Self::HmacSha256(Box::new(hmac::Sha256Key::parse(bytes)?)), None)
            }
            (Algorithm::HmacSm3, Scheme::HmacSm3) => (Self::HmacSm3(hmac::Sm3Key::parse(bytes)?), None),
            (algorithm, scheme) => {
                return Err(BackendError::Unsupported(format!("{algorithm} is not used with {scheme}")));
            }
        };
        // A handle that names no public key is a key being generated or a secret key.
        if handle.public_key.is_some() && handle.public_key.as_deref() != public_key.as_deref() {
            return Err(BackendError::Missing("the material belongs to another public key".to_owned()));
        }
        Ok(key)
    }

    pub(crate) fn sign(&self, input: SignInput<'_>, rng: &dyn Rng) -> Result<Vec<u8>, BackendError> {
        match self {
            Self::Nist(key) => key.sign(input),
            Self::Secp256k1(key) => key.sign(input),
            Self::Ed25519(key) => key.sign(input),
            Self::RsaSign(key) => key.sign(input),
            Self::Sm2(key) => key.sign(input, rng),
            _ => Err(invalid("the key does not sign")),
        }
    }

    pub(crate) fn mac(&self, data: &[u8]) -> Result<Vec<u8>, BackendError> {
        match self {
            Self::HmacSha256(key) => Ok(key.mac(data)),
            Self::HmacSm3(key) => key.mac(data),
            _ => Err(invalid("the key does not authenticate messages")),
        }
    }

    pub(crate) fn seal(&self, input: Aead<'_>) -> Result<Vec<u8>, BackendError> {
        match self {
            Self::Aes(key) => key.seal(input),
            Self::Sm4(key) => key.seal(input),
            _ => Err(invalid("the key does not encrypt")),
        }
    }

    pub(crate) fn open(&self, input: Aead<'_>) -> Result<SecretBytes, BackendError> {
        match self {
            Self::Aes(key) => key.open(input),
            Self::Sm4(key) => key.open(input),
            _ => Err(invalid("the key does not decrypt")),
        }
    }

    pub(crate) fn decrypt(&self, ciphertext: &[u8]) -> Result<SecretBytes, BackendError> {
        match self {
            Self::RsaDecrypt(key) => key.decrypt(ciphertext),
            _ => Err(invalid("the key does not decrypt")),
        }
    }
}

/// Fills a buffer from the injected source.
pub(crate) fn fill(rng: &dyn Rng, buffer: &mut [u8]) -> Result<(), BackendError> {
    rng.fill(buffer).map_err(|error| BackendError::Failed(error.to_string()))
}

fn draw(rng: &dyn Rng, len: usize) -> Result<SecretBytes, BackendError> {
    let mut bytes = SecretBytes::zeroed(len);
    fill(rng, bytes.expose_mut())?;
    Ok(bytes)
}

/// Draws scalars until one parses (FIPS 186-5 §A.2.2: rejection, so no bias).
fn draw_scalar<K>(
    rng: &dyn Rng,
    len: usize,
    parse: impl Fn(&[u8]) -> Result<K, BackendError>,
) -> Result<(SecretBytes, K), BackendError> {
    for _ in 0..DRAWS_MAX {
        let scalar = draw(rng, len)?;
        if let Ok(key) = parse(scalar.expose()) {
            return Ok((scalar, key));
        }
    }
    Err(failed("the random source yields no valid scalar"))
}

fn malformed() -> BackendError {
    BackendError::Missing("the material is not of that algorithm".to_owned())
}

fn wrong_digest_len() -> BackendError {
    invalid("the digest has the wrong length for the scheme")
}
