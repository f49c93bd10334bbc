//! Key material on its way out, wrapped, and on its way in; and the proof that what came in is what was meant.
//!
//! The caller brings the object that wraps: what may be wrapped by what is decided elsewhere.

use cryptoki::context::Function;
use cryptoki::error::Error;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use hufu_core::algorithm::{Purpose, Scheme};
use hufu_core::backend::BackendError;

use crate::attributes::{self, Plan};
use crate::codes::Meaning;
use crate::fault::{Fault, meaning};
use crate::generate::{self, Made};
use crate::usage::Use;
use crate::{probe, public_key, usage};

/// AES key wrap with padding (RFC 5649, SP 800-38F §6.3) as PKCS #11 first named it. The later CKM_AES_KEY_WRAP_KWP cannot be
/// said with cryptoki 0.12.
pub(crate) const AES_KWP: MechanismType = MechanismType::AES_KEY_WRAP_PAD;

/// Longest wrapped material in bytes: PKCS #8 of RSA-4096 needs 2376.
pub(crate) const WRAPPED_LEN_MAX: usize = 8 << 10;

/// The mechanism of [`AES_KWP`].
pub(crate) fn aes_kwp() -> Mechanism<'static> {
    Mechanism::AesKeyWrapPad
}

/// Wraps the material of a key: PKCS#8 of a private one, the bytes of a secret one.
pub(crate) fn wrap(
    session: &Session,
    mechanism: &Mechanism<'_>,
    by: ObjectHandle,
    key: ObjectHandle,
) -> Result<Vec<u8>, Fault> {
    Ok(session.wrap_key(mechanism, by, key)?)
}

/// Makes a key out of wrapped material, and its public half out of a SubjectPublicKeyInfo. What is not as the plan says, or is
/// not one pair, is deleted again.
///
/// Material that is not genuine is `Rejected`. That a secret key is the right one is told by its wrapping alone.
pub(crate) fn unwrap(
    session: &Session,
    mechanism: &Mechanism<'_>,
    by: ObjectHandle,
    wrapped: &[u8],
    plan: &Plan,
    spki: Option<&[u8]>,
) -> Result<Made, Fault> {
    if plan.algorithm.is_asymmetric() != spki.is_some() {
        return Err(BackendError::InvalidInput("a pair arrives with its public key, nothing else does".into()).into());
    }
    let arrived = session.unwrap_key(mechanism, by, wrapped, &attributes::arrived(plan)).map_err(rejected)?;
    let mut made = Made { key: arrived, public: None };
    let completed = complete(session, &mut made, plan, spki);
    if completed.is_err() {
        generate::remove(session, &made)?;
    }
    completed.map(|()| made)
}

/// Checks the private half, and adds the public one.
fn complete(session: &Session, made: &mut Made, plan: &Plan, spki: Option<&[u8]>) -> Result<(), Fault> {
    generate::check_arrived(session, made.key, plan)?;
    if let Some(spki) = spki {
        made.public = Some(create_public(session, plan, spki)?);
    }
    Ok(())
}

/// Makes a public key object out of a SubjectPublicKeyInfo, and reads it back.
pub(crate) fn create_public(session: &Session, plan: &Plan, spki: &[u8]) -> Result<ObjectHandle, Fault> {
    let parts = public_key::parts(spki, plan.algorithm)?;
    let object = session.create_object(&attributes::public_object(plan, parts))?;
    let shown = public_key::read(session, object, plan.algorithm, plan.dialect.ec_point);
    if shown.as_ref().is_ok_and(|shown| shown == spki) {
        return Ok(object);
    }
    session.destroy_object(object)?;
    shown?;
    Err(BackendError::Failed("the token shows another public key than it was given".to_owned()).into())
}

/// Uses both halves of a pair together: they belong to each other, or this fails. Secret keys pass.
pub(crate) fn prove(session: &Session, made: &Made, plan: &Plan, how: Use) -> Result<(), Fault> {
    const MESSAGE: &[u8] = b"hufu/pkcs11/arrival/v1";
    let Some(public) = made.public else { return Ok(()) };
    match (plan.purpose, how.scheme) {
        (Purpose::Sign, Scheme::Sm2Sm3) => probe::exercise_sm2(session, made, how, plan.dialect.ec_point).map(drop),
        (Purpose::Sign, _) => {
            let signature = usage::sign(session, made.key, how, MESSAGE)?;
            match usage::verify(session, public, how, MESSAGE, &signature) {
                Err(Fault::Device(error)) if meaning(&error) == Meaning::NotGenuine => {
                    Err(BackendError::Rejected.into())
                }
                verified => verified,
            }
        }
        (Purpose::Encrypt, Scheme::RsaOaepSha256) => probe::exercise_oaep(session, made).map(drop),
        (Purpose::Encapsulate, _) => probe::exercise_kem(session, made, how).map(drop),
        (Purpose::Agree, _) => probe::exercise_agreement(session, made, how, plan.dialect.ec_point).map(drop),
        (Purpose::Encrypt | Purpose::Mac | Purpose::Wrap | Purpose::Import, _) => Ok(()),
    }
}

/// Tokens name a wrapped key that is not genuine in several ways.
fn rejected(error: Error) -> Fault {
    match meaning(&error) {
        Meaning::NotGenuine => BackendError::Rejected.into(),
        Meaning::Input if matches!(error, Error::Pkcs11(_, Function::UnwrapKey)) => BackendError::Rejected.into(),
        _ => error.into(),
    }
}
