//! Using keys: one operation on the token each.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::dsa::{HedgeType, SignAdditionalContext};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::vendor_defined::VendorDefinedMechanism;
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
use crate::library::Encrypt;
use crate::mechanism::{Hashing, is_vendors, vendors};
use crate::vendor::SignatureForm;
use crate::{low_s, peer, sm2};

/// DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1).
const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];
const TAG_BITS: u64 = 128;
const TAG_LEN: usize = 16;
/// FIPS 203 §8, table 3.
pub(crate) const SHARED_SECRET_LEN: usize = 32;

/// How a key of a scheme is used on this token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    pub(crate) algorithm: Algorithm,
    pub(crate) scheme: Scheme,
    pub(crate) hashing: Hashing,
    pub(crate) mechanism: MechanismType,
    /// How the token writes signatures of SM2.
    pub(crate) signature: SignatureForm,
    /// Seals without asking for the length before, on tokens that tell it wrong.
    pub(crate) encrypt: Option<Encrypt>,
    /// What the token answers to a ciphertext that is not genuine; found by trial, since the standard's own codes are
    /// not all that tokens use.
    pub(crate) rejects_with: Rejections,
    /// Whether it wants the other side's point as a DER OCTET STRING, as CKA_EC_POINT is written; found by trial.
    pub(crate) wraps_point: bool,
}

/// Codes for ciphertexts that are not genuine, besides the standard's.
pub(crate) type Rejections = [Option<RvError>; 2];

/// Uses a key.
pub(crate) fn perform(session: &Session, key: ObjectHandle, how: Use, input: &Input) -> Result<Outcome, Fault> {
    match input {
        Input::Digest(_) if how.hashing == Hashing::Token => {
            let why = "the token signs no digests with that scheme";
            Err(BackendError::Unsupported(why.to_owned()).into())
        }
        Input::Message(message) => sign(session, key, how, message).map(Outcome::Bytes),
        Input::Digest(digest) => sign_digest(session, key, how, digest).map(Outcome::Bytes),
        Input::Mac(data) => Ok(Outcome::Bytes(session.sign(&hmac(how)?, key, data)?)),
        Input::Seal { nonce, aad, data } => seal(session, key, how, *nonce, aad, data.expose()),
        Input::Open { nonce, aad, data } => {
            let len_max = data.len().checked_sub(TAG_LEN).ok_or(BackendError::Rejected)?;
            let decrypted = with_gcm(how, *nonce, aad, |mechanism| session.decrypt(mechanism, key, data))?;
            opened(decrypted, how, len_max)
        }
        Input::Decrypt(data) => {
            let len = how.algorithm.modulus_len().filter(|len| *len == data.len()).ok_or(BackendError::Rejected)?;
            opened(session.decrypt(&oaep(), key, data), how, len)
        }
        Input::Decapsulate(ciphertext) => {
            let template = attributes::shared_secret();
            let secret = session.decapsulate_key(&Mechanism::MlKem, key, &template, ciphertext)?;
            take_secret(session, secret, SHARED_SECRET_LEN).map(Outcome::Plaintext)
        }
        Input::Agree(point) => agree(session, key, how, point).map(Outcome::Plaintext),
    }
}

/// The shared secret as the curve gives it: the derivation is done where every backend's secrets go through the same one.
fn agree(session: &Session, key: ObjectHandle, how: Use, point: &[u8]) -> Result<SecretBytes, Fault> {
    let len = how.algorithm.agreement_len().ok_or_else(|| invalid("the key agrees on no secrets"))?;
    let wrapped;
    let point = if how.wraps_point {
        wrapped = peer::wrapped(point)?;
        &wrapped
    } else {
        point
    };
    let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), point));
    let secret = session.derive_key(&mechanism, key, &attributes::agreed_secret(len))?;
    let secret = take_secret(session, secret, len)?;
    // RFC 7748 §6.1: what every key would give is no secret. No point that was checked gives it on the other curves.
    if secret.expose().iter().fold(0, |all, byte| all | byte) == 0 {
        return Err(invalid("the public key is one of small order").into());
    }
    Ok(secret)
}

fn seal(
    session: &Session,
    key: ObjectHandle,
    how: Use,
    nonce: [u8; 12],
    aad: &[u8],
    data: &[u8],
) -> Result<Outcome, Fault> {
    let sealed = with_gcm(how, nonce, aad, |mechanism| match how.encrypt {
        None => session.encrypt(mechanism, key, data),
        Some(encrypt) => {
            session.encrypt_init(mechanism, key)?;
            encrypt.call(session, data, data.len() + TAG_LEN)
        }
    })??;
    // Some tokens answer nonce or tag in other places; what is not ciphertext ‖ tag must not leave.
    let right_len = sealed.len() == data.len() + TAG_LEN;
    if right_len { Ok(Outcome::Bytes(sealed)) } else { Err(misshapen().into()) }
}

/// Reads a shared secret out of its object, which goes away at once.
pub(crate) fn take_secret(session: &Session, object: ObjectHandle, len: usize) -> Result<SecretBytes, Fault> {
    let shown = session.get_attributes(object, &[AttributeType::Value]);
    session.destroy_object(object)?;
    match shown?.into_iter().next() {
        Some(Attribute::Value(value)) if value.len() == len => Ok(SecretBytes::from_vec(value)),
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
        Scheme::EcdsaSha256 | Scheme::EcdsaSha384 => (Mechanism::Ecdsa, digest()),
        _ => return Err(invalid("the scheme is not verified on the token").into()),
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
        Scheme::Sm2Sm3 => {
            let signature = session.sign(&vendors(how.mechanism), key, digest)?;
            Ok(sm2::fixed(signature, how.signature).ok_or_else(misshapen)?)
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

fn hmac(how: Use) -> Result<Mechanism<'static>, Fault> {
    match how.scheme {
        Scheme::HmacSm3 => Ok(vendors(how.mechanism)),
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

/// Does something with GCM, by the standard's mechanism for AES or by a vendor's with the same parameters.
fn with_gcm<T>(
    how: Use,
    mut nonce: [u8; 12],
    aad: &[u8],
    work: impl FnOnce(&Mechanism<'_>) -> T,
) -> Result<T, Fault> {
    let parameters = GcmParams::new(&mut nonce, aad, TAG_BITS.into())?;
    if is_vendors(how.mechanism) {
        let mechanism = VendorDefinedMechanism::new(how.mechanism, Some(&parameters));
        return Ok(work(&Mechanism::VendorDefined(mechanism)));
    }
    Ok(work(&Mechanism::AesGcm(parameters)))
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

fn is_rejection(error: &Error, rejects_with: Rejections) -> bool {
    let Error::Pkcs11(code, Function::Decrypt) = error else { return false };
    let standard = codes::entry(*code).meaning == Meaning::NotGenuine
        || matches!(code, RvError::DataInvalid | RvError::DataLenRange);
    standard || rejects_with.contains(&Some(*code))
}

fn shaped(signature: Vec<u8>, len: usize) -> Result<Vec<u8>, Fault> {
    if signature.len() == len { Ok(signature) } else { Err(misshapen().into()) }
}

fn misshapen() -> BackendError {
    BackendError::Failed("the token answered a result of the wrong length".to_owned())
}
