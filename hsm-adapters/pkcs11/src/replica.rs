//! The key that the tokens of a group share: found by its label, admitted only where the PIN of the user gets nothing out with
//! it.
//!
//! A key that may be replicated can leave under a trusted key alone. But whoever may unwrap with that key chooses the
//! attributes of what comes in, and could choose a key that is not sensitive (Clulow 2003, Delaune, Kremer and Steel 2008). So
//! the group key carries CKA_UNWRAP_TEMPLATE and CKA_WRAP_TEMPLATE, and can be neither changed nor copied. Both are tried
//! when a token is opened, not believed.

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use hufu_core::algorithm::Algorithm;
use hufu_core::backend::{BackendError, Outcome};
use hufu_core::record::{Exit, VersionUid};

use crate::attributes::{Dialect, Plan};
use crate::fault::{Fault, describe};
use crate::generate::{self, Made};
use crate::wrapping::{self, WRAPPED_LEN_MAX, aes_kwp};

/// Labels of group keys begin so; the name of the group follows.
pub(crate) const GROUP_LABEL_PREFIX: &str = "hufu-group-";

/// What the group key shows of itself, and why it must.
const NEEDED: [(Attribute, &str); 10] = [
    (Attribute::Trusted(true), "is not trusted (CKA_TRUSTED), which only the security officer can make it"),
    (Attribute::Sensitive(true), "is not sensitive"),
    (Attribute::Extractable(false), "is extractable"),
    (Attribute::Wrap(true), "cannot wrap"),
    (Attribute::Unwrap(true), "cannot unwrap"),
    (Attribute::Encrypt(false), "can encrypt"),
    (Attribute::Decrypt(false), "can decrypt, and so open what it wrapped"),
    (Attribute::Sign(false), "can sign"),
    (Attribute::Modifiable(false), "can be modified (CKA_MODIFIABLE)"),
    (Attribute::Copyable(false), "can be copied (CKA_COPYABLE)"),
];

/// The handle of a group's key, whose attributes are as they must be.
pub(crate) fn group_key(session: &Session, group: &str) -> Result<ObjectHandle, Fault> {
    let label = format!("{GROUP_LABEL_PREFIX}{group}");
    let wanted = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(true),
        Attribute::Label(label.clone().into_bytes()),
    ];
    let mut found = session.find_objects(&wanted)?.into_iter();
    let key = match (found.next(), found.next()) {
        (Some(key), None) => key,
        (None, _) => return Err(unfit(&format!("the token holds no AES key labelled `{label}`"))),
        _ => return Err(unfit(&format!("the token holds several keys labelled `{label}`"))),
    };
    for (attribute, otherwise) in NEEDED {
        let shown = session.get_attributes(key, &[attribute.attribute_type()])?;
        if !shown.contains(&attribute) {
            return Err(unfit(&format!("the group key {otherwise}")));
        }
    }
    Ok(key)
}

/// Tries what the PIN of the user must not be able to do. What it can is the reason to refuse the token.
pub(crate) fn admit(session: &Session, group: &str) -> Result<(), Fault> {
    let group_key = group_key(session, group)?;
    let scratch = Scratch::default();
    let admitted = scratch.admit(session, group_key);
    // The trial's keys live no longer than the session, but the session lives long.
    scratch.0.borrow().iter().for_each(|object| drop(session.destroy_object(*object)));
    admitted
}

/// Objects of a trial, deleted at its end.
#[derive(Default)]
struct Scratch(std::cell::RefCell<Vec<ObjectHandle>>);

impl Scratch {
    fn admit(&self, session: &Session, group_key: ObjectHandle) -> Result<(), Fault> {
        if let Ok(trusted) = session.generate_key(&Mechanism::AesKeyGen, &own(&[Attribute::Trusted(true)])) {
            self.keep(trusted);
            let shown = session.get_attributes(trusted, &[AttributeType::Trusted])?;
            if shown.contains(&Attribute::Trusted(true)) {
                return Err(unfit("the user can make trusted keys, and wrap every replicable key with one of them"));
            }
        }
        let key = self.keep(generate::make(session, &trial(VersionUid([0x5a; 16])))?.key);
        let mine = self.keep(session.generate_key(&Mechanism::AesKeyGen, &own(&[]))?);
        if wrapping::wrap(session, &aes_kwp(), mine, key).is_ok() {
            return Err(unfit("the token wraps a replicable key with one that is not trusted"));
        }
        if session.wrap_key(&aes_kwp(), group_key, group_key).is_ok() {
            return Err(unfit("the group key wraps itself"));
        }
        let wrapped = session.wrap_key(&aes_kwp(), group_key, key).map_err(|error| {
            unfit(&format!("the group key does not wrap with {}: {}", wrapping::AES_KWP, describe(&error)))
        })?;
        self.unwraps_strictly(session, group_key, &wrapped)
    }

    /// What comes in must be as strict as what went out, whatever the caller asks for.
    fn unwraps_strictly(&self, session: &Session, group_key: ObjectHandle, wrapped: &[u8]) -> Result<(), Fault> {
        let lax = [
            [Attribute::Sensitive(false), Attribute::WrapWithTrusted(true), Attribute::Unwrap(false)],
            [Attribute::Sensitive(true), Attribute::WrapWithTrusted(false), Attribute::Unwrap(false)],
            [Attribute::Sensitive(true), Attribute::WrapWithTrusted(true), Attribute::Unwrap(true)],
        ];
        let derives = vec![Attribute::Derive(true)];
        for lax in lax.iter().map(|lax| lax.to_vec()).chain([derives, Vec::new()]) {
            let template = [
                vec![Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES)],
                vec![Attribute::Token(false), Attribute::Extractable(true), Attribute::Decrypt(true)],
                lax,
            ]
            .concat();
            let Ok(arrived) = session.unwrap_key(&aes_kwp(), group_key, wrapped, &template) else { continue };
            self.keep(arrived);
            let strict = [
                Attribute::Sensitive(true),
                Attribute::WrapWithTrusted(true),
                Attribute::Unwrap(false),
                Attribute::Derive(false),
            ];
            for attribute in strict {
                let shown = session.get_attributes(arrived, &[attribute.attribute_type()])?;
                if !shown.contains(&attribute) {
                    return Err(unfit("the group key unwraps with attributes of the user's choice"));
                }
            }
        }
        Ok(())
    }

    fn keep(&self, object: ObjectHandle) -> ObjectHandle {
        self.0.borrow_mut().push(object);
        object
    }
}

/// Wraps a version's material for the other tokens of the group.
pub(crate) fn wrap(session: &Session, group: &str, key: ObjectHandle) -> Result<Outcome, Fault> {
    let group_key = group_key(session, group)?;
    Ok(Outcome::Bytes(wrapping::wrap(session, &aes_kwp(), group_key, key)?))
}

/// Takes in what [`wrap`] made on another token of the group.
pub(crate) fn unwrap(
    session: &Session,
    group: &str,
    plan: &Plan,
    wrapped: &[u8],
    spki: Option<&[u8]>,
) -> Result<Made, Fault> {
    if wrapped.len() > WRAPPED_LEN_MAX {
        return Err(BackendError::InvalidInput("the wrapped key is too long".to_owned()).into());
    }
    let group_key = group_key(session, group)?;
    let made = wrapping::unwrap(session, &aes_kwp(), group_key, wrapped, plan, spki)?;
    // A secret key has no public half to prove it by: wrapped again it must give the same bytes.
    if made.public.is_none() {
        let again = wrapping::wrap(session, &aes_kwp(), group_key, made.key);
        if !matches!(&again, Ok(again) if again == wrapped) {
            generate::remove(session, &made)?;
            again?;
            return Err(BackendError::Rejected.into());
        }
    }
    Ok(made)
}

/// A replicable key that is gone with the session.
fn trial(uid: VersionUid) -> Plan {
    Plan {
        uid,
        algorithm: Algorithm::Aes256Gcm,
        purpose: Algorithm::Aes256Gcm.default_purpose(),
        permanent: false,
        modulus_bits: 0,
        dialect: Dialect::default(),
        generate: MechanismType::AES_KEY_GEN,
        mechanism: wrapping::AES_KWP,
        exit: Exit::Replicable,
    }
}

/// A wrapping key as the user may make one.
fn own(more: &[Attribute]) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Token(false),
        Attribute::ValueLen(32.into()),
        Attribute::Wrap(true),
        Attribute::Decrypt(true),
        Attribute::Sensitive(true),
    ];
    template.extend_from_slice(more);
    template
}

fn unfit(why: &str) -> Fault {
    BackendError::Unsupported(why.to_owned()).into()
}
