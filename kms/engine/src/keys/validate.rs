//! What a new or updated key may look like.

use std::collections::BTreeMap;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::record::DISTINGUISHING_ID_DEFAULT;
use hufu_core::{Error, Reason};

use crate::api::{CreateKey, LABELS_MAX, ROTATION_PERIOD_MS};

const LABEL_LEN_MAX: usize = 63;
const DESCRIPTION_LEN_MAX: usize = 1_024;
const DISTINGUISHING_ID_LEN_MAX: usize = 128;

/// Purpose and scheme, with defaults filled in.
pub(super) fn use_of(request: &CreateKey) -> Result<(Purpose, Scheme), Error> {
    let purpose = request.purpose.unwrap_or_else(|| request.algorithm.default_purpose());
    let scheme = match request.scheme {
        Some(scheme) => Some(scheme),
        None => request.algorithm.default_scheme(purpose),
    };
    match scheme {
        Some(scheme) if request.algorithm.allows(purpose, scheme) => Ok((purpose, scheme)),
        Some(scheme) => Err(mismatch("scheme", format!("{} does not {purpose} with {scheme}", request.algorithm))),
        None => Err(mismatch("purpose", format!("{} cannot be used to {purpose}", request.algorithm))),
    }
}

pub(super) fn digest_allowed(request: &CreateKey, scheme: Scheme) -> Result<bool, Error> {
    if request.digest_allowed && scheme.digest_len().is_none() {
        return Err(mismatch("digest_allowed", format!("{scheme} does not sign digests")));
    }
    Ok(request.digest_allowed)
}

/// The identifier that goes into Z_A of a signature; keys that agree have none.
pub(super) fn distinguishing_id(request: &CreateKey, purpose: Purpose) -> Result<Option<String>, Error> {
    match (&request.distinguishing_id, request.algorithm) {
        (None, Algorithm::Sm2) if purpose != Purpose::Sign => Ok(None),
        (Some(_), Algorithm::Sm2) if purpose != Purpose::Sign => {
            Err(mismatch("sm2_distinguishing_id", format!("a key to {purpose} has no distinguishing identifier")))
        }
        (None, Algorithm::Sm2) => Ok(Some(DISTINGUISHING_ID_DEFAULT.to_owned())),
        (Some(id), Algorithm::Sm2) if id.len() > DISTINGUISHING_ID_LEN_MAX => Err(Error::new(
            Reason::TooLarge,
            format!("the distinguishing identifier has at most {DISTINGUISHING_ID_LEN_MAX} bytes"),
        )
        .field("sm2_distinguishing_id")),
        (Some(id), Algorithm::Sm2) if id.is_empty() || !id.is_ascii() => {
            Err(Error::new(Reason::InvalidArgument, "the distinguishing identifier has 1 or more bytes of ASCII")
                .field("sm2_distinguishing_id"))
        }
        (Some(id), Algorithm::Sm2) => Ok(Some(id.clone())),
        (None, _) => Ok(None),
        (Some(_), _) => {
            Err(mismatch("sm2_distinguishing_id", "only SM2 keys have a distinguishing identifier".into()))
        }
    }
}

pub(crate) fn labels(labels: &BTreeMap<String, String>) -> Result<(), Error> {
    if labels.len() > LABELS_MAX {
        return Err(Error::new(Reason::TooLarge, format!("at most {LABELS_MAX} labels")).field("labels"));
    }
    if !labels.keys().all(|key| is_label_key(key)) {
        let form = format!("label keys match `[a-z][a-z0-9_.-]{{0,{}}}`", LABEL_LEN_MAX - 1);
        return Err(Error::new(Reason::InvalidArgument, form).field("labels"));
    }
    if labels.values().any(|value| value.len() > LABEL_LEN_MAX) {
        let message = format!("a label's value has at most {LABEL_LEN_MAX} bytes");
        return Err(Error::new(Reason::TooLarge, message).field("labels"));
    }
    if labels.values().any(|value| value.chars().any(char::is_control)) {
        return Err(Error::new(Reason::InvalidArgument, "a label's value has no control characters").field("labels"));
    }
    Ok(())
}

fn is_label_key(key: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    key.len() <= LABEL_LEN_MAX && key.starts_with(|c: char| c.is_ascii_lowercase()) && key.bytes().all(rest)
}

pub(crate) fn description(description: &str) -> Result<(), Error> {
    if description.len() > DESCRIPTION_LEN_MAX {
        let message = format!("a description has at most {DESCRIPTION_LEN_MAX} bytes");
        return Err(Error::new(Reason::TooLarge, message).field("description"));
    }
    Ok(())
}

pub(super) fn rotation_period(period_ms: Option<u64>) -> Result<(), Error> {
    if period_ms.is_some_and(|period| !ROTATION_PERIOD_MS.contains(&period)) {
        let message = "a rotation period is between an hour and 3660 days";
        return Err(Error::new(Reason::InvalidArgument, message).field("rotation_period"));
    }
    Ok(())
}

fn mismatch(field: &'static str, message: String) -> Error {
    Error::new(Reason::UnsupportedAlgorithm, message).field(field)
}
