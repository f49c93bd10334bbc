//! Signed notes (c2sp.org/signed-note): a text and signature lines.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::base64;
use crate::error::NoteError;
use crate::verifier_key::{VerifierKey, is_key_name};

/// Longest note in bytes, text and signatures together.
pub const NOTE_LEN_MAX: usize = 64 * 1024;

/// Most signatures on a note. The standard asks for 16 at least.
pub const SIGNATURES_MAX: usize = 64;

const KEY_ID_LEN: usize = 4;

/// A text with the signatures attached to it. Nothing here says that they are good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One line `— name base64(key id || signature)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    name: String,
    key_id: [u8; KEY_ID_LEN],
    signature: Vec<u8>,
}

impl NoteSignature {
    /// Name of the key that is said to have signed.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of that key.
    #[must_use]
    pub fn key_id(&self) -> [u8; KEY_ID_LEN] {
        self.key_id
    }

    /// What it is said to have made, at least one byte.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl SignedNote {
    /// A note that still lacks its signatures.
    ///
    /// # Errors
    /// [`NoteError::Text`], [`NoteError::Encoding`], [`NoteError::TooLong`].
    pub fn new(text: &str) -> Result<Self, NoteError> {
        check_text(text)?;
        Ok(Self { text: text.into(), signatures: Vec::new() })
    }

    /// Attaches a signature over [`SignedNote::signed_bytes`] made by `key`.
    ///
    /// # Errors
    /// [`NoteError::TooManySignatures`], [`NoteError::TooLong`], and [`NoteError::SignatureLine`] if the
    /// signature is empty.
    pub fn add_signature(&mut self, key: &VerifierKey, signature: &[u8]) -> Result<(), NoteError> {
        if signature.is_empty() {
            return Err(NoteError::SignatureLine);
        }
        if self.signatures.len() >= SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let line = NoteSignature { name: key.name().into(), key_id: key.id(), signature: signature.to_vec() };
        if self.encode().len() + alloc::format!("{line}").len() > NOTE_LEN_MAX {
            return Err(NoteError::TooLong);
        }
        self.signatures.push(line);
        Ok(())
    }

    /// Writes text, blank line and signature lines.
    #[must_use]
    pub fn encode(&self) -> String {
        alloc::format!("{self}")
    }

    /// Reads a note with at least one signature. Each note has one spelling.
    ///
    /// # Errors
    /// [`NoteError`] says which part is malformed.
    pub fn parse(note: &[u8]) -> Result<Self, NoteError> {
        if note.len() > NOTE_LEN_MAX {
            return Err(NoteError::TooLong);
        }
        let note = core::str::from_utf8(note).map_err(|_| NoteError::Encoding)?;
        // The last empty line separates; the text may hold others.
        let (before, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Text)?;
        let text = note.get(..before.len() + 1).ok_or(NoteError::Text)?;
        check_text(text)?;
        Ok(Self { text: text.into(), signatures: parse_lines(lines)? })
    }

    /// The text, with its final newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes that every signature is over.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The signatures in the order of the note.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The first signature that carries the name and id of `key`. The caller must verify it, and refuse
    /// the note if it is not good.
    #[must_use]
    pub fn signature_for(&self, key: &VerifierKey) -> Option<&[u8]> {
        let id = key.id();
        let mut found = self.signatures.iter().filter(|line| line.key_id == id && line.name == key.name());
        found.next().map(NoteSignature::signature)
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| line.fmt(f))
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = [&self.key_id[..], &self.signature].concat();
        writeln!(f, "— {} {}", self.name, base64::encode(&blob))
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.len() > NOTE_LEN_MAX {
        return Err(NoteError::TooLong);
    }
    if !text.ends_with('\n') {
        return Err(NoteError::Text);
    }
    if text.chars().any(|c| c < ' ' && c != '\n') { Err(NoteError::Encoding) } else { Ok(()) }
}

fn parse_lines(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let lines = lines.strip_suffix('\n').ok_or(NoteError::SignatureLine)?;
    if lines.split('\n').count() > SIGNATURES_MAX {
        return Err(NoteError::TooManySignatures);
    }
    let parsed: Option<Vec<_>> = lines.split('\n').map(parse_line).collect();
    parsed.ok_or(NoteError::SignatureLine)
}

fn parse_line(line: &str) -> Option<NoteSignature> {
    let (name, blob) = line.strip_prefix("— ")?.split_once(' ')?;
    let blob = base64::decode(blob)?;
    let (key_id, signature) = blob.split_first_chunk::<KEY_ID_LEN>()?;
    if !is_key_name(name) || signature.is_empty() {
        return None;
    }
    Some(NoteSignature { name: name.into(), key_id: *key_id, signature: signature.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
";

    #[test]
    fn the_example_of_the_specification() {
        let note = SignedNote::parse(EXAMPLE.as_bytes()).unwrap();
        assert!(note.text().ends_with("sera.\n"));
        assert_eq!(note.signatures().len(), 1);
        assert_eq!(note.signatures()[0].name(), "quasimodo.example/salvatore");
        assert_eq!(note.signatures()[0].key_id(), [0x36, 0x7b, 0xa0, 0x4b]);
        assert_eq!(note.signatures()[0].signature().len(), 64);
        assert_eq!(note.encode(), EXAMPLE);
    }

    #[test]
    fn only_the_signature_of_the_same_name_and_id_is_found() {
        let key = VerifierKey::new("log.example", [7; 32]).unwrap();
        let mut note = SignedNote::new("text\n").unwrap();
        note.add_signature(&VerifierKey::new("log.example", [8; 32]).unwrap(), b"other key").unwrap();
        note.add_signature(&VerifierKey::new("other.example", [7; 32]).unwrap(), b"other name").unwrap();
        assert_eq!(note.signature_for(&key), None);
        note.add_signature(&key, b"mine").unwrap();
        let note = SignedNote::parse(note.encode().as_bytes()).unwrap();
        assert_eq!(note.signature_for(&key), Some(&b"mine"[..]));
        assert_eq!(note.signed_bytes(), b"text\n");
    }

    #[test]
    fn malformed_notes_are_refused() {
        use NoteError::{Encoding, SignatureLine, Text};
        let refused: [(&[u8], NoteError); 14] = [
            (b"", Text),
            (b"text\n", Text),
            (b"text\n\n", SignatureLine),
            ("text\n— a AAAAAAA=\n".as_bytes(), Text),
            ("text\n\n— a AAAAAAA=".as_bytes(), SignatureLine),
            ("text\n\n- a AAAAAAA=\n".as_bytes(), SignatureLine),
            ("text\n\n— a+b AAAAAAA=\n".as_bytes(), SignatureLine),
            ("text\n\n—  AAAAAAA=\n".as_bytes(), SignatureLine),
            ("text\n\n— a AAAAAA==\n".as_bytes(), SignatureLine),
            ("text\n\n— a AAAAAAB=\n".as_bytes(), SignatureLine),
            ("text\n\n— a AAAAAAA= \n".as_bytes(), SignatureLine),
            ("te\txt\n\n— a AAAAAAA=\n".as_bytes(), Encoding),
            ("te\rxt\n\n— a AAAAAAA=\n".as_bytes(), Encoding),
            (b"\xff\n\n", Encoding),
        ];
        for (note, error) in refused {
            assert_eq!(SignedNote::parse(note), Err(error), "{}", String::from_utf8_lossy(note));
        }
        assert!(SignedNote::parse("text\n\n— a AAAAAAA=\n".as_bytes()).is_ok());
    }

    #[test]
    fn notes_are_bounded() {
        let line = "— a AAAAAAA=\n";
        let many = |count| alloc::format!("text\n\n{}", line.repeat(count));
        assert!(SignedNote::parse(many(SIGNATURES_MAX).as_bytes()).is_ok());
        assert_eq!(SignedNote::parse(many(SIGNATURES_MAX + 1).as_bytes()), Err(NoteError::TooManySignatures));
        let long = alloc::format!("{}\n\n{line}", "a".repeat(NOTE_LEN_MAX));
        assert_eq!(SignedNote::parse(long.as_bytes()), Err(NoteError::TooLong));
        let mut note = SignedNote::new("text\n").unwrap();
        let key = VerifierKey::new("a", [1; 32]).unwrap();
        assert_eq!(note.add_signature(&key, b""), Err(NoteError::SignatureLine));
        assert_eq!(note.add_signature(&key, &[0; NOTE_LEN_MAX]), Err(NoteError::TooLong));
    }
}
