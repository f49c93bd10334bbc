//! Secrets stay, and the attributes that say so are true.

use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};

use super::scratch::Scratch;
use super::{Found, describe};

const PROTECTED: [Attribute; 3] = [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Sign(true)];

pub(super) fn pair_is_not_shown(scratch: &Scratch) -> Found {
    with(scratch.pair(&PROTECTED), |key| not_shown(scratch, key))
}

pub(super) fn secret_is_not_shown(scratch: &Scratch) -> Found {
    let made = scratch.aes(&[Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Encrypt(true)]);
    with(made, |key| not_shown(scratch, key))
}

pub(super) fn sensitive_stays(scratch: &Scratch) -> Found {
    with(scratch.pair(&PROTECTED), |key| {
        let asked = scratch.session.update_attributes(key, &[Attribute::Sensitive(false)]);
        stays(scratch, key, asked, &Attribute::Sensitive(true), AttributeType::Sensitive)
    })
}

pub(super) fn not_extractable_stays(scratch: &Scratch) -> Found {
    with(scratch.pair(&PROTECTED), |key| {
        let asked = scratch.session.update_attributes(key, &[Attribute::Extractable(true)]);
        stays(scratch, key, asked, &Attribute::Extractable(false), AttributeType::Extractable)
    })
}

pub(super) fn copy_is_no_weaker(scratch: &Scratch) -> Found {
    with(scratch.pair(&PROTECTED), |key| {
        for weaker in [Attribute::Extractable(true), Attribute::Sensitive(false)] {
            let Ok(copy) = scratch.session.copy_object(key, std::slice::from_ref(&weaker)) else { continue };
            scratch.keep(copy);
            let shown = scratch.session.get_attributes(copy, &[weaker.attribute_type()]).unwrap_or_default();
            if shown.contains(&weaker) {
                return Found::fails(format!("copied with {weaker:?}"));
            }
        }
        Found::holds("no copy is extractable or not sensitive")
    })
}

pub(super) fn never_extractable_is_true(scratch: &Scratch) -> Found {
    let born = [Attribute::Sensitive(true), Attribute::Extractable(true), Attribute::Sign(true)];
    with(scratch.pair(&born), |key| {
        let _ = scratch.session.update_attributes(key, &[Attribute::Extractable(false)]);
        lies(scratch, key, &Attribute::NeverExtractable(true), AttributeType::NeverExtractable)
    })
}

pub(super) fn always_sensitive_is_true(scratch: &Scratch) -> Found {
    let born = [Attribute::Sensitive(false), Attribute::Extractable(false), Attribute::Sign(true)];
    with(scratch.pair(&born), |key| {
        let _ = scratch.session.update_attributes(key, &[Attribute::Sensitive(true)]);
        // A token that makes every key sensitive at once, whatever was asked, tells the truth.
        let value = scratch.session.get_attributes(key, &[AttributeType::Sensitive]).unwrap_or_default();
        let found = lies(scratch, key, &Attribute::AlwaysSensitive(true), AttributeType::AlwaysSensitive);
        match found.0 {
            crate::report::Outcome::Fails => Found::fails(format!("{}; it shows {value:?}", found.1)),
            _ => found,
        }
    })
}

pub(super) fn with(made: Result<ObjectHandle, Error>, trial: impl FnOnce(ObjectHandle) -> Found) -> Found {
    match made {
        Ok(key) => trial(key),
        Err(error) => Found::absent(&error),
    }
}

fn not_shown(scratch: &Scratch, key: ObjectHandle) -> Found {
    match scratch.session.get_attributes(key, &[AttributeType::Value]) {
        Err(error) => Found::holds(format!("refused: {}", describe(&error))),
        Ok(shown) if shown.iter().any(|value| matches!(value, Attribute::Value(bytes) if !bytes.is_empty())) => {
            Found::fails("CKA_VALUE was given out")
        }
        Ok(_) => Found::holds("CKA_VALUE is withheld"),
    }
}

fn stays(
    scratch: &Scratch,
    key: ObjectHandle,
    asked: Result<(), Error>,
    strict: &Attribute,
    kind: AttributeType,
) -> Found {
    match scratch.session.get_attributes(key, &[kind]) {
        Ok(shown) if shown.contains(strict) => Found::holds(match asked {
            Ok(()) => "accepted, but without effect".to_owned(),
            Err(error) => format!("refused: {}", describe(&error)),
        }),
        Ok(shown) => Found::fails(format!("afterwards it shows {shown:?}")),
        Err(error) => Found::fails(format!("afterwards it shows nothing: {}", describe(&error))),
    }
}

fn lies(scratch: &Scratch, key: ObjectHandle, lie: &Attribute, kind: AttributeType) -> Found {
    match scratch.session.get_attributes(key, &[kind]) {
        Ok(shown) if shown.contains(lie) => Found::fails(format!("it shows {lie:?}, which is not true")),
        Ok(shown) => Found::holds(format!("it shows {shown:?}")),
        Err(error) => Found::absent(&error),
    }
}
