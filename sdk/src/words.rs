use thiserror::Error;

use crate::v1;

/// The text form of an enum of the API, as people write and read it: `hmac-sha256`, `key-compromise`, `pre-active`.
pub trait Word: Copy + Sized {
    /// The word. `UNSPECIFIED` is `unspecified`.
    fn word(self) -> String;

    /// Reads a word; case and the separators `-` and `_` do not matter, so `keyCompromise` is read as well.
    ///
    /// # Errors
    /// [`UnknownWord`], also for `unspecified`.
    fn from_word(word: &str) -> Result<Self, UnknownWord>;

    /// Every word in the order of the API, without `unspecified`.
    fn words() -> Vec<String>;
}

/// No value of the enum has this word.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{word}` is none of {known}")]
pub struct UnknownWord {
    word: String,
    known: String,
}

macro_rules! words {
    ($($name:ident: $prefix:literal;)*) => {$(
        impl Word for v1::$name {
            fn word(self) -> String {
                kebab(self.as_str_name(), $prefix)
            }

            fn from_word(word: &str) -> Result<Self, UnknownWord> {
                let plain = squeeze(word);
                values::<Self>().find(|value| squeeze(&value.word()) == plain).ok_or_else(|| UnknownWord {
                    word: word.to_owned(),
                    known: Self::words().join(", "),
                })
            }

            fn words() -> Vec<String> {
                values::<Self>().map(Self::word).collect()
            }
        }
    )*};
}

words! {
    Algorithm: "ALGORITHM_";
    Scheme: "SCHEME_";
    Purpose: "PURPOSE_";
    Protection: "PROTECTION_";
    Exit: "EXIT_";
    Kdf: "KDF_";
    Origin: "ORIGIN_";
    ImportJobState: "IMPORT_JOB_STATE_";
    KeyState: "KEY_STATE_";
    RevocationReason: "REVOCATION_REASON_";
    AttestationKind: "ATTESTATION_KIND_";
    SignatureFormat: "SIGNATURE_FORMAT_";
    AuditOutcome: "AUDIT_OUTCOME_";
    Mode: "MODE_";
    Health: "HEALTH_";
    RootState: "ROOT_STATE_";
    StorageKind: "STORAGE_KIND_";
}

/// Every value but zero, which is `UNSPECIFIED` everywhere. The API numbers its enums below 64.
fn values<T: TryFrom<i32>>() -> impl Iterator<Item = T> {
    (1..64).filter_map(|number| T::try_from(number).ok())
}

fn kebab(name: &str, prefix: &str) -> String {
    let name = name.strip_prefix(prefix).unwrap_or(name);
    name.to_ascii_lowercase().replace('_', "-")
}

fn squeeze(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_command_line() {
        assert_eq!(
            v1::Algorithm::words().join(" "),
            "p256 p384 secp256k1 ed25519 rsa3072 sm2 aes256-gcm sm4-gcm hmac-sha256 hmac-sm3 ml-dsa-44 ml-dsa-65 \
             ml-dsa-87 ml-kem-768 rsa2048 rsa4096 aes128-gcm hmac-sha384 x25519 aes256-kwp"
        );
        assert_eq!(v1::KeyState::PreActive.word(), "pre-active");
        assert_eq!(v1::Algorithm::Unspecified.word(), "unspecified");
    }

    #[test]
    fn every_word_reads_back() {
        for word in v1::Scheme::words() {
            assert_eq!(v1::Scheme::from_word(&word).unwrap().word(), word);
        }
    }

    #[test]
    fn rfc_5280_spelling_is_read() {
        let read = v1::RevocationReason::from_word;
        assert_eq!(read("keyCompromise"), Ok(v1::RevocationReason::KeyCompromise));
        assert_eq!(read("cACompromise"), Ok(v1::RevocationReason::CaCompromise));
        assert_eq!(read("aACompromise"), Ok(v1::RevocationReason::AaCompromise));
    }

    #[test]
    fn unknown_words_name_the_known_ones() {
        let error = v1::Protection::from_word("tpm").unwrap_err();
        assert_eq!(error.to_string(), "`tpm` is none of software, hsm, threshold");
        assert!(v1::Protection::from_word("unspecified").is_err());
    }
}
