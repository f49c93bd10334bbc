//! Keys that come in, opened inside the token: RSA-OAEP gives an AES key that lives for this one call, and AES key wrap under it
//! gives the key.
//!
//! CKM_RSA_AES_KEY_WRAP (PKCS #11 v3.1 §6.1.22) does both in one call, and few tokens have it; its two steps have the same
//! format and the same secrecy, since neither the AES key nor the material can be read from outside.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
use cryptoki::error::Error;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use hufu_core::algorithm::{Form, Purpose, Scheme};
use hufu_core::backend::{BackendError, KeyHandle, Template};

use crate::attributes::Plan;
use crate::codes::Meaning;
use crate::fault::{Fault, meaning};
use crate::generate::Made;
use crate::wrapping::{self, WRAPPED_LEN_MAX, aes_kwp};

/// Length in bytes of the AES key.
const KEK_LEN: u64 = 32;

/// By how much key wrap with padding is longer, at most.
const KWP_MORE_MAX: usize = 15;

/// What arrived, in its two parts.
pub(crate) struct Sealed {
    scheme: Scheme,
    kek: Vec<u8>,
    material: Vec<u8>,
    /// Length in bytes of a secret key, which its wrapping tells.
    secret_len: Option<usize>,
}

impl Sealed {
    /// Takes apart what arrived for an import key.
    pub(crate) fn parse(template: &Template, by: &KeyHandle, wrapped: &[u8]) -> Result<Self, BackendError> {
        if !by.algorithm.allows(Purpose::Import, by.scheme) {
            return Err(BackendError::InvalidInput("the key opens no others".to_owned()));
        }
        if matches!(template.purpose, Purpose::Wrap | Purpose::Import) {
            return Err(BackendError::Unsupported("keys that wrap others do not come in".to_owned()));
        }
        let len = by.algorithm.modulus_len().unwrap_or_default();
        let parts = wrapped.split_at_checked(len).filter(|(_, material)| material.len() <= WRAPPED_LEN_MAX);
        let (kek, material) = parts.ok_or(BackendError::Rejected)?;
        let secret_len = match template.algorithm.entry().form {
            Form::Secret(len) => Some(len),
            _ => None,
        };
        // Tokens take generic secrets of any length, but key wrap with padding tells it within eight bytes.
        if secret_len.is_some_and(|len| material.len() != len.div_ceil(8) * 8 + 8) {
            return Err(BackendError::Rejected);
        }
        Ok(Self { scheme: by.scheme, kek: kek.to_vec(), material: material.to_vec(), secret_len })
    }
}

/// Opens what arrived, as a key of the plan. Whatever is wrong with it is `Rejected`, and leaves nothing behind.
pub(crate) fn open(
    session: &Session,
    import_key: ObjectHandle,
    sealed: &Sealed,
    plan: &Plan,
    spki: Option<&[u8]>,
) -> Result<Made, Fault> {
    let kek = session.unwrap_key(&oaep(sealed.scheme), import_key, &sealed.kek, &kek_template()).map_err(rejected)?;
    let opened = check_len(session, kek, KEK_LEN)
        .and_then(|()| wrapping::unwrap(session, &aes_kwp(), kek, &sealed.material, plan, spki).map_err(rejection));
    // The AES key has done its work, whatever came of it.
    session.destroy_object(kek)?;
    let made = opened?;
    let Some(len) = sealed.secret_len else { return Ok(made) };
    match check_len(session, made.key, u64::try_from(len).unwrap_or(u64::MAX)) {
        Ok(()) => Ok(made),
        Err(fault) => {
            crate::generate::remove(session, &made)?;
            Err(fault)
        }
    }
}

/// Tries an import key that is thrown away: a key is brought in, and a changed one is not.
pub(crate) fn exercise(session: &Session, made: &Made, scheme: Scheme) -> Result<(), Fault> {
    let public = made.public.ok_or_else(|| failed("the pair has no public half"))?;
    let (kek, material) = ([0x5a; 32], [0xa5; 32]);
    let sealed = sealed_by(session, public, scheme, &kek)?;
    let source = session.create_object(&secret_template(KeyType::AES, &kek, Attribute::Wrap(true)))?;
    let target = session.create_object(&secret_template(KeyType::GENERIC_SECRET, &material, Attribute::Sign(true)));
    let wrapped = target.map_err(Fault::from).and_then(|target| {
        let wrapped = wrapping::wrap(session, &aes_kwp(), source, target);
        session.destroy_object(target)?;
        wrapped
    });
    session.destroy_object(source)?;
    let wrapped = wrapped.and_then(|wrapped| same_form(&kek, &material, wrapped));
    let opened = session.unwrap_key(&oaep(scheme), made.key, &sealed, &kek_template())?;
    let arrived = wrapped.and_then(|wrapped| try_kek(session, opened, &wrapped));
    session.destroy_object(opened)?;
    arrived
}

/// What the token wraps must be what everybody wraps: some understand CKM_AES_KEY_WRAP_PAD as another padding than RFC 5649's.
fn same_form(kek: &[u8; 32], material: &[u8], wrapped: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let library = || failed("the library does not wrap");
    let key = AesKek::new(&AES_256, kek).map_err(|_| library())?;
    let mut expected = vec![0; material.len() + KWP_MORE_MAX];
    let expected = key.wrap_with_padding(material, &mut expected).map_err(|_| library())?;
    if *expected == *wrapped { Ok(wrapped) } else { Err(failed("its AES key wrap with padding is not RFC 5649's")) }
}

/// Encrypts as the sender does. The pair's own public half encrypts nothing, so the trial makes another object of it.
fn sealed_by(session: &Session, public: ObjectHandle, scheme: Scheme, kek: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut template = session.get_attributes(public, &[AttributeType::Modulus, AttributeType::PublicExponent])?;
    template.extend([
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Token(false),
        Attribute::Private(false),
        Attribute::Encrypt(true),
    ]);
    let sender = session.create_object(&template)?;
    let sealed = session.encrypt(&oaep(scheme), sender, kek);
    session.destroy_object(sender)?;
    Ok(sealed?)
}

/// Unwraps with the opened AES key: what is genuine, and not what is changed.
fn try_kek(session: &Session, kek: ObjectHandle, wrapped: &[u8]) -> Result<(), Fault> {
    let arrived = session.unwrap_key(&aes_kwp(), kek, wrapped, &arrived_template())?;
    session.destroy_object(arrived)?;
    let mut spoilt = wrapped.to_vec();
    spoilt.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    match session.unwrap_key(&aes_kwp(), kek, &spoilt, &arrived_template()) {
        Ok(conjured) => {
            session.destroy_object(conjured)?;
            Err(failed("it takes in a key that is not genuine"))
        }
        Err(_) => Ok(()),
    }
}

/// Wraps a key of a trial under an AES key of a trial, and takes it in again.
pub(crate) fn take_in(session: &Session, made: &Made, plan: &Plan) -> Result<Made, Fault> {
    let read = |public| crate::public_key::read(session, public, plan.algorithm, plan.dialect.ec_point);
    let spki = made.public.map(read).transpose()?;
    let mut template = secret_template(KeyType::AES, &[0x5a; 32], Attribute::Wrap(true));
    template.push(Attribute::Unwrap(true));
    let kek = session.create_object(&template)?;
    let wrapped = wrapping::wrap(session, &aes_kwp(), kek, made.key);
    let arrived =
        wrapped.and_then(|wrapped| wrapping::unwrap(session, &aes_kwp(), kek, &wrapped, plan, spki.as_deref()));
    session.destroy_object(kek)?;
    arrived
}

/// RSA-OAEP with the scheme's hash in both its places, no label.
fn oaep(scheme: Scheme) -> Mechanism<'static> {
    let (hash, mgf) = match scheme {
        Scheme::RsaAesKwpSha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        _ => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
    };
    Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mgf, PkcsOaepSource::empty()))
}

/// The AES key in between: of this session, unseen, and good for nothing but to open one key.
fn kek_template() -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Unwrap(true),
        Attribute::Wrap(false),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Derive(false),
    ]
}

/// A key of a trial, whose value is no secret.
fn secret_template(kind: KeyType, value: &[u8], usage: Attribute) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(kind),
        Attribute::Token(false),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::Value(value.to_vec()),
        usage,
    ]
}

fn arrived_template() -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Token(false),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ]
}

/// A key of another length is not the one that was meant. SoftHSM tells 0 of keys that it unwrapped: there the wrapping alone
/// tells, within eight bytes, and who sends a shorter secret has chosen it.
fn check_len(session: &Session, key: ObjectHandle, len: u64) -> Result<(), Fault> {
    let shown = session.get_attributes(key, &[AttributeType::ValueLen])?;
    let told = [Attribute::ValueLen(len.into()), Attribute::ValueLen(0.into())];
    let fits = told.iter().any(|length| shown.contains(length));
    if fits { Ok(()) } else { Err(BackendError::Rejected.into()) }
}

/// One answer for everything that is wrong with what arrived, so that it is no oracle. What is wrong with the token is told.
pub(crate) fn rejection(fault: Fault) -> Fault {
    match fault {
        Fault::Device(error) => rejected(error),
        Fault::Answer(BackendError::InvalidInput(_) | BackendError::Failed(_)) => BackendError::Rejected.into(),
        fault => fault,
    }
}

fn rejected(error: Error) -> Fault {
    match meaning(&error) {
        Meaning::NotGenuine | Meaning::Input => BackendError::Rejected.into(),
        // SoftHSM answers everything that libcrypto refuses with CKR_GENERAL_ERROR or CKR_FUNCTION_FAILED.
        _ if is_of_unwrapping(&error) => BackendError::Rejected.into(),
        _ => error.into(),
    }
}

fn is_of_unwrapping(error: &Error) -> bool {
    use cryptoki::context::Function;
    use cryptoki::error::RvError;
    matches!(
        error,
        Error::Pkcs11(RvError::GeneralError | RvError::FunctionFailed, Function::UnwrapKey | Function::CreateObject)
    )
}

fn failed(why: &str) -> Fault {
    Fault::Answer(BackendError::Failed(why.to_owned()))
}
