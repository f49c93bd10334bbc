use std::{fmt, str::FromStr};

use crate::Error;

/// A key, or one of its versions, within the profile's tenant: `NAME` or `NAME@VERSION`.
///
/// The full resource names `tenants/T/keys/K` and `tenants/T/keys/K/versions/N` are read too; they keep their tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRef {
    tenant: Option<String>,
    key: String,
    version: Option<u64>,
}

impl KeyRef {
    /// The id of the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The version, when one is named.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The same key with this version.
    #[must_use]
    pub fn at(&self, version: u64) -> Self {
        Self { version: Some(version), ..self.clone() }
    }

    /// `tenants/T/keys/K`.
    pub(crate) fn key_name(&self, tenant: &str) -> String {
        let tenant = self.tenant.as_deref().unwrap_or(tenant);
        format!("tenants/{tenant}/keys/{}", self.key)
    }

    /// `tenants/T/keys/K/versions/N`, or `tenants/T/keys/K` when no version is named.
    pub(crate) fn name(&self, tenant: &str) -> String {
        let key = self.key_name(tenant);
        match self.version {
            Some(version) => format!("{key}/versions/{version}"),
            None => key,
        }
    }
}

impl FromStr for KeyRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // All in the message: command line parsers show nothing else.
        parse(text).ok_or_else(|| Error::Usage {
            message: format!(
                "`{text}` is no key name; write `NAME` or `NAME@VERSION`: NAME is 1 to 63 of a-z, 0-9 and `-`, \
                 beginning with a letter and not ending with `-`; VERSION is a number from 1"
            ),
            help: None,
        })
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        match self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

fn parse(text: &str) -> Option<KeyRef> {
    let (tenant, key, version) = match text.strip_prefix("tenants/") {
        Some(rest) => match *rest.split('/').collect::<Vec<_>>() {
            [tenant, "keys", key] => (Some(tenant), key, None),
            [tenant, "keys", key, "versions", version] => (Some(tenant), key, Some(version)),
            _ => return None,
        },
        None => match text.split_once('@') {
            Some((key, version)) => (None, key, Some(version)),
            None => (None, text, None),
        },
    };
    let version = match version {
        Some(version) => Some(parse_version(version)?),
        None => None,
    };
    (is_id(key) && tenant.is_none_or(is_id)).then(|| KeyRef {
        tenant: tenant.map(str::to_owned),
        key: key.to_owned(),
        version,
    })
}

fn parse_version(text: &str) -> Option<u64> {
    let plain = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Whether the text matches `[a-z]([a-z0-9-]{0,61}[a-z0-9])?`.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_full_names() {
        let name = |text: &str| text.parse::<KeyRef>().unwrap().name("dev");
        assert_eq!(name("a"), "tenants/dev/keys/a");
        assert_eq!(name("a-1@12"), "tenants/dev/keys/a-1/versions/12");
        assert_eq!(name("tenants/t/keys/k"), "tenants/t/keys/k");
        assert_eq!(name("tenants/t/keys/k/versions/3"), "tenants/t/keys/k/versions/3");
        assert_eq!("a".parse::<KeyRef>().unwrap().at(2).to_string(), "a@2");
    }

    #[test]
    fn other_forms_are_refused() {
        let long = "a".repeat(64);
        for text in [
            "",
            "A",
            "1a",
            "a-",
            "a_b",
            "ä",
            "a@",
            "a@0",
            "a@01",
            "a@+1",
            "a@x",
            "a@1@2",
            "a/b",
            "tenants/t",
            "tenants/t/keys/",
            "tenants/T/keys/k",
            "tenants/t/keys/k/versions/0",
            "tenants/t/keys/k/versions",
            "a@99999999999999999999",
            &long,
        ] {
            assert!(text.parse::<KeyRef>().is_err(), "{text}");
        }
    }
}
