//! RSA with 2048, 3072 and 4096 bits: PSS, PKCS#1 v1.5 and OAEP (RFC 8017), by aws-lc.

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{BackendError, SignInput};
use hufu_secret::SecretBytes;

use super::{malformed, wrong_digest_len};
use crate::backend::failed;

/// Makes a pair; the library draws its own randomness. The material is a PKCS#8 PrivateKeyInfo.
pub(super) fn generate(algorithm: Algorithm) -> Result<(SecretBytes, Vec<u8>), BackendError> {
    let refused = |_| failed("the library could not generate an RSA key");
    let size = match algorithm {
        Algorithm::Rsa2048 => KeySize::Rsa2048,
        Algorithm::Rsa4096 => KeySize::Rsa4096,
        _ => KeySize::Rsa3072,
    };
    let pair = RsaKeyPair::generate(size).map_err(refused)?;
    let material: Pkcs8V1Der<'_> = pair.as_der().map_err(refused)?;
    Ok((SecretBytes::from_slice(material.as_ref()), public_key(&pair)?))
}

pub(crate) struct SigningKey {
    pair: RsaKeyPair,
    padding: &'static dyn RsaEncoding,
}

impl SigningKey {
    pub(super) fn parse(algorithm: Algorithm, pkcs8: &[u8], scheme: Scheme) -> Result<Self, BackendError> {
        let padding: &'static dyn RsaEncoding = match scheme {
            Scheme::RsaPssSha256 => &RSA_PSS_SHA256,
            Scheme::RsaPkcs1Sha256 => &RSA_PKCS1_SHA256,
            _ => return Err(BackendError::Unsupported(format!("{algorithm} does not sign with {scheme}"))),
        };
        let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| malformed())?;
        if Some(pair.public_modulus_len()) != algorithm.modulus_len() {
            return Err(malformed());
        }
        Ok(Self { pair, padding })
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        public_key(&self.pair)
    }

    pub(super) fn sign(&self, input: SignInput<'_>) -> Result<Vec<u8>, BackendError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = match input {
            // The library ignores the generator that it is given.
            SignInput::Message(message) => {
                self.pair.sign(self.padding, &SystemRandom::new(), message, &mut signature)
            }
            SignInput::Digest(digest) => {
                let digest = Digest::import_less_safe(digest, &SHA256).map_err(|_| wrong_digest_len())?;
                self.pair.sign_digest(self.padding, &digest, &mut signature)
            }
        };
        signed.map_err(|_| failed("the library refused to sign"))?;
        Ok(signature)
    }
}

pub(crate) struct DecryptingKey {
    key: OaepPrivateDecryptingKey,
    public_key: Vec<u8>,
}

impl DecryptingKey {
    pub(super) fn parse(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, BackendError> {
        let public_key = public_key(&RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| malformed())?)?;
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| malformed())?;
        if Some(key.key_size_bytes()) != algorithm.modulus_len() {
            return Err(malformed());
        }
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| malformed())?;
        Ok(Self { key, public_key })
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        Ok(self.public_key.clone())
    }

    /// One answer for every fault, so that it is no oracle (RFC 8017 §7.1.2).
    pub(super) fn decrypt(&self, ciphertext: &[u8]) -> Result<SecretBytes, BackendError> {
        let mut plaintext = SecretBytes::zeroed(self.key.min_output_size());
        let opened = self.key.decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, plaintext.expose_mut(), None);
        let len = opened.map_err(|_| BackendError::Rejected)?.len();
        plaintext.truncate(len);
        Ok(plaintext)
    }
}

pub(super) fn public_key(pair: &RsaKeyPair) -> Result<Vec<u8>, BackendError> {
    let der: PublicKeyX509Der<'_> =
        pair.public_key().as_der().map_err(|_| failed("the public key could not be encoded"))?;
    Ok(der.as_ref().to_vec())
}
