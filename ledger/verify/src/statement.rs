//! What the service says of an import job, signed by the log's key under a domain of its own.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use hufu_tlog::{SignedNote, VerifierKey};
use sha2::{Digest, Sha256};

use crate::error::{StatementError, VerifyError};
use crate::note::signed_text;

/// First word of a statement. A checkpoint begins with the log's origin, which has no space in it: neither passes for the
/// other.
const DOMAIN: &str = "hufu-import-job/v2";

/// Longest statement in bytes, with its signature.
pub const STATEMENT_LEN_MAX: usize = 4096;

/// Everything that whoever wraps a key must know to be true first: which key of the service will open it, for which job, to
/// become what, and until when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportStatement {
    /// Origin of the log whose key signs.
    pub origin: String,
    /// `tenants/T/importJobs/J`.
    pub job: String,
    /// `tenants/T/keys/K`.
    pub key: String,
    /// Name of the algorithm of the key that comes in.
    pub algorithm: String,
    /// What it is for.
    pub purpose: String,
    /// How it is used.
    pub scheme: String,
    /// Where its material will live.
    pub protection: String,
    /// Whether its material may leave again.
    pub exit: String,
    /// Whether it will sign digests that others made, of messages that it never sees.
    pub digest_allowed: bool,
    /// The SM2 distinguishing identifier that goes into every signature; nothing for other keys.
    pub distinguishing_id: Option<String>,
    /// Whether its first version is active as soon as it is in.
    pub activate: bool,
    /// SHA-256 of the SubjectPublicKeyInfo that it must belong to; nothing for secret keys.
    pub public_key: Option<[u8; 32]>,
    /// SHA-256 of the SubjectPublicKeyInfo of the import key.
    pub import_key: [u8; 32],
    /// How the material is wrapped: `rsa-aes-kwp` or `rsa-aes-kwp-sha1`.
    pub wrapping: String,
    /// Whether the import key is protected by a simulation, and so by nothing.
    pub simulated: bool,
    /// When the import key is destroyed at the latest, in milliseconds since the Unix epoch.
    pub expires_at: u64,
}

impl ImportStatement {
    /// What is signed: a line each. An identifier may hold any ASCII, line ends too, and so it is written in hexadecimal.
    #[must_use]
    pub fn text(&self) -> String {
        let public_key = self.public_key.map_or_else(|| "none".to_owned(), |hash| hex(&hash));
        let id = self.distinguishing_id.as_ref().map_or_else(|| "none".to_owned(), |id| hex(id.as_bytes()));
        format!(
            "{DOMAIN} {}\njob {}\nkey {}\nalgorithm {}\npurpose {}\nscheme {}\nprotection {}\nexit {}\n\
             digest-allowed {}\nsm2-id-hex {id}\nactivate {}\npublic-key-sha256 {public_key}\nimport-key-sha256 {}\nwrapping {}\nsimulated {}\nexpires-at-ms {}\n",
            self.origin,
            self.job,
            self.key,
            self.algorithm,
            self.purpose,
            self.scheme,
            self.protection,
            self.exit,
            self.digest_allowed,
            self.activate,
            hex(&self.import_key),
            self.wrapping,
            self.simulated,
            self.expires_at,
        )
    }

    /// The signed note (C2SP signed-note), once its signature was checked.
    ///
    /// # Errors
    /// [`VerifyError`] unless the signature verifies.
    pub fn signed(&self, key: &VerifierKey, signature: &[u8]) -> Result<String, VerifyError> {
        let mut note = SignedNote::new(&self.text())?;
        note.add_signature(key, signature)?;
        let note = note.encode();
        if verify_import_statement(note.as_bytes(), key)? == *self { Ok(note) } else { Err(StatementError.into()) }
    }

    /// Whether the statement is about that import key: SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn is_of_import_key(&self, spki: &[u8]) -> bool {
        self.import_key == digest(spki)
    }

    /// Whether the statement expects that public key, or none.
    #[must_use]
    pub fn expects(&self, spki: Option<&[u8]>) -> bool {
        self.public_key == spki.map(digest)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut next = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let statement = Self {
            origin: next(DOMAIN)?.to_owned(),
            job: next("job")?.to_owned(),
            key: next("key")?.to_owned(),
            algorithm: next("algorithm")?.to_owned(),
            purpose: next("purpose")?.to_owned(),
            scheme: next("scheme")?.to_owned(),
            protection: next("protection")?.to_owned(),
            exit: next("exit")?.to_owned(),
            digest_allowed: next("digest-allowed")?.parse().ok()?,
            distinguishing_id: match next("sm2-id-hex")? {
                "none" => None,
                id => Some(String::from_utf8(unhex(id)?).ok().filter(|id| !id.is_empty() && id.is_ascii())?),
            },
            activate: next("activate")?.parse().ok()?,
            public_key: match next("public-key-sha256")? {
                "none" => None,
                hash => Some(unhex(hash)?.try_into().ok()?),
            },
            import_key: unhex(next("import-key-sha256")?)?.try_into().ok()?,
            wrapping: next("wrapping")?.to_owned(),
            simulated: next("simulated")?.parse().ok()?,
            expires_at: next("expires-at-ms")?.parse().ok()?,
        };
        // One statement has one spelling: no line more, no other way to write a number.
        (statement.text() == text).then_some(statement)
    }
}

/// Reads a statement, once the log's own signature on it is good. Needs no network and no clock.
///
/// # Errors
/// [`VerifyError`] unless the note is well-formed, signed by `key`, and a statement whose origin is the name of `key`.
pub fn verify_import_statement(note: &[u8], key: &VerifierKey) -> Result<ImportStatement, VerifyError> {
    if note.len() > STATEMENT_LEN_MAX {
        return Err(StatementError.into());
    }
    let text = signed_text(note, key)?;
    let statement = ImportStatement::parse(&text).ok_or(StatementError)?;
    if statement.origin == key.name() { Ok(statement) } else { Err(VerifyError::Origin) }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.bytes().any(|c| !c.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;
    use crate::verify_note;

    fn statement() -> ImportStatement {
        ImportStatement {
            origin: "dev.example/log".into(),
            job: "tenants/dev/importJobs/j".into(),
            key: "tenants/dev/keys/k".into(),
            algorithm: "p256".into(),
            purpose: "sign".into(),
            scheme: "ecdsa-sha256".into(),
            protection: "software".into(),
            exit: "never".into(),
            digest_allowed: false,
            distinguishing_id: None,
            activate: true,
            public_key: Some(digest(b"public")),
            import_key: digest(b"import"),
            wrapping: "rsa-aes-kwp".into(),
            simulated: false,
            expires_at: 1_700_000_000_000,
        }
    }

    fn key() -> (SigningKey, VerifierKey) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let verifier = VerifierKey::new("dev.example/log", key.verifying_key().to_bytes()).unwrap();
        (key, verifier)
    }

    #[test]
    fn a_statement_verifies_and_no_changed_one_does() {
        let (key, verifier) = key();
        let sm2 = |id: &str| ImportStatement { distinguishing_id: Some(id.into()), ..statement() };
        let statements = [
            statement(),
            ImportStatement { public_key: None, simulated: true, ..statement() },
            ImportStatement { digest_allowed: true, activate: false, ..statement() },
            sm2("1234567812345678"),
            sm2("none"),
        ];
        for statement in statements {
            let signature = key.sign(statement.text().as_bytes()).to_bytes();
            let note = statement.signed(&verifier, &signature).unwrap();
            assert_eq!(verify_import_statement(note.as_bytes(), &verifier).unwrap(), statement);
            for at in 0..note.len() {
                let mut changed = note.clone().into_bytes();
                changed[at] ^= 1;
                assert!(verify_import_statement(&changed, &verifier).is_err(), "byte {at}");
            }
        }
        assert!(statement().is_of_import_key(b"import") && !statement().is_of_import_key(b"other"));
        assert!(statement().expects(Some(b"public")) && !statement().expects(None));
    }

    /// What the sender is to know of the key, each told apart from every other.
    #[test]
    fn every_attribute_is_signed() {
        let sm2 = |id: &str| ImportStatement { distinguishing_id: Some(id.into()), ..statement() };
        let all = [
            statement(),
            ImportStatement { digest_allowed: true, ..statement() },
            ImportStatement { activate: false, ..statement() },
            sm2("a"),
            sm2("none"),
            // An identifier with line ends in it says nothing of the lines after it.
            sm2("a\nactivate false"),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(ImportStatement::parse(&one.text()).as_ref(), Some(one));
            assert!(all.iter().skip(at + 1).all(|other| other.text() != one.text()));
        }
    }

    #[test]
    fn a_statement_has_one_spelling() {
        let text = ImportStatement { distinguishing_id: Some("jj".into()), ..statement() }.text();
        let spoils = [
            ("/v2 ", "/v1 "),
            ("digest-allowed false\n", ""),
            ("digest-allowed false", "digest-allowed no"),
            ("sm2-id-hex 6a6a\n", ""),
            ("sm2-id-hex 6a6a", "sm2-id-hex 6A6A"),
            ("sm2-id-hex 6a6a", "sm2-id-hex 6a6"),
            ("sm2-id-hex 6a6a", "sm2-id-hex 6a+a"),
            ("sm2-id-hex 6a6a", "sm2-id-hex "),
            ("sm2-id-hex 6a6a", "sm2-id-hex ff"),
            ("activate true\n", ""),
            ("activate true\n", "activate true\nactivate true\n"),
            ("import-key-sha256 ", "import-key-sha256 00"),
        ];
        for (from, to) in spoils {
            assert!(text.contains(from), "{from}");
            assert_eq!(ImportStatement::parse(&text.replace(from, to)), None, "{from} {to}");
        }
        // As it was before these lines.
        let old = text.replace("digest-allowed false\nsm2-id-hex 6a6a\nactivate true\n", "").replace("/v2", "/v1");
        assert_eq!(ImportStatement::parse(&old), None);
    }

    #[test]
    fn it_passes_for_no_checkpoint() {
        let (key, verifier) = key();
        let signature = key.sign(statement().text().as_bytes()).to_bytes();
        let note = statement().signed(&verifier, &signature).unwrap();
        assert!(verify_note(note.as_bytes(), &verifier).is_err());
        let other = ImportStatement { origin: "other.example/log".into(), ..statement() };
        assert!(other.signed(&verifier, &key.sign(other.text().as_bytes()).to_bytes()).is_err());
    }
}
