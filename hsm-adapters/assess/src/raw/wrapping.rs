//! Wrapping takes out only what may go.

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};

use super::kept_secret::with;
use super::scratch::Scratch;
use super::{Found, refused};

const WAYS: [Mechanism<'_>; 4] =
    [Mechanism::AesKeyWrap, Mechanism::AesKeyWrapPad, Mechanism::AesCbcPad([0; 16]), Mechanism::AesEcb];

pub(super) fn not_extractable(scratch: &Scratch) -> Found {
    let strict = [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Encrypt(true)];
    wrapped(scratch, &strict)
}

pub(super) fn with_trusted(scratch: &Scratch) -> Found {
    let strict = [
        Attribute::Sensitive(true),
        Attribute::Extractable(true),
        Attribute::Encrypt(true),
        Attribute::WrapWithTrusted(true),
    ];
    wrapped(scratch, &strict)
}

pub(super) fn user_trusts_nothing(scratch: &Scratch) -> Found {
    let trusted = Attribute::Trusted(true);
    let template = [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Wrap(true)];
    let asked = [&template[..], std::slice::from_ref(&trusted)].concat();
    let shows = |key| {
        let shown = scratch.session.get_attributes(key, &[AttributeType::Trusted]);
        shown.unwrap_or_default().contains(&trusted)
    };
    match scratch.aes(&asked) {
        Ok(key) if shows(key) => return Found::fails("the user made a key with CKA_TRUSTED"),
        Ok(_) | Err(_) => {}
    }
    with(scratch.aes(&template), |key| {
        let changed = scratch.session.update_attributes(key, std::slice::from_ref(&trusted));
        if shows(key) {
            Found::fails("the user set CKA_TRUSTED")
        } else {
            refused(changed.and(Err::<(), _>(Error::NotSupported)), "")
        }
    })
}

/// Wraps a key that may go, to find a way that works, then one that may not go.
fn wrapped(scratch: &Scratch, strict: &[Attribute]) -> Found {
    let wrapping = scratch.aes(&[Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Wrap(true)]);
    let free = scratch.aes(&[Attribute::Sensitive(true), Attribute::Extractable(true), Attribute::Encrypt(true)]);
    let (wrapping, free) = match (wrapping, free) {
        (Ok(wrapping), Ok(free)) => (wrapping, free),
        (Err(error), _) | (_, Err(error)) => return Found::absent(&error),
    };
    let ways: Vec<_> = WAYS.into_iter().filter(|way| scratch.session.wrap_key(way, wrapping, free).is_ok()).collect();
    let Some(first) = ways.first() else {
        return Found::absent(&Error::NotSupported);
    };
    with(scratch.aes(strict), |key: ObjectHandle| {
        let taken = ways.iter().find(|way| scratch.session.wrap_key(way, wrapping, key).is_ok());
        match taken {
            Some(way) => Found::fails(format!("wrapped with {}", way.mechanism_type())),
            None => refused(scratch.session.wrap_key(first, wrapping, key), ""),
        }
    })
}
