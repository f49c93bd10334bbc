//! Hashes as words that people can read aloud, whatever they speak: proquints (Wilkerson, 2009), consonants and vowels in
//! turn, 16 bits a word.
//!
//! All 256 bits are spoken. Fewer would do against someone who must hit a given hash, but a server that makes two rosters
//! of one hash, and shows a different one to each half of the custodians, has only half the bits against it.

use crate::Error;

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";
/// Words of a hash of 32 bytes.
const WORDS: usize = 16;

/// A hash in sixteen words.
#[must_use]
pub fn words(hash: &[u8; 32]) -> String {
    let words = hash.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
    words.map(|pair| word(u16::from_be_bytes(pair))).collect::<Vec<_>>().join(" ")
}

/// The hash that sixteen words say; large or small letters, blanks, commas and hyphens between them.
///
/// # Errors
/// [`Error::Words`].
pub fn from_words(text: &str) -> Result<[u8; 32], Error> {
    let mut hash = [0; 32];
    let mut words = text.split([' ', '\t', '\n', '\r', ',', '-']).filter(|word| !word.is_empty());
    for (at, pair) in hash.chunks_exact_mut(2).enumerate() {
        let value = words.next().and_then(value).ok_or(Error::Words { at: at + 1 })?;
        pair.copy_from_slice(&value.to_be_bytes());
    }
    if words.next().is_some() { Err(Error::Words { at: WORDS + 1 }) } else { Ok(hash) }
}

/// Bits of each letter of a word, the first letter first.
const LETTERS: [u32; 5] = [4, 2, 4, 2, 4];

fn word(value: u16) -> String {
    let mut left = 16;
    LETTERS
        .iter()
        .map(|bits| {
            left -= bits;
            let at = usize::from((value >> left) & ((1 << bits) - 1));
            char::from(letters(*bits).get(at).copied().unwrap_or_default())
        })
        .collect()
}

fn value(word: &str) -> Option<u16> {
    if word.len() != LETTERS.len() {
        return None;
    }
    word.bytes().zip(LETTERS).try_fold(0, |value: u16, (letter, bits)| {
        let at = letters(bits).iter().position(|other| *other == letter.to_ascii_lowercase())?;
        Some((value << bits) | u16::try_from(at).ok()?)
    })
}

fn letters(bits: u32) -> &'static [u8] {
    if bits == 4 { CONSONANTS } else { VOWELS }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_said_is_heard(hash in any::<[u8; 32]>()) {
            prop_assert_eq!(from_words(&words(&hash)).unwrap(), hash);
            prop_assert_eq!(from_words(&words(&hash).replace(' ', ",\n").to_uppercase()).unwrap(), hash);
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,200}") {
            let _ = from_words(&text);
        }
    }

    /// The examples of the proposal: addresses of IPv4, two words each.
    #[test]
    fn words_are_proquints() {
        let said = |address: [u8; 4]| {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&address);
            words(&hash)[..11].to_owned()
        };
        assert_eq!(said([127, 0, 0, 1]), "lusab babad");
        assert_eq!(said([63, 84, 220, 193]), "gutih tugad");
        assert_eq!(said([140, 98, 193, 141]), "mudof sakat");
        assert_eq!(said([216, 68, 232, 21]), "todah vobij");
    }

    #[test]
    fn the_wrong_word_is_told() {
        let text = words(&[0xa5; 32]);
        assert_eq!(from_words(""), Err(Error::Words { at: 1 }));
        assert_eq!(from_words(&text[..text.len() - 1]), Err(Error::Words { at: 16 }));
        assert_eq!(from_words(&format!("{text} babab")), Err(Error::Words { at: 17 }));
        assert_eq!(from_words(&format!("qabab {text}")), Err(Error::Words { at: 1 }));
    }
}
