//! Resource names in requests: parsed strictly, with the field at fault named.

use hufu_core::name::{DepositName, ImportJobName, KeyName, ShareSetName, TenantId, VersionName, parse_tenant_name};
use hufu_core::{Error, Reason};
use hufu_engine::api::Selector;

use super::missing;

/// No name is longer: two ids of 63 bytes, the collections and a number. Longer text is not even looked at.
const NAME_LEN_MAX: usize = 192;

/// Reads `tenants/T`.
///
/// # Errors
/// `MISSING_FIELD` when empty, `INVALID_NAME` for another form.
pub fn tenant(text: &str, field: &'static str) -> Result<TenantId, Error> {
    let text = bounded(text, field)?;
    parse_tenant_name(text).map_err(|error| error.field(field))
}

/// Reads `tenants/T/keys/K`.
///
/// # Errors
/// As [`tenant`].
pub fn key(text: &str, field: &'static str) -> Result<KeyName, Error> {
    bounded(text, field)?.parse().map_err(|error: Error| error.field(field))
}

/// Reads `tenants/T/keys/K/versions/N`.
///
/// # Errors
/// As [`tenant`].
pub fn version(text: &str, field: &'static str) -> Result<VersionName, Error> {
    bounded(text, field)?.parse().map_err(|error: Error| error.field(field))
}

/// Reads `tenants/T/importJobs/J`.
///
/// # Errors
/// As [`tenant`].
pub fn import_job(text: &str, field: &'static str) -> Result<ImportJobName, Error> {
    bounded(text, field)?.parse().map_err(|error: Error| error.field(field))
}

/// Reads `tenants/T/shareSets/S`.
///
/// # Errors
/// As [`tenant`].
pub fn share_set(text: &str, field: &'static str) -> Result<ShareSetName, Error> {
    bounded(text, field)?.parse().map_err(|error: Error| error.field(field))
}

/// Reads `tenants/T/deposits/D`.
///
/// # Errors
/// As [`tenant`].
pub fn deposit(text: &str, field: &'static str) -> Result<DepositName, Error> {
    bounded(text, field)?.parse().map_err(|error: Error| error.field(field))
}

/// Reads `ceremonies/N`.
///
/// # Errors
/// As [`tenant`].
pub fn ceremony(text: &str, field: &'static str) -> Result<u64, Error> {
    let number = bounded(text, field)?.strip_prefix("ceremonies/").and_then(|number| {
        let read = number.parse::<u64>().ok()?;
        // One ceremony has one name.
        (read > 0 && read.to_string() == number).then_some(read)
    });
    number.ok_or_else(|| Error::new(Reason::InvalidName, "it is `ceremonies/N`, a number from 1").field(field))
}

/// Reads `rootTranscripts/N`.
///
/// # Errors
/// As [`tenant`].
pub fn root_transcript(text: &str, field: &'static str) -> Result<u64, Error> {
    let number = bounded(text, field)?.strip_prefix("rootTranscripts/").and_then(|number| {
        let read = number.parse::<u64>().ok()?;
        // One transcript has one name.
        (read.to_string() == number).then_some(read)
    });
    number.ok_or_else(|| Error::new(Reason::InvalidName, "it is `rootTranscripts/N`, a number from 0").field(field))
}

/// Reads `shareTargets/F`.
///
/// # Errors
/// As [`tenant`].
pub fn share_target(text: &str, field: &'static str) -> Result<[u8; 32], Error> {
    let mut fingerprint = [0; 32];
    let read = bounded(text, field)?.strip_prefix("shareTargets/").is_some_and(|digits| {
        // One target has one name.
        hex::decode_to_slice(digits, &mut fingerprint).is_ok() && hex::encode(fingerprint) == digits
    });
    let form = || Error::new(Reason::InvalidName, "it is `shareTargets/F`, F of 64 hexadecimal digits").field(field);
    if read { Ok(fingerprint) } else { Err(form()) }
}

/// Reads a key or a version of it.
///
/// # Errors
/// As [`tenant`].
pub fn selector(text: &str, field: &'static str) -> Result<Selector, Error> {
    if text.contains("/versions/") {
        let VersionName { key, number } = version(text, field)?;
        return Ok(Selector { key, number: Some(number) });
    }
    Ok(Selector { key: key(text, field)?, number: None })
}

fn bounded<'a>(text: &'a str, field: &'static str) -> Result<&'a str, Error> {
    match text.len() {
        0 => Err(missing(field)),
        1..=NAME_LEN_MAX => Ok(text),
        _ => Err(Error::new(Reason::InvalidName, "the name is longer than any name can be").field(field)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_fits() {
        let id = "a".repeat(63);
        let name = format!("tenants/{id}/keys/{id}/versions/4294967295");
        assert!(name.len() <= NAME_LEN_MAX && version(&name, "name").is_ok());
    }

    #[test]
    fn selectors_name_a_key_or_a_version() {
        assert_eq!(selector("tenants/t/keys/k", "name").unwrap().number, None);
        assert_eq!(selector("tenants/t/keys/k/versions/7", "name").unwrap().number.unwrap().value(), 7);
    }

    #[test]
    fn errors_name_the_field() {
        for text in ["tenants/T", "x", "tenants/t/keys/k/versions/0", &"/".repeat(100_000)] {
            let errors = [
                tenant(text, "f").unwrap_err(),
                key(text, "f").unwrap_err(),
                version(text, "f").unwrap_err(),
                selector(text, "f").unwrap_err(),
            ];
            for error in errors {
                assert_eq!((error.reason(), error.at_field()), (Reason::InvalidName, Some("f")), "{text}");
            }
        }
        assert_eq!(key("", "f").unwrap_err().reason(), Reason::MissingField);
    }
}
