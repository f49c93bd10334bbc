//! Work with public keys, for keys of every protection: verification and encryption.

use aws_lc_rs::digest::{Digest, SHA256, SHA384};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{BackendError, PublicKey, SignInput};
use hufu_core::record::DISTINGUISHING_ID_DEFAULT;
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::Digest as _;
use sm2::dsa::signature::Verifier;

use crate::backend::{failed, invalid};
use crate::spki::{self, Curve};

/// RFC 8017 §7.1.1: k − 2·hLen − 2 for a modulus of 384 bytes and SHA-256.
const OAEP_LEN_MAX: usize = 384 - 2 * 32 - 2;

/// Messages up to this length hash in a few µs.
const QUICK_LEN_MAX: usize = 16 << 10;

/// Whether a signature is good. A malformed signature is a bad one; a malformed key is an error.
pub(crate) fn verify(key: &PublicKey<'_>, input: SignInput<'_>, signature: &[u8]) -> Result<bool, BackendError> {
    check_digest_len(key.scheme, input)?;
    let (algorithm, bytes): (&'static dyn VerificationAlgorithm, _) = match (key.algorithm, key.scheme) {
        (Algorithm::P256, Scheme::EcdsaSha256) => (&ECDSA_P256_SHA256_FIXED, spki::ec_point(key.spki, Curve::P256)?),
        (Algorithm::P384, Scheme::EcdsaSha384) => (&ECDSA_P384_SHA384_FIXED, spki::ec_point(key.spki, Curve::P384)?),
        (Algorithm::Ed25519, Scheme::Ed25519) => (&ED25519, spki::ed25519(key.spki)?),
        (Algorithm::Rsa3072, Scheme::RsaPssSha256) => (&RSA_PSS_2048_8192_SHA256, spki::rsa3072(key.spki)?),
        (Algorithm::Rsa3072, Scheme::RsaPkcs1Sha256) => (&RSA_PKCS1_2048_8192_SHA256, spki::rsa3072(key.spki)?),
        (Algorithm::Secp256k1, Scheme::EcdsaSha256) => return verify_secp256k1(key.spki, input, signature),
        (Algorithm::Sm2, Scheme::Sm2Sm3) => return verify_sm2(key, input, signature),
        (algorithm, scheme) => {
            return Err(BackendError::Unsupported(format!("{algorithm} with {scheme} does not verify")));
        }
    };
    verify_by_aws_lc(algorithm, bytes, key.scheme, input, signature)
}

/// Encrypts to a public key: RSAES-OAEP with SHA-256 (RFC 8017 §7.1), no label.
pub(crate) fn encrypt(key: &PublicKey<'_>, plaintext: &[u8]) -> Result<Vec<u8>, BackendError> {
    if (key.algorithm, key.scheme) != (Algorithm::Rsa3072, Scheme::RsaOaepSha256) {
        let why = format!("{} with {} does not encrypt to a public key", key.algorithm, key.scheme);
        return Err(BackendError::Unsupported(why));
    }
    if plaintext.len() > OAEP_LEN_MAX {
        return Err(invalid("RSA-OAEP with 3072 bits and SHA-256 takes at most 318 bytes"));
    }
    spki::rsa3072(key.spki)?;
    let public = PublicEncryptingKey::from_der(key.spki).map_err(|_| unusable())?;
    let public = OaepPublicEncryptingKey::new(public).map_err(|_| unusable())?;
    let mut ciphertext = vec![0; public.ciphertext_size()];
    let encrypted = public.encrypt(&OAEP_SHA256_MGF1SHA256, plaintext, &mut ciphertext, None);
    encrypted.map_err(|_| failed("the library refused to encrypt"))?;
    Ok(ciphertext)
}

/// Whether verification takes less than about 50 µs.
pub(crate) fn is_quick(key: &PublicKey<'_>, input: SignInput<'_>) -> bool {
    let (SignInput::Message(data) | SignInput::Digest(data)) = input;
    data.len() <= QUICK_LEN_MAX && !matches!(key.algorithm, Algorithm::P384 | Algorithm::Sm2)
}

/// A verification whose inputs outlive the caller.
pub(crate) struct OwnedVerify {
    algorithm: Algorithm,
    scheme: Scheme,
    spki: Vec<u8>,
    distinguishing_id: Option<String>,
    is_digest: bool,
    data: Vec<u8>,
    signature: Vec<u8>,
}

impl OwnedVerify {
    pub(crate) fn of(key: &PublicKey<'_>, input: SignInput<'_>, signature: &[u8]) -> Self {
        let (SignInput::Message(data) | SignInput::Digest(data)) = input;
        Self {
            algorithm: key.algorithm,
            scheme: key.scheme,
            spki: key.spki.to_vec(),
            distinguishing_id: key.distinguishing_id.map(str::to_owned),
            is_digest: matches!(input, SignInput::Digest(_)),
            data: data.to_vec(),
            signature: signature.to_vec(),
        }
    }

    pub(crate) fn verify(&self) -> Result<bool, BackendError> {
        let key = PublicKey {
            algorithm: self.algorithm,
            scheme: self.scheme,
            spki: &self.spki,
            distinguishing_id: self.distinguishing_id.as_deref(),
        };
        let input = if self.is_digest { SignInput::Digest(&self.data) } else { SignInput::Message(&self.data) };
        verify(&key, input, &self.signature)
    }
}

fn verify_by_aws_lc(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    scheme: Scheme,
    input: SignInput<'_>,
    signature: &[u8],
) -> Result<bool, BackendError> {
    // Parsing checks that the point is on its curve.
    let key = ParsedPublicKey::new(algorithm, key).map_err(|_| unusable())?;
    Ok(match input {
        SignInput::Message(message) => key.verify_sig(message, signature),
        SignInput::Digest(digest) => {
            let hash = if scheme == Scheme::EcdsaSha384 { &SHA384 } else { &SHA256 };
            let digest = Digest::import_less_safe(digest, hash).map_err(|_| wrong_digest())?;
            key.verify_digest_sig(&digest, signature)
        }
    }
    .is_ok())
}

/// A high s is refused: the scheme is ECDSA with low s, which makes each signature the only one of its nonce.
fn verify_secp256k1(spki: &[u8], input: SignInput<'_>, signature: &[u8]) -> Result<bool, BackendError> {
    let point = spki::ec_point(spki, Curve::Secp256k1)?;
    let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| unusable())?;
    let Ok(signature) = k256::ecdsa::Signature::from_slice(signature) else { return Ok(false) };
    if signature.normalize_s() != signature {
        return Ok(false);
    }
    let hashed;
    let digest = match input {
        SignInput::Message(message) => {
            hashed = sha2::Sha256::digest(message);
            hashed.as_slice()
        }
        SignInput::Digest(digest) => digest,
    };
    Ok(key.verify_prehash(digest, &signature).is_ok())
}

fn verify_sm2(key: &PublicKey<'_>, input: SignInput<'_>, signature: &[u8]) -> Result<bool, BackendError> {
    let point = spki::ec_point(key.spki, Curve::Sm2)?;
    let distinguishing_id = key.distinguishing_id.unwrap_or(DISTINGUISHING_ID_DEFAULT);
    let key = sm2::dsa::VerifyingKey::from_sec1_bytes(distinguishing_id, point).map_err(|_| unusable())?;
    let Ok(signature) = sm2::dsa::Signature::from_slice(signature) else { return Ok(false) };
    Ok(match input {
        SignInput::Message(message) => key.verify(message, &signature),
        SignInput::Digest(digest) => key.verify_prehash(digest, &signature),
    }
    .is_ok())
}

fn check_digest_len(scheme: Scheme, input: SignInput<'_>) -> Result<(), BackendError> {
    match (input, scheme.digest_len()) {
        (SignInput::Message(_), _) => Ok(()),
        (SignInput::Digest(_), None) => Err(BackendError::Unsupported(format!("{scheme} takes no digest"))),
        (SignInput::Digest(digest), Some(len)) if digest.len() == len => Ok(()),
        (SignInput::Digest(_), Some(_)) => Err(wrong_digest()),
    }
}

fn wrong_digest() -> BackendError {
    invalid("the digest has the wrong length for the scheme")
}

fn unusable() -> BackendError {
    invalid("the public key is not valid")
}
