//! Resource names: `tenants/T/keys/K/versions/N` (AIP-122), parsed once and carried as types.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::error::{Error, Reason};

/// The tenant that holds the service's own keys (log, root, CA). No caller can reach it.
pub const SYSTEM_TENANT: &str = "system";

/// Longest identifier, in bytes.
pub const ID_LEN_MAX: usize = 63;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses `[a-z]([a-z0-9-]{0,61}[a-z0-9])?`.
            ///
            /// # Errors
            /// [`Reason::InvalidName`] when the text has another form.
            pub fn parse(text: &str) -> Result<Self, Error> {
                if is_identifier(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(invalid($field, "1 to 63 of a-z, 0-9 and `-`, beginning with a letter, not ending with `-`"))
                }
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::parse(d.str()?).map_err(|_| minicbor::decode::Error::message("malformed identifier"))
            }
        }
    };
}

identifier!(
    /// Name of a tenant.
    TenantId,
    "tenant"
);
identifier!(
    /// Name of a key inside its tenant.
    KeyId,
    "key_id"
);
identifier!(
    /// Name of a principal: a person, node or application that authenticates.
    PrincipalId,
    "principal"
);
identifier!(
    /// Name of an import job inside its tenant.
    JobId,
    "job_id"
);

identifier!(
    /// Name of a deposited key inside its tenant.
    DepositId,
    "deposit_id"
);

impl TenantId {
    /// Whether this is the reserved tenant of the service's own keys.
    #[must_use]
    pub fn is_system(&self) -> bool {
        &*self.0 == SYSTEM_TENANT
    }
}

/// `tenants/T/keys/K`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct KeyName {
    /// The tenant that owns the key.
    pub tenant: TenantId,
    /// The key inside the tenant.
    pub key: KeyId,
}

impl KeyName {
    /// The name of one version of this key.
    #[must_use]
    pub fn version(&self, number: VersionNumber) -> VersionName {
        VersionName { key: self.clone(), number }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/keys/{}", self.tenant, self.key)
    }
}

impl FromStr for KeyName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "keys", key] => {
                Ok(Self { tenant: TenantId::parse(tenant)?, key: KeyId::parse(key)? })
            }
            _ => Err(invalid("name", "`tenants/T/keys/K`")),
        }
    }
}

/// `tenants/T/importJobs/J`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ImportJobName {
    /// The tenant that owns the job.
    pub tenant: TenantId,
    /// The job inside the tenant.
    pub job: JobId,
}

impl fmt::Display for ImportJobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/importJobs/{}", self.tenant, self.job)
    }
}

impl FromStr for ImportJobName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "importJobs", job] => {
                Ok(Self { tenant: TenantId::parse(tenant)?, job: JobId::parse(job)? })
            }
            _ => Err(invalid("name", "`tenants/T/importJobs/J`")),
        }
    }
}

/// Names a set of shares, in this deployment and everywhere: 16 random bytes, 32 lower-case hexadecimal digits in text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct SetId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SetId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut id = [0; 16];
        let read = hex::decode_to_slice(text, &mut id).is_ok() && hex::encode(id) == text;
        if read { Ok(Self(id)) } else { Err(invalid("name", "`tenants/T/shareSets/S`, S of 32 hexadecimal digits")) }
    }
}

/// `tenants/T/shareSets/S`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ShareSetName {
    /// The tenant that owns what is shared.
    pub tenant: TenantId,
    /// The set.
    pub set: SetId,
}

impl fmt::Display for ShareSetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/shareSets/{}", self.tenant, self.set)
    }
}

impl FromStr for ShareSetName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "shareSets", set] => Ok(Self { tenant: TenantId::parse(tenant)?, set: set.parse()? }),
            _ => Err(invalid("name", "`tenants/T/shareSets/S`")),
        }
    }
}

/// `tenants/T/deposits/D`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct DepositName {
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// The deposit inside the tenant.
    pub deposit: DepositId,
}

impl fmt::Display for DepositName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/deposits/{}", self.tenant, self.deposit)
    }
}

impl FromStr for DepositName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["tenants", tenant, "deposits", deposit] => {
                Ok(Self { tenant: TenantId::parse(tenant)?, deposit: DepositId::parse(deposit)? })
            }
            _ => Err(invalid("name", "`tenants/T/deposits/D`")),
        }
    }
}

/// Number of a key version, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct VersionNumber(#[n(0)] u32);

impl VersionNumber {
    /// The first version of every key.
    pub const FIRST: Self = Self(1);

    /// A version number, which is never zero.
    ///
    /// # Errors
    /// [`Reason::InvalidName`] for zero.
    pub fn new(number: u32) -> Result<Self, Error> {
        if number == 0 { Err(invalid("name", "a version number from 1")) } else { Ok(Self(number)) }
    }

    /// The number itself.
    #[must_use]
    pub fn value(self) -> u32 {
        self.0
    }

    /// The number after this one, or nothing when numbers have run out.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

/// `tenants/T/keys/K/versions/N`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct VersionName {
    /// The key.
    pub key: KeyName,
    /// Which version of it.
    pub number: VersionNumber,
}

impl VersionName {
    /// The row id: the number is padded so that text order is numeric order.
    #[must_use]
    pub fn row_id(&self) -> String {
        format!("{}/versions/{:010}", self.key, self.number.value())
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/versions/{}", self.key, self.number.value())
    }
}

impl FromStr for VersionName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let form = || invalid("name", "`tenants/T/keys/K/versions/N`");
        let (key, number) = text.rsplit_once("/versions/").ok_or_else(form)?;
        if number.len() > 10 || number.starts_with('0') || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(form());
        }
        let number = VersionNumber::new(number.parse().map_err(|_| form())?)?;
        Ok(Self { key: key.parse()?, number })
    }
}

/// Parses `tenants/T`.
///
/// # Errors
/// [`Reason::InvalidName`] for any other form.
pub fn parse_tenant_name(text: &str) -> Result<TenantId, Error> {
    match text.strip_prefix("tenants/") {
        Some(tenant) => TenantId::parse(tenant),
        None => Err(invalid("parent", "`tenants/T`")),
    }
}

fn is_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=ID_LEN_MAX).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

fn invalid(field: &'static str, form: &str) -> Error {
    Error::new(Reason::InvalidName, format!("the name must be {form}")).field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for text in ["tenants/dev/keys/a/versions/1", "tenants/a-1/keys/node-7/versions/4294967295"] {
            assert_eq!(text.parse::<VersionName>().unwrap().to_string(), text);
        }
        assert_eq!("tenants/dev/keys/k".parse::<KeyName>().unwrap().to_string(), "tenants/dev/keys/k");
        let set = "tenants/dev/shareSets/00112233445566778899aabbccddeeff";
        assert_eq!(set.parse::<ShareSetName>().unwrap().to_string(), set);
        for wrong in ["0011", "00112233445566778899AABBCCDDEEFF", "00112233445566778899aabbccddeefg", ""] {
            assert!(format!("tenants/dev/shareSets/{wrong}").parse::<ShareSetName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "/",
            "tenants//keys/k",
            "tenants/dev/keys/",
            "tenants/dev/keys/K",
            "tenants/dev/keys/k/versions/0",
            "tenants/dev/keys/k/versions/01",
            "tenants/dev/keys/k/versions/4294967296",
            "tenants/dev/keys/k/versions/-1",
            "tenants/dev/keys/ключ",
            "tenants/dev/keys/-k",
            "tenants/dev/keys/k-",
            "tenants/../keys/k/versions/1",
        ] {
            assert!(text.parse::<VersionName>().is_err(), "{text}");
        }
        assert!(KeyId::parse(&"a".repeat(64)).is_err());
        assert!(KeyId::parse(&"a".repeat(63)).is_ok());
    }
}
