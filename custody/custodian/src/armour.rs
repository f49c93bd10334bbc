//! Armour: bytes as text that mail and clipboards leave alone.
//!
//! ```text
//! -----BEGIN HUFU SHARE-----
//! base64 (RFC 4648 §4), 64 characters a line
//! =the first 72 bits of a SHA-256, base64
//! -----END HUFU SHARE-----
//! ```
//!
//! The hash is over a domain, the label and the bytes. It finds accidents, as does the printable form's; whoever wants to
//! deceive makes another, and is found out by what the bytes themselves hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::label::Label;
use crate::{Error, checksum};

/// Most bytes in an armour.
pub const BYTES_MAX: usize = 4 << 20;

const LINE_LEN: usize = 64;
const CHECKSUM_LEN: usize = 9;
/// Longest text: base64 of the bytes, its line ends, and room for the three lines around it.
const TEXT_LEN_MAX: usize = BYTES_MAX / 48 * (LINE_LEN + 2) + 512;

/// Writes bytes as text, which ends with a line feed.
///
/// # Errors
/// [`Error::TooLong`].
pub fn write(label: Label, bytes: &[u8]) -> Result<String, Error> {
    if bytes.len() > BYTES_MAX {
        return Err(Error::TooLong { what: "what goes into armour", max: BYTES_MAX });
    }
    let mut text = format!("-----BEGIN HUFU {label}-----\n");
    // 48 bytes are one line.
    for chunk in bytes.chunks(LINE_LEN / 4 * 3) {
        STANDARD.encode_string(chunk, &mut text);
        text.push('\n');
    }
    let sum = STANDARD.encode(checksum::<CHECKSUM_LEN>("hufu-armour-v1", label, bytes));
    text.push_str(&format!("={sum}\n-----END HUFU {label}-----\n"));
    Ok(text)
}

/// Reads what [`write()`] wrote, also with the line ends of other systems. Nothing may stand before or after it.
///
/// # Errors
/// [`Error::Text`], [`Error::TooLong`].
pub fn read(text: &str) -> Result<(Label, Vec<u8>), Error> {
    if text.len() > TEXT_LEN_MAX {
        return Err(Error::TooLong { what: "an armoured text", max: TEXT_LEN_MAX });
    }
    let mut lines = text.lines();
    let mut next = || lines.next().ok_or(Error::Text("it is cut off"));
    let label: Label = between(next()?, "-----BEGIN HUFU ")?.parse()?;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let sum = loop {
        let line = next()?;
        if let Some(sum) = line.strip_prefix('=') {
            break sum;
        }
        if bytes.len() % (LINE_LEN / 4 * 3) != 0 || line.is_empty() || line.len() > LINE_LEN {
            return Err(Error::Text("a line has the wrong length"));
        }
        STANDARD.decode_vec(line, &mut bytes).map_err(|_| Error::Text("a line is no base64"))?;
    };
    if between(next()?, "-----END HUFU ")? != label.as_str() || lines.next().is_some() {
        return Err(Error::Text("its end is not where it should be"));
    }
    let good = sum == STANDARD.encode(checksum::<CHECKSUM_LEN>("hufu-armour-v1", label, &bytes));
    if good { Ok((label, bytes)) } else { Err(Error::Text("the checksum is wrong")) }
}

/// As [`read`], of what must be of that kind.
///
/// # Errors
/// [`Error::Label`], and those of [`read`].
pub fn read_as(label: Label, text: &str) -> Result<Vec<u8>, Error> {
    label.wanted(read(text)?)
}

/// Whether a text means to be armour.
#[must_use]
pub fn is(text: &str) -> bool {
    text.starts_with("-----BEGIN HUFU ")
}

fn between<'a>(line: &'a str, begin: &str) -> Result<&'a str, Error> {
    let inner = line.strip_prefix(begin).and_then(|rest| rest.strip_suffix("-----"));
    inner.ok_or(Error::Text("it is no armour"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            label in prop::sample::select(&Label::ALL[..]),
        ) {
            let text = write(label, &bytes).unwrap();
            prop_assert_eq!(read(&text).unwrap(), (label, bytes.clone()));
            prop_assert_eq!(read(&text.replace('\n', "\r\n")).unwrap(), (label, bytes.clone()));
            prop_assert_eq!(read_as(label, &text).unwrap(), bytes);
        }

        #[test]
        fn no_text_is_too_strange(text in "(-----BEGIN HUFU SHARE-----)?[A-Za-z0-9+/=\n -]{0,200}") {
            let _ = read(&text);
        }
    }

    #[test]
    fn every_changed_character_is_found() {
        let bytes: Vec<u8> = (0..100).collect();
        let text = write(Label::Share, &bytes).unwrap();
        for at in 0..text.len() {
            for other in "AaZz09+/=- \n\t*é".chars() {
                let (before, rest) = text.split_at(at);
                let changed = format!("{before}{other}{}", &rest[1..]);
                assert!(changed == text || read(&changed).is_err(), "character {at} changed to {other:?}");
            }
            assert!(at + 1 == text.len() || read(&text[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn another_kind_is_named() {
        let text = write(Label::Roster, b"x").unwrap();
        let refused = Error::Label { wanted: Label::Share, found: Label::Roster };
        assert_eq!(read_as(Label::Share, &text), Err(refused));
        assert!(read(&text.replace("ROSTER", "SHARE")).is_err());
        assert!(read(&text.replace("ROSTER", "SHOPPING LIST")).is_err());
        assert!(read(&format!("hello\n{text}")).is_err());
        assert!(read(&format!("{text}bye\n")).is_err());
    }

    #[test]
    fn too_much_is_refused() {
        assert!(matches!(write(Label::Share, &vec![0; BYTES_MAX + 1]), Err(Error::TooLong { .. })));
        assert!(matches!(read(&"A".repeat(TEXT_LEN_MAX + 1)), Err(Error::TooLong { .. })));
        let most = vec![1; BYTES_MAX];
        assert_eq!(read_as(Label::Share, &write(Label::Share, &most).unwrap().replace('\n', "\r\n")).unwrap(), most);
    }
}
