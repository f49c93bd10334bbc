//! The printable form: bytes as lines that people can write down, read aloud and type.
//!
//! ```text
//! HUFU SHARE: 60 bytes
//! 1: 0G48M 3ABCD EFGHJ KMNPQ RSTVW XYZ01 23456 789AB  CDEFG
//! 2: 0G48M 3ABCD EFGHJ KMNPQ RSTVW XYZ01 23456 789AB  HJKMN
//! 3: 0G48M 3ABCD EFGHJ KMN0  PQRST
//! sum: VWXYZ 01234 56789 ABCDE
//! ```
//!
//! Crockford's base 32, 25 bytes a line. The last group of a line is the CRC-24 of RFC 9580 §6.1 over the line's number, in
//! two bytes, and its bytes. A CRC finds for certain what is wrong within as many bits as it has: one character, or four
//! neighbours. The sum is the first 96 bits of a SHA-256 over a domain, the label and all bytes.

use crate::base32::{decode, grouped};
use crate::label::Label;
use crate::{Error, checksum};

/// Most bytes in a printable text.
pub const BYTES_MAX: usize = 8 << 10;

/// Bytes in a line.
const LINE_BYTES: usize = 25;
/// Of the CRC, 24 bits in five characters.
const CRC_CHARACTERS: usize = 5;
/// Of the sum, in twenty characters.
const SUM_BYTES: usize = 12;
/// Longest text: whoever types may leave more room than we do.
const TEXT_LEN_MAX: usize = BYTES_MAX * 8;

/// Writes bytes as lines.
///
/// # Errors
/// [`Error::TooLong`].
pub fn write(label: Label, bytes: &[u8]) -> Result<String, Error> {
    if bytes.len() > BYTES_MAX {
        return Err(Error::TooLong { what: "what is to be printed", max: BYTES_MAX });
    }
    let mut text = format!("HUFU {label}: {} bytes\n", bytes.len());
    for (number, line) in (1_u16..).zip(bytes.chunks(LINE_BYTES)) {
        text.push_str(&format!("{number}: {}  {}\n", grouped(line), grouped(&line_sum(number, line))));
    }
    text.push_str(&format!("sum: {}\n", grouped(&sum(label, bytes))));
    Ok(text)
}

/// Reads what [`write()`] wrote and people typed: large or small letters, empty lines, blanks and hyphens between characters.
///
/// # Errors
/// [`Error::Line`] names the first line that is wrong; [`Error::Text`], [`Error::TooLong`].
pub fn read(text: &str) -> Result<(Label, Vec<u8>), Error> {
    if text.len() > TEXT_LEN_MAX {
        return Err(Error::TooLong { what: "a printed text", max: TEXT_LEN_MAX });
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (label, len) = read_head(lines.next().unwrap_or_default())?;
    let mut bytes = Vec::with_capacity(len);
    for number in 1..=u16::try_from(len.div_ceil(LINE_BYTES)).unwrap_or(u16::MAX) {
        let here = LINE_BYTES.min(len - bytes.len());
        let refused = |why| Error::Line { number, why };
        let line = lines.next().ok_or(refused("it is missing"))?;
        bytes.extend(read_line(number, here, line).map_err(refused)?);
    }
    let last = lines.next().and_then(|line| line.strip_prefix("sum:")).ok_or(Error::Text("its sum is missing"))?;
    if lines.next().is_some() {
        return Err(Error::Text("there is more after its sum"));
    }
    let good = decode(last).is_some_and(|found| found == sum(label, &bytes));
    if good { Ok((label, bytes)) } else { Err(Error::Text("its sum is wrong")) }
}

/// As [`read`], of what must be of that kind.
///
/// # Errors
/// [`Error::Label`], and those of [`read`].
pub fn read_as(label: Label, text: &str) -> Result<Vec<u8>, Error> {
    label.wanted(read(text)?)
}

/// Whether a text means to be printable.
#[must_use]
pub fn is(text: &str) -> bool {
    text.trim_start().starts_with("HUFU ")
}

fn read_head(line: &str) -> Result<(Label, usize), Error> {
    let parts = line.strip_prefix("HUFU ").and_then(|rest| rest.strip_suffix(" bytes")?.split_once(": "));
    let (label, len) = parts.ok_or(Error::Text("its first line is not `HUFU KIND: LENGTH bytes`"))?;
    let digits = len.bytes().all(|byte| byte.is_ascii_digit()) && !len.starts_with("00");
    let len = len.parse().ok().filter(|len| digits && *len <= BYTES_MAX).ok_or(Error::Text("its length is wrong"))?;
    Ok((label.parse()?, len))
}

fn read_line(number: u16, len: usize, line: &str) -> Result<Vec<u8>, &'static str> {
    let (found, rest) = line.split_once(':').ok_or("it has no number")?;
    if found != number.to_string() {
        return Err("it has another number");
    }
    let characters: String = rest.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if characters.chars().count() != (len * 8).div_ceil(5) + CRC_CHARACTERS {
        return Err("it has too many or too few characters");
    }
    let at = characters.len().saturating_sub(CRC_CHARACTERS);
    let (data, crc) = characters.split_at_checked(at).ok_or(MISTYPED)?;
    let (data, crc) = (decode(data).ok_or(MISTYPED)?, decode(crc).ok_or(MISTYPED)?);
    if crc == line_sum(number, &data) { Ok(data) } else { Err(MISTYPED) }
}

const MISTYPED: &str = "a character in it is wrong";

fn line_sum(number: u16, line: &[u8]) -> [u8; 3] {
    let [_, crc @ ..] = crc24(number.to_be_bytes().iter().chain(line)).to_be_bytes();
    crc
}

/// CRC-24 (RFC 9580 §6.1).
fn crc24<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    bytes.fold(0x00b7_04ce, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << 16), |crc, _| {
            let shifted = crc << 1;
            if shifted & 0x0100_0000 == 0 { shifted } else { (shifted ^ 0x0186_4cfb) & 0x00ff_ffff }
        })
    })
}

fn sum(label: Label, bytes: &[u8]) -> [u8; SUM_BYTES] {
    checksum("hufu-printable-v1", label, bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            label in prop::sample::select(&Label::ALL[..]),
        ) {
            let text = write(label, &bytes).unwrap();
            prop_assert_eq!(read(&text).unwrap(), (label, bytes.clone()));
            prop_assert_eq!(read_as(label, &text).unwrap(), bytes);
        }

        #[test]
        fn no_text_is_too_strange(text in "(HUFU SHARE: [0-9]{1,5} bytes\n)?[A-Z0-9: \n-]{0,200}") {
            let _ = read(&text);
        }

        /// What people do most, beside one wrong character.
        #[test]
        fn two_swapped_neighbours_are_found_by_their_line(
            bytes in prop::collection::vec(any::<u8>(), 30..100),
            at in any::<prop::sample::Index>(),
        ) {
            let text = write(Label::Share, &bytes).unwrap();
            let line = at.index(text.lines().count() - 2) + 1;
            let start: usize = text.lines().take(line).map(|line| line.len() + 1).sum();
            let at = start + 3 + at.index(text.lines().nth(line).unwrap().len() - 4);
            let mut swapped = text.into_bytes();
            swapped.swap(at, at + 1);
            let swapped = String::from_utf8(swapped).unwrap();
            match read(&swapped) {
                Ok(read) => prop_assert_eq!(read.1, bytes, "a blank moved"),
                Err(Error::Line { number, .. }) => prop_assert_eq!(usize::from(number), line),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }

    /// A wrong character in a line is told by the line's number.
    #[test]
    fn every_changed_character_is_found_by_its_line() {
        let bytes: Vec<u8> = (0..60).map(|at: u8| at.wrapping_mul(37)).collect();
        let text = write(Label::Share, &bytes).unwrap();
        let mut line = 0;
        for (at, original) in text.char_indices() {
            for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZU*é:".chars().filter(|other| *other != original) {
                let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                match read(&changed) {
                    Err(Error::Line { number, .. }) if (1..=3).contains(&line) && original != '\n' => {
                        assert_eq!(number, line, "character {at} changed to {other:?}");
                    }
                    Err(Error::Line { .. } | Error::Text(_)) => {
                        assert!(!(1..=3).contains(&line) || original == '\n', "character {at} changed to {other:?}");
                    }
                    other => panic!("character {at}: {other:?}"),
                }
            }
            if original == '\n' {
                line += 1;
            }
        }
    }

    #[test]
    fn people_type_as_they_like() {
        let text = write(Label::Share, &[0, 0, 0, 4]).unwrap();
        assert!(text.starts_with("HUFU SHARE: 4 bytes\n1: 00000 10  "), "{text}");
        let typed = text.replace("1: 00000 10  ", "\n  1:oo0-OO lo -");
        assert_eq!(read(&typed).unwrap().1, [0, 0, 0, 4]);
    }

    #[test]
    fn lines_in_another_order_or_missing_are_told() {
        let text = write(Label::Share, &[7; 60]).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(1, 2);
        assert_eq!(read(&lines.join("\n")), Err(Error::Line { number: 1, why: "it has another number" }));
        lines.swap(1, 2);
        let renumbered = lines[2].replace("2:", "1:");
        lines[1] = &renumbered;
        assert_eq!(read(&lines.join("\n")), Err(Error::Line { number: 1, why: MISTYPED }));
        assert_eq!(read(&lines[..1].join("\n")), Err(Error::Line { number: 1, why: "it is missing" }));
    }

    #[test]
    fn the_crc_is_that_of_the_rfc() {
        assert_eq!(crc24(b"123456789".iter()), 0x0021_cf02);
    }

    #[test]
    fn the_most_can_be_printed() {
        let most = vec![1; BYTES_MAX];
        assert_eq!(read(&write(Label::ShareSet, &most).unwrap()).unwrap().1, most);
        assert!(matches!(write(Label::Share, &vec![0; BYTES_MAX + 1]), Err(Error::TooLong { .. })));
        assert!(matches!(read(&" ".repeat(TEXT_LEN_MAX + 1)), Err(Error::TooLong { .. })));
    }
}
