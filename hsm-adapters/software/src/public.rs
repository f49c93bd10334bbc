//! Work with public keys, for keys of every protection: verification, encryption, encapsulation.

use aws_lc_rs::digest::{Digest, SHA256, SHA384};
use aws_lc_rs::kem::{EncapsulationKey, ML_KEM_768};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ML_DSA_44, ML_DSA_65, ML_DSA_87, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, Outcome, PublicKey, SignInput};
use hufu_core::record::DISTINGUISHING_ID_DEFAULT;
use hufu_secret::SecretBytes;
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::Digest as _;
use sm2::dsa::signature::Verifier;

use crate::backend::{failed, invalid};
use crate::spki::{self, Curve};

/// Messages up to this length hash in a few µs.
const QUICK_LEN_MAX: usize = 16 << 10;

/// Whether a signature is good. A malformed signature is a bad one; a malformed key is an error.
pub(crate) fn verify(key: &PublicKey<'_>, input: SignInput<'_>, signature: &[u8]) -> Result<bool, BackendError> {
    check_digest_len(key.scheme, input)?;
    let Some(algorithm) = aws_lc_algorithm(key.algorithm, key.scheme) else {
        return verify_by_rustcrypto(key, input, signature);
    };
    let bytes = match key.algorithm {
        Algorithm::P256 => spki::ec_point(key.spki, Curve::P256)?,
        Algorithm::P384 => spki::ec_point(key.spki, Curve::P384)?,
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => spki::rsa(key.spki, key.algorithm)?,
        _ => spki::raw(key.spki, key.algorithm)?,
    };
    verify_by_aws_lc(algorithm, bytes, key.scheme, input, signature)
}

fn aws_lc_algorithm(algorithm: Algorithm, scheme: Scheme) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (algorithm, scheme) {
        (Algorithm::P256, Scheme::EcdsaSha256) => &ECDSA_P256_SHA256_FIXED,
        (Algorithm::P384, Scheme::EcdsaSha384) => &ECDSA_P384_SHA384_FIXED,
        (Algorithm::Ed25519, Scheme::Ed25519) => &ED25519,
        (Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096, Scheme::RsaPssSha256) => {
            &RSA_PSS_2048_8192_SHA256
        }
        (Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096, Scheme::RsaPkcs1Sha256) => {
            &RSA_PKCS1_2048_8192_SHA256
        }
        (Algorithm::MlDsa44, Scheme::MlDsa) => &ML_DSA_44,
        (Algorithm::MlDsa65, Scheme::MlDsa) => &ML_DSA_65,
        (Algorithm::MlDsa87, Scheme::MlDsa) => &ML_DSA_87,
        _ => return None,
    })
}

fn verify_by_rustcrypto(key: &PublicKey<'_>, input: SignInput<'_>, signature: &[u8]) -> Result<bool, BackendError> {
    match (key.algorithm, key.scheme) {
        (Algorithm::Secp256k1, Scheme::EcdsaSha256) => verify_secp256k1(key.spki, input, signature),
        (Algorithm::Secp256k1, Scheme::SchnorrBip340) => verify_schnorr(key.spki, input, signature),
        (Algorithm::Sm2, Scheme::Sm2Sm3) => verify_sm2(key, input, signature),
        (algorithm, scheme) => Err(BackendError::Unsupported(format!("{algorithm} with {scheme} does not verify"))),
    }
}

/// Encrypts to a public key: RSAES-OAEP with SHA-256 (RFC 8017 §7.1), no label.
pub(crate) fn encrypt(key: &PublicKey<'_>, plaintext: &[u8]) -> Result<Vec<u8>, BackendError> {
    let Some(len_max) = key.algorithm.oaep_len_max().filter(|_| key.scheme == Scheme::RsaOaepSha256) else {
        let why = format!("{} with {} does not encrypt to a public key", key.algorithm, key.scheme);
        return Err(BackendError::Unsupported(why));
    };
    if plaintext.len() > len_max {
        return Err(invalid(&format!("RSA-OAEP with {} and SHA-256 takes at most {len_max} bytes", key.algorithm)));
    }
    spki::rsa(key.spki, key.algorithm)?;
    let public = PublicEncryptingKey::from_der(key.spki).map_err(|_| unusable())?;
    let public = OaepPublicEncryptingKey::new(public).map_err(|_| unusable())?;
    let mut ciphertext = vec![0; public.ciphertext_size()];
    let encrypted = public.encrypt(&OAEP_SHA256_MGF1SHA256, plaintext, &mut ciphertext, None);
    encrypted.map_err(|_| failed("the library refused to encrypt"))?;
    Ok(ciphertext)
}

/// Makes a shared secret for a public key (FIPS 203 §7.2); the library draws its own randomness, and checks the key's
/// coefficients.
pub(crate) fn encapsulate(key: &PublicKey<'_>, rng: &dyn Rng) -> Result<Outcome, BackendError> {
    if key.scheme == Scheme::Ecdh {
        let (secret, ciphertext) = crate::key::meet(key.algorithm, key.spki, rng)?;
        return Ok(Outcome::Encapsulated { ciphertext, secret });
    }
    if (key.algorithm, key.scheme) != (Algorithm::MlKem768, Scheme::MlKem) {
        let why = format!("{} with {} encapsulates nothing", key.algorithm, key.scheme);
        return Err(BackendError::Unsupported(why));
    }
    let public = EncapsulationKey::new(&ML_KEM_768, spki::raw(key.spki, key.algorithm)?).map_err(|_| unusable())?;
    let (ciphertext, secret) = public.encapsulate().map_err(|_| unusable())?;
    let secret = SecretBytes::from_slice(secret.as_ref());
    Ok(Outcome::Encapsulated { ciphertext: ciphertext.as_ref().to_vec(), secret })
}

/// Whether verification takes less than about 50 µs.
pub(crate) fn is_quick(key: &PublicKey<'_>, input: SignInput<'_>) -> bool {
    let (SignInput::Message(data) | SignInput::Digest(data)) = input;
    let slow = matches!(key.algorithm, Algorithm::P384 | Algorithm::Sm2) || key.scheme == Scheme::MlDsa;
    data.len() <= QUICK_LEN_MAX && !slow
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

/// BIP-340 knows the key by its x-coordinate alone, and means the point with an even y.
fn verify_schnorr(spki: &[u8], input: SignInput<'_>, signature: &[u8]) -> Result<bool, BackendError> {
    let point = k256::PublicKey::from_sec1_bytes(spki::ec_point(spki, Curve::Secp256k1)?).map_err(|_| unusable())?;
    let key = k256::schnorr::VerifyingKey::try_from(point).map_err(|_| unusable())?;
    let SignInput::Message(message) = input else { return Err(wrong_digest()) };
    let Ok(signature) = k256::schnorr::Signature::try_from(signature) else { return Ok(false) };
    Ok(key.verify_raw(message, &signature).is_ok())
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
