//! Using keys: one operation on the token each.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::dsa::{HedgeType, SignAdditionalContext};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{BackendError, Outcome};
use hufu_secret::SecretBytes;
use sha2::{Digest, Sha256, Sha384};

use crate::attributes;
use crate::codes::{self, Meaning};
use crate::fault::Fault;
use crate::input::{Input, invalid};
use crate::low_s;
use crate::mechanism::Hashing;

/// DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1).
const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];
const TAG_BITS: u64 = 128;
const TAG_LEN: usize = 16;
/// FIPS 203 §8, table 3.
const SHARED_SECRET_LEN: usize = 32;

/// How a key of a scheme is used on this token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    pub(crate) algorithm: Algorithm,
    pub(crate) scheme: Scheme,
    pub(crate) hashing: Hashing,
    /// What the token answers to a ciphertext that is not genuine; found by trial, since the standard's own codes are
    /// not all that tokens use.
    pub(crate) rejects_with: Option<RvError>,
}

/// Uses a key.
pub(crate) fn perform(session: &Session, key: ObjectHandle, how: Use, input: &Input) -> Result<Outcome, Fault> {
    match input {
        Input::Digest(_) if how.hashing == Hashing::Token => {
            let why = "the token signs no digests with that scheme";
            Err(BackendError::Unsupported(why.to_owned()).into())
        }
        Input::Message(message) => sign(session, key, how, message).map(Outcome::Bytes),
        Input::Digest(digest) => sign_digest(session, key, how, digest).map(Outcome::Bytes),
        Input::Mac(data) => Ok(Outcome::Bytes(session.sign(&hmac(how.scheme)?, key, data)?)),
        Input::Seal { nonce, aad, data } => seal(session, key, *nonce, aad, data.expose()),
        Input::Open { nonce, aad, data } => {
            let len_max = data.len().checked_sub(TAG_LEN).ok_or(BackendError::Rejected)?;
            let mut nonce = *nonce;
            let mechanism = gcm(&mut nonce, aad)?;
            opened(session.decrypt(&mechanism, key, data), how, len_max)
        }
        Input::Decrypt(data) => {
            let len = how.algorithm.modulus_len().filter(|len| *len == data.len()).ok_or(BackendError::Rejected)?;
            opened(session.decrypt(&oaep(), key, data), how, len)
        }
        Input::Decapsulate(ciphertext) => {
            let template = attributes::shared_secret();
            let secret = session.decapsulate_key(&Mechanism::MlKem, key, &template, ciphertext)?;
            take_secret(session, secret).map(Outcome::Plaintext)
        }
    }
}

fn seal(
    session: &Session,
    key: ObjectHandle,
    mut nonce: [u8; 12],
    aad: &[u8],
    data: &[u8],
) -> Result<Outcome, Fault> {
    let mechanism = gcm(&mut nonce, aad)?;
    let sealed = session.encrypt(&mechanism, key, data)?;
    // Some tokens answer nonce or tag in other places; what is not ciphertext ‖ tag must not leave.
    let right_len = sealed.len() == data.len() + TAG_LEN;
    if right_len { Ok(Outcome::Bytes(sealed)) } else { Err(misshapen().into()) }
}

/// Reads a shared secret out of its object, which goes away at once.
pub(crate) fn take_secret(session: &Session, object: ObjectHandle) -> Result<SecretBytes, Fault> {
    let shown = session.get_attributes(object, &[AttributeType::Value]);
    session.destroy_object(object)?;
    match shown?.into_iter().next() {
        Some(Attribute::Value(value)) if value.len() == SHARED_SECRET_LEN => Ok(SecretBytes::from_vec(value)),
        _ => Err(misshapen().into()),
    }
}

/// Signs a message.
pub(crate) fn sign(session: &Session, key: ObjectHandle, how: Use, message: &[u8]) -> Result<Vec<u8>, Fault> {
    if how.hashing == Hashing::Token {
        return Ok(session.sign(&hashed_by_token(how.scheme)?, key, message)?);
    }
    sign_message(session, key, how, message)
}

/// Lets the token verify what [`sign`] made.
pub(crate) fn verify(
    session: &Session,
    public: ObjectHandle,
    how: Use,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Fault> {
    let digest = || match how.scheme {
        Scheme::EcdsaSha384 => Sha384::digest(message).to_vec(),
        _ => Sha256::digest(message).to_vec(),
    };
    let (mechanism, signed) = match how.scheme {
        scheme if how.hashing == Hashing::Token => (hashed_by_token(scheme)?, message.to_vec()),
        Scheme::Ed25519 => (Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)), message.to_vec()),
        Scheme::MlDsa => (Mechanism::MlDsa(SignAdditionalContext::new(HedgeType::Preferred, None)), message.to_vec()),
        Scheme::RsaPssSha256 => (Mechanism::RsaPkcsPss(pss()), digest()),
        Scheme::RsaPkcs1Sha256 => (Mechanism::RsaPkcs, [&SHA256_DIGEST_INFO[..], &digest()].concat()),
        _ => (Mechanism::Ecdsa, digest()),
    };
    Ok(session.verify(&mechanism, public, &signed, signature)?)
}

fn sign_message(session: &Session, key: ObjectHandle, how: Use, message: &[u8]) -> Result<Vec<u8>, Fault> {
    match how.scheme {
        Scheme::Ed25519 => {
            // The other variants hold a dangling pointer in cryptoki 0.12; this one has no parameters.
            let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
            shaped(session.sign(&mechanism, key, message)?, 64)
        }
        Scheme::MlDsa => {
            // Without parameters: an empty context, and hedged where the token can.
            let mechanism = Mechanism::MlDsa(SignAdditionalContext::new(HedgeType::Preferred, None));
            shaped(session.sign(&mechanism, key, message)?, ml_dsa_len(how.algorithm))
        }
        Scheme::EcdsaSha384 => sign_digest(session, key, how, &Sha384::digest(message)),
        _ => sign_digest(session, key, how, &Sha256::digest(message)),
    }
}

fn sign_digest(session: &Session, key: ObjectHandle, how: Use, digest: &[u8]) -> Result<Vec<u8>, Fault> {
    match how.scheme {
        Scheme::EcdsaSha256 | Scheme::EcdsaSha384 => {
            let mut signature = shaped(session.sign(&Mechanism::Ecdsa, key, digest)?, 2 * digest.len())?;
            if how.algorithm == Algorithm::Secp256k1 {
                low_s::normalize(&mut signature);
            }
            Ok(signature)
        }
        Scheme::RsaPssSha256 => Ok(session.sign(&Mechanism::RsaPkcsPss(pss()), key, digest)?),
        Scheme::RsaPkcs1Sha256 => {
            let info = [&SHA256_DIGEST_INFO[..], digest].concat();
            Ok(session.sign(&Mechanism::RsaPkcs, key, &info)?)
        }
        _ => Err(invalid("the scheme signs no digests").into()),
    }
}

/// Length in bytes of a signature (FIPS 204 §4, table 2).
fn ml_dsa_len(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::MlDsa44 => 2420,
        Algorithm::MlDsa65 => 3309,
        _ => 4627,
    }
}

fn hmac(scheme: Scheme) -> Result<Mechanism<'static>, Fault> {
    match scheme {
        Scheme::HmacSha256 => Ok(Mechanism::Sha256Hmac),
        Scheme::HmacSha384 => Ok(Mechanism::Sha384Hmac),
        _ => Err(invalid("the scheme makes no codes").into()),
    }
}

fn hashed_by_token(scheme: Scheme) -> Result<Mechanism<'static>, Fault> {
    match scheme {
        Scheme::RsaPssSha256 => Ok(Mechanism::Sha256RsaPkcsPss(pss())),
        Scheme::RsaPkcs1Sha256 => Ok(Mechanism::Sha256RsaPkcs),
        _ => Err(invalid("the scheme has no hashing mechanism").into()),
    }
}

fn pss() -> PkcsPssParams {
    PkcsPssParams { hash_alg: MechanismType::SHA256, mgf: PkcsMgfType::MGF1_SHA256, s_len: 32.into() }
}

/// The mechanism of RSAES-OAEP with SHA-256 and no label.
pub(crate) fn oaep() -> Mechanism<'static> {
    let params = PkcsOaepParams::new(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, PkcsOaepSource::empty());
    Mechanism::RsaPkcsOaep(params)
}

fn gcm<'a>(nonce: &'a mut [u8; 12], aad: &'a [u8]) -> Result<Mechanism<'a>, Fault> {
    Ok(Mechanism::AesGcm(GcmParams::new(nonce, aad, TAG_BITS.into())?))
}

/// A plaintext, or one answer for every ciphertext that is not genuine.
fn opened(result: Result<Vec<u8>, Error>, how: Use, len_max: usize) -> Result<Outcome, Fault> {
    let plaintext = match result {
        Ok(plaintext) => SecretBytes::from_vec(plaintext),
        Err(error) if is_rejection(&error, how.rejects_with) => return Err(BackendError::Rejected.into()),
        Err(error) => return Err(error.into()),
    };
    if plaintext.len() <= len_max { Ok(Outcome::Plaintext(plaintext)) } else { Err(misshapen().into()) }
}

fn is_rejection(error: &Error, rejects_with: Option<RvError>) -> bool {
    let Error::Pkcs11(code, Function::Decrypt) = error else { return false };
    let standard = codes::entry(*code).meaning == Meaning::NotGenuine
        || matches!(code, RvError::DataInvalid | RvError::DataLenRange);
    standard || rejects_with == Some(*code)
}

fn shaped(signature: Vec<u8>, len: usize) -> Result<Vec<u8>, Fault> {
    if signature.len() == len { Ok(signature) } else { Err(misshapen().into()) }
}

fn misshapen() -> BackendError {
    BackendError::Failed("the token answered a result of the wrong length".to_owned())
}
