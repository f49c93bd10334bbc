//! Names of custodians, organisations and roles.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Decoder, Encode, decode};

use crate::Error;

/// Longest name in bytes.
const LEN_MAX: usize = 63;

/// A name of a custodian, an organisation or a role: lower-case letters, digits and hyphens, beginning with a letter. No two
/// look alike, as names in all of Unicode do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode)]
#[cbor(transparent)]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let good =
            text.len() <= LEN_MAX && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(rest);
        if good { Ok(Self(text.to_owned())) } else { Err(Error::Name(text.chars().take(LEN_MAX).collect())) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'b, C> Decode<'b, C> for Name {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        decoder.str()?.parse().map_err(|_| decode::Error::message("no name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["a", "alice", "node-7", "r2d2"] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        let long = "a".repeat(LEN_MAX + 1);
        for bad in ["", "Alice", "7", "-a", "a b", "a/b", "аlice", "a\n", &long] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn stored_names_are_checked_too() {
        let mut bytes = Vec::new();
        minicbor::encode("Mallory", &mut bytes).unwrap();
        assert!(minicbor::decode::<Name>(&bytes).is_err());
    }
}
