//! Opened keys: one file per family of algorithms.

mod aes;
mod ecdh;
mod ed25519;
mod hmac;
mod ml_dsa;
mod ml_kem;
mod nist;
mod rsa;
mod secp256k1;
mod sm2;
mod sm4;
mod wrap;

use hufu_core::algorithm::{Algorithm, Form, Scheme};
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
    MlDsa(ml_dsa::Key),
    MlKem(ml_kem::Key),
    Ecdh(ecdh::Key),
    Aes(aes::Key),
    Sm4(Box<sm4::Key>),
    HmacSha2(Box<hmac::Sha2Key>),
    HmacSm3(hmac::Sm3Key),
    Wrap(wrap::Key),
    Import(Box<wrap::ImportKey>),
}

/// Draws material: the secret in the form in which it is wrapped, and the SubjectPublicKeyInfo of a pair.
pub(crate) fn generate(algorithm: Algorithm, rng: &dyn Rng) -> Result<(SecretBytes, Option<Vec<u8>>), BackendError> {
    let (material, public_key) = match (algorithm.entry().form, algorithm) {
        (Form::Secret(len), _) => return Ok((draw(rng, len)?, None)),
        (Form::Rsa(_), _) => rsa::generate(algorithm)?,
        (Form::Pair, Algorithm::P256 | Algorithm::P384) => nist::generate(algorithm, rng)?,
        (Form::Pair, Algorithm::Secp256k1) => secp256k1::generate(rng)?,
        (Form::Pair, Algorithm::Ed25519) => ed25519::generate(rng)?,
        (Form::Pair, Algorithm::X25519) => ecdh::generate(rng)?,
        (Form::Pair, Algorithm::Sm2) => sm2::generate(rng)?,
        (Form::Pair, Algorithm::MlKem768) => ml_kem::generate()?,
        (Form::Pair, Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87) => {
            ml_dsa::generate(algorithm, rng)?
        }
        (Form::Pair, _) => return Err(BackendError::Unsupported(format!("{algorithm} is not generated"))),
    };
    Ok((material, Some(public_key)))
}

/// What a pair that is made for this agrees on with a public key, and the pair's own public key.
pub(crate) fn meet(algorithm: Algorithm, peer: &[u8], rng: &dyn Rng) -> Result<(SecretBytes, Vec<u8>), BackendError> {
    if algorithm.agreement_len().is_none() {
        return Err(misused(algorithm, Scheme::Ecdh));
    }
    let (material, public_key) = generate(algorithm, rng)?;
    let secret = ecdh::Key::parse(algorithm, material.expose())?.agree(peer)?;
    Ok((secret, public_key.unwrap_or_default()))
}

/// Whether opened material becomes a key in less than about 50 µs.
pub(crate) fn parses_quickly(algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::P384 | Algorithm::Sm2 | Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => false,
        _ => algorithm.modulus_len().is_none(),
    }
}

impl Key {
    /// Parses opened material, and checks that it belongs to the handle's public key.
    pub(crate) fn parse(handle: &KeyHandle, material: &SecretBytes) -> Result<Self, BackendError> {
        let (key, public_key) = if handle.algorithm.is_asymmetric() {
            let (key, public_key) = Self::parse_pair(handle, material.expose())?;
            (key, Some(public_key))
        } else {
            (Self::parse_secret(handle, material.expose())?, None)
        };
        // A handle that names no public key is a key being generated or a secret key.
        if handle.public_key.is_some() && handle.public_key.as_deref() != public_key.as_deref() {
            return Err(BackendError::Missing("the material belongs to another public key".to_owned()));
        }
        Ok(key)
    }

    /// A private key and the public key that is derived from it.
    fn parse_pair(handle: &KeyHandle, bytes: &[u8]) -> Result<(Self, Vec<u8>), BackendError> {
        let algorithm = handle.algorithm;
        Ok(match (algorithm, handle.scheme) {
            (Algorithm::P256, Scheme::EcdsaSha256) | (Algorithm::P384, Scheme::EcdsaSha384) => {
                let key = nist::Key::parse(algorithm, bytes)?;
                let public_key = key.public_key()?;
                (Self::Nist(key), public_key)
            }
            (Algorithm::Secp256k1, Scheme::EcdsaSha256) => {
                let key = secp256k1::Key::parse(bytes)?;
                let public_key = key.public_key()?;
                (Self::Secp256k1(Box::new(key)), public_key)
            }
            (Algorithm::Ed25519, Scheme::Ed25519) => {
                let key = ed25519::Key::parse(bytes)?;
                let public_key = key.public_key()?;
                (Self::Ed25519(key), public_key)
            }
            (Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096, Scheme::RsaOaepSha256) => {
                let key = rsa::DecryptingKey::parse(algorithm, bytes)?;
                let public_key = key.public_key()?;
                (Self::RsaDecrypt(key), public_key)
            }
            (Algorithm::Rsa3072 | Algorithm::Rsa4096, Scheme::RsaAesKwp | Scheme::RsaAesKwpSha1) => {
                let key = wrap::ImportKey::parse(algorithm, bytes, handle.scheme)?;
                let public_key = key.public_key()?;
                (Self::Import(Box::new(key)), public_key)
            }
            (Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096, scheme) => {
                let key = rsa::SigningKey::parse(algorithm, bytes, scheme)?;
                let public_key = key.public_key()?;
                (Self::RsaSign(key), public_key)
            }
            (Algorithm::Sm2, Scheme::Sm2Sm3) => {
                let key = sm2::Key::parse(bytes, handle.distinguishing_id.as_deref())?;
                let public_key = key.public_key()?;
                (Self::Sm2(key), public_key)
            }
            (Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87, Scheme::MlDsa) => {
                let key = ml_dsa::Key::parse(algorithm, bytes)?;
                let public_key = key.public_key()?;
                (Self::MlDsa(key), public_key)
            }
            (Algorithm::MlKem768, Scheme::MlKem) => {
                let key = ml_kem::Key::parse(bytes)?;
                let public_key = key.public_key()?;
                (Self::MlKem(key), public_key)
            }
            (Algorithm::P256 | Algorithm::P384 | Algorithm::X25519 | Algorithm::Sm2, Scheme::Ecdh) => {
                let key = ecdh::Key::parse(algorithm, bytes)?;
                let public_key = key.public_key()?;
                (Self::Ecdh(key), public_key)
            }
            (algorithm, scheme) => return Err(misused(algorithm, scheme)),
        })
    }

    fn parse_secret(handle: &KeyHandle, bytes: &[u8]) -> Result<Self, BackendError> {
        let algorithm = handle.algorithm;
        if algorithm.entry().form != Form::Secret(bytes.len()) {
            return Err(malformed());
        }
        Ok(match (algorithm, handle.scheme) {
            (Algorithm::Aes128Gcm | Algorithm::Aes256Gcm, Scheme::AesGcm) => Self::Aes(aes::Key::parse(bytes)?),
            (Algorithm::Sm4Gcm, Scheme::Sm4Gcm) => Self::Sm4(Box::new(sm4::Key::parse(bytes)?)),
            (Algorithm::HmacSha256, Scheme::HmacSha256) | (Algorithm::HmacSha384, Scheme::HmacSha384) => {
                Self::HmacSha2(Box::new(hmac::Sha2Key::parse(algorithm, bytes)))
            }
            (Algorithm::Aes256Kwp, Scheme::AesKwp) => Self::Wrap(wrap::Key::parse(bytes)),
            (Algorithm::HmacSm3, Scheme::HmacSm3) => Self::HmacSm3(hmac::Sm3Key::parse(bytes)),
            (algorithm, scheme) => return Err(misused(algorithm, scheme)),
        })
    }

    pub(crate) fn sign(&self, input: SignInput<'_>, rng: &dyn Rng) -> Result<Vec<u8>, BackendError> {
        match self {
            Self::Nist(key) => key.sign(input),
            Self::Secp256k1(key) => key.sign(input),
            Self::Ed25519(key) => key.sign(input),
            Self::RsaSign(key) => key.sign(input),
            Self::Sm2(key) => key.sign(input, rng),
            Self::MlDsa(key) => key.sign(input),
            _ => Err(invalid("the key does not sign")),
        }
    }

    pub(crate) fn mac(&self, data: &[u8]) -> Result<Vec<u8>, BackendError> {
        match self {
            Self::HmacSha2(key) => Ok(key.mac(data)),
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

    /// Wraps the material of another key. Only keys of purpose wrap do, and they do nothing else.
    pub(crate) fn wrap(&self, material: &SecretBytes) -> Result<Vec<u8>, BackendError> {
        match self {
            Self::Wrap(key) => key.wrap(material),
            _ => Err(invalid("the key does not wrap")),
        }
    }

    /// Opens the wrapped material of another key.
    pub(crate) fn unwrap(&self, wrapped: &[u8], rng: &dyn Rng) -> Result<SecretBytes, BackendError> {
        match self {
            Self::Wrap(key) => key.unwrap(wrapped),
            Self::Import(key) => key.unwrap(wrapped, rng),
            _ => Err(invalid("the key does not unwrap")),
        }
    }

    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Result<SecretBytes, BackendError> {
        match self {
            Self::MlKem(key) => key.decapsulate(ciphertext),
            _ => Err(invalid("the key does not decapsulate")),
        }
    }

    pub(crate) fn agree(&self, peer: &[u8]) -> Result<SecretBytes, BackendError> {
        match self {
            Self::Ecdh(key) => key.agree(peer),
            _ => Err(invalid("the key agrees on no secrets")),
        }
    }
}

fn misused(algorithm: Algorithm, scheme: Scheme) -> BackendError {
    BackendError::Unsupported(format!("{algorithm} is not used with {scheme}"))
}

/// Fills a buffer from the injected source.
pub(crate) fn fill(rng: &dyn Rng, buffer: &mut [u8]) -> Result<(), BackendError> {
    rng.fill(buffer).map_err(|error| BackendError::Failed(error.to_string()))
}

pub(crate) fn draw(rng: &dyn Rng, len: usize) -> Result<SecretBytes, BackendError> {
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
