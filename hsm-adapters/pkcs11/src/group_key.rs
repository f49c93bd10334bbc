//! Putting the key of a group on its tokens: work of the security officer, who alone can make a trusted key.

use std::path::PathBuf;

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::RawAuthPin;
use hufu_core::ambient::{Rng, random_array};
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;

use crate::config::{OpenError, TokenSelector};
use crate::fault::describe;
use crate::module::Module;
use crate::replica::GROUP_LABEL_PREFIX;
use crate::token::find_one;

/// Length of the key, in bytes.
const KEY_LEN: usize = 32;
/// Length of its CKA_ID, in bytes.
const ID_LEN: usize = 16;

/// PKCS #11 v3.1 §4.8; cryptoki 0.12 does not name them.
const CKA_SENSITIVE: u64 = 0x103;
const CKA_UNWRAP: u64 = 0x107;
const CKA_DERIVE: u64 = 0x10c;
const CKA_WRAP_WITH_TRUSTED: u64 = 0x210;
const CKA_WRAP_TEMPLATE: u64 = 0x4000_0211;
const CKA_UNWRAP_TEMPLATE: u64 = 0x4000_0212;

/// A token that shall hold the key of a group.
#[derive(Debug)]
pub struct GroupToken {
    /// Path of its PKCS#11 module.
    pub module: PathBuf,
    /// Which token.
    pub token: TokenSelector,
    /// PIN of its security officer. It is presented once.
    pub so_pin: SecretBytes,
}

/// Makes a key and puts it on every token: all of them, or none. With `replace`, keys of that group that are there already go away
/// when the new one is everywhere; nothing that is stored depends on them.
///
/// The key exists in this process until it is on all tokens: call it in a process that is locked in memory and leaves no core
/// file. Nobody, the security officer included, gets it out of a token after that.
///
/// # Errors
/// [`OpenError`] when a token, a PIN or the key is refused; [`OpenError::Group`] when a token has a key of that group.
pub fn install_group_key(group: &str, tokens: &[GroupToken], rng: &dyn Rng, replace: bool) -> Result<(), OpenError> {
    let label = format!("{GROUP_LABEL_PREFIX}{group}");
    let refused = |why: &str| OpenError::Group { group: group.to_owned(), why: why.to_owned() };
    let mut key = SecretBytes::zeroed(KEY_LEN);
    rng.fill(key.expose_mut()).map_err(|_| refused("there is no randomness"))?;
    // Every PIN is tried, and every obstacle found, before any token is written to. One token after another: a module may hold
    // several, and knows one officer at a time.
    for token in tokens {
        as_officer(token, |session| {
            mix_in(session, &mut key)?;
            let taken = !replace && !labelled(session, &label)?.is_empty();
            if taken { Err(refused("the token holds a key of that group already")) } else { Ok(()) }
        })?;
    }
    let id: [u8; ID_LEN] = random_array(rng).map_err(|_| refused("there is no randomness"))?;
    for (count, token) in tokens.iter().enumerate() {
        if let Err(error) = as_officer(token, |session| create(session, &label, id, &key)) {
            tokens.iter().take(count).for_each(|token| withdraw(token, &label, id));
            return Err(error);
        }
    }
    tokens.iter().try_for_each(|token| as_officer(token, |session| remove(session, &label, |found| found != id)))
}

/// Takes back what was made. What cannot be is told, for a person.
fn withdraw(token: &GroupToken, label: &str, id: [u8; ID_LEN]) {
    if let Err(error) = as_officer(token, |session| remove(session, label, |found| found == id)) {
        tracing::error!(token = ?token.token, label, %error, "a new group key could not be taken back");
    }
}

/// Deletes group keys. Handles end with a login: an object is known by its CKA_ID.
fn remove(session: &Session, label: &str, which: impl Fn(&[u8]) -> bool) -> Result<(), OpenError> {
    for object in labelled(session, label)? {
        let shown = session.get_attributes(object, &[AttributeType::Id]).map_err(|error| failed(&error))?;
        if matches!(shown.first(), Some(Attribute::Id(id)) if which(id)) {
            session.destroy_object(object).map_err(|error| failed(&error))?;
        }
    }
    Ok(())
}

/// Does something on a token as its security officer.
fn as_officer<T>(token: &GroupToken, work: impl FnOnce(&Session) -> Result<T, OpenError>) -> Result<T, OpenError> {
    let module = Module::load(&token.module, None)?;
    let entered = module.enter();
    let found = find_one(entered.library(), &token.token, None)?;
    let session = entered.library().open_rw_session(found.slot).map_err(|error| failed(&error))?;
    let pin = RawAuthPin::new(Box::new(token.so_pin.expose().to_vec()));
    let refused = |error| OpenError::Backend(BackendError::Credentials(describe(&error)));
    session.login_with_raw(UserType::So, &pin).map_err(refused)?;
    let done = work(&session);
    // The session ends, and the login with it, whatever this says.
    let _ = session.logout();
    done
}

/// No single source of randomness is trusted.
fn mix_in(session: &Session, key: &mut SecretBytes) -> Result<(), OpenError> {
    let mut drawn = SecretBytes::zeroed(KEY_LEN);
    session.generate_random_slice(drawn.expose_mut()).map_err(|error| failed(&error))?;
    key.expose_mut().iter_mut().zip(drawn.expose()).for_each(|(byte, more)| *byte ^= more);
    Ok(())
}

fn labelled(session: &Session, label: &str) -> Result<Vec<ObjectHandle>, OpenError> {
    let wanted = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(label.as_bytes().to_vec())];
    session.find_objects(&wanted).map_err(|error| failed(&error))
}

fn create(session: &Session, label: &str, id: [u8; ID_LEN], key: &SecretBytes) -> Result<(), OpenError> {
    let mut template = template(label, id);
    template.push(Attribute::Value(key.expose().to_vec()));
    let made = session.create_object(&template);
    for attribute in template {
        if let Attribute::Value(value) = attribute {
            drop(SecretBytes::from_vec(value));
        }
    }
    made.map(drop).map_err(|error| failed(&error))
}

fn template(label: &str, id: [u8; ID_LEN]) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(true),
        // The officer sees no private objects, and so could not make one trusted.
        Attribute::Private(false),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Trusted(true),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Derive(false),
        Attribute::Modifiable(false),
        Attribute::Copyable(false),
        only(CKA_WRAP_TEMPLATE),
        only(CKA_UNWRAP_TEMPLATE),
    ]
}

/// The template of what the key may wrap and of what it may unwrap: sensitive, for trusted keys only, no
/// wrapping key itself, and nothing that others are derived from, a byte of it at a time (Clulow 2003 §3.2).
///
/// An array of CK_ATTRIBUTE (PKCS #11 v3.1 §4.8.1): type, pointer to the value, length, in the machine's own form.
fn only(attribute: u64) -> Attribute {
    static VALUES: [u8; 2] = [0, 1];
    let [no, yes] = &VALUES;
    let wanted = [(CKA_SENSITIVE, yes), (CKA_WRAP_WITH_TRUSTED, yes), (CKA_UNWRAP, no), (CKA_DERIVE, no)];
    let entries = wanted.into_iter().flat_map(|(kind, value)| {
        let value = std::ptr::from_ref(value).expose_provenance() as u64;
        [kind, value, 1].map(u64::to_ne_bytes)
    });
    Attribute::VendorDefined((AttributeType::VendorDefined(attribute), entries.flatten().collect()))
}

fn failed(error: &cryptoki::error::Error) -> OpenError {
    OpenError::Backend(crate::fault::answer(error))
}
