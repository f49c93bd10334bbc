//! Hashes and identifiers of fixed length, each a type of its own, so that one is never taken for another.

use std::str::FromStr;

use hufu_custodian::{RosterHash, fixed_bytes};
use serde::{Deserialize, Deserializer};

use crate::Refusal;

/// Those that stand in files too, as lower-case hexadecimal digits.
macro_rules! in_files {
    ($(#[$doc:meta])* $name:ident, $what:literal, $len:literal) => {
        fixed_bytes! { $(#[$doc])* $name, $len }

        impl FromStr for $name {
            type Err = Refusal;

            /// Reads lower-case hexadecimal digits.
            fn from_str(text: &str) -> Result<Self, Refusal> {
                from_hex(text).map(Self).ok_or(Refusal::Malformed { what: $what, why: NOT_HEX.to_owned() })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

in_files! {
    /// Names one ceremony: the hash of its first event, so that a request that is proposed again is another ceremony.
    CeremonyId, "the id of a ceremony", 32
}
in_files! {
    /// SHA-256 of a request's canonical bytes: what approvers compare and sign.
    RequestDigest, "the digest of a request", 32
}
in_files! {
    /// SHA-256 of a policy's canonical bytes.
    PolicyHash, "the hash of a policy", 32
}
in_files! {
    /// Hash of the last event of a chain, and so of all before it.
    Head, "the head of a chain", 32
}
in_files! {
    /// SHA-256 of a public key's SubjectPublicKeyInfo, or of a share as it was sealed.
    Fingerprint, "a fingerprint", 32
}
in_files! {
    /// Names a set of shares.
    SetId, "the id of a share set", 16
}

const NOT_HEX: &str = "it is not lower-case hexadecimal digits of its length";

/// Exactly so many bytes in lower-case digits: one value has one spelling.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !lower || text.len() != N.checked_mul(2)? {
        return None;
    }
    hex::decode(text).ok()?.try_into().ok()
}

/// The hash of a roster, from a file.
pub(crate) fn roster_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RosterHash, D::Error> {
    let text = String::deserialize(deserializer)?;
    from_hex(&text).map(RosterHash).ok_or_else(|| serde::de::Error::custom(NOT_HEX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_spelling() {
        let set: SetId = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
        assert_eq!(set.to_string().parse::<SetId>().unwrap(), set);
        for bad in
            ["", "00", "000102030405060708090A0B0C0D0E0F", "000102030405060708090a0b0c0d0e0f00", &"g".repeat(32)]
        {
            assert!(bad.parse::<SetId>().is_err(), "{bad}");
        }
    }
}
