//! Verifier keys, `name+hash+key` (c2sp.org/signed-note and golang.org/x/mod/sumdb/note).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use sha2::{Digest, Sha256};

use crate::base64;
use crate::error::VerifierKeyError;

/// Longest key name in bytes.
pub const KEY_NAME_LEN_MAX: usize = 255;

/// Signature type of plain Ed25519 notes.
const ED25519: u8 = 0x01;

const KEY_LEN_MAX: usize = KEY_NAME_LEN_MAX + 64;

/// The name and Ed25519 public key under which a log signs notes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    name: String,
    public_key: [u8; 32],
}

impl VerifierKey {
    /// A key of this name. `public_key` is encoded as in RFC 8032 §5.1.5; whether it is a point on the
    /// curve is not checked here.
    ///
    /// # Errors
    /// [`VerifierKeyError::Name`].
    pub fn new(name: &str, public_key: [u8; 32]) -> Result<Self, VerifierKeyError> {
        if !is_key_name(name) {
            return Err(VerifierKeyError::Name);
        }
        Ok(Self { name: name.into(), public_key })
    }

    /// Reads `name+hash+base64(0x01 || key)`, hash being the key id in lower-case hexadecimal.
    ///
    /// # Errors
    /// [`VerifierKeyError`] says which part is malformed.
    pub fn parse(text: &str) -> Result<Self, VerifierKeyError> {
        if text.len() > KEY_LEN_MAX {
            return Err(VerifierKeyError::Form);
        }
        // The name cannot hold a plus sign, the base64 can.
        let (name, rest) = text.split_once('+').ok_or(VerifierKeyError::Form)?;
        let (id, key) = rest.split_once('+').ok_or(VerifierKeyError::Form)?;
        let bytes: Vec<u8> = base64::decode(key).ok_or(VerifierKeyError::Key)?;
        let (kind, public_key) = bytes.split_first().ok_or(VerifierKeyError::Key)?;
        let public_key = public_key.try_into().map_err(|_| VerifierKeyError::Key)?;
        if *kind != ED25519 {
            return Err(VerifierKeyError::Key);
        }
        let parsed = Self::new(name, public_key)?;
        if parsed.hex_id() == id { Ok(parsed) } else { Err(VerifierKeyError::Id) }
    }

    /// Name of the key, by custom the origin of the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Ed25519 public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Key id: the first four bytes of SHA-256(name || 0x0A || 0x01 || key). It tells keys apart and
    /// proves nothing.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(self.public_key);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hasher.finalize());
        [a, b, c, d]
    }

    fn hex_id(&self) -> String {
        alloc::format!("{:08x}", u32::from_be_bytes(self.id()))
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        Self::parse(text)
    }
}

impl fmt::Display for VerifierKey {
    /// `name+hash+base64(0x01 || key)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [ED25519].to_vec();
        key.extend_from_slice(&self.public_key);
        write!(f, "{}+{}+{}", self.name, self.hex_id(), base64::encode(&key))
    }
}

/// Whether a note may carry a signature of this name.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    let fits = !name.is_empty() && name.len() <= KEY_NAME_LEN_MAX;
    fits && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// Key of the Go checksum database, <https://sum.golang.org>.
    const GO_SUM: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

    #[test]
    fn a_key_made_by_another_implementation() {
        let key = VerifierKey::parse(GO_SUM).unwrap();
        assert_eq!(key.name(), "sum.golang.org");
        assert_eq!(key.id(), [0x03, 0x3d, 0xe0, 0xae]);
        assert_eq!(key.to_string(), GO_SUM);
    }

    #[test]
    fn malformed_keys_are_refused() {
        use VerifierKeyError::{Form, Id, Key, Name};
        let refused = [
            ("", Form),
            ("name", Form),
            ("name+033de0ae", Form),
            ("+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", Name),
            ("sum golang+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", Name),
            ("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuA==", Key),
            ("sum.golang.org+033de0ae+As4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", Key),
            ("sum.golang.org+033de0ae+", Key),
            ("sum.golang.org+033DE0AE+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", Id),
            ("sum.golang.com+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", Id),
        ];
        for (text, error) in refused {
            assert_eq!(VerifierKey::parse(text), Err(error), "{text}");
        }
        assert_eq!(VerifierKey::parse(&"a".repeat(4096)), Err(Form));
    }
}
