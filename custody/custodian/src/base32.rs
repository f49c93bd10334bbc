//! Crockford's base 32: digits and letters without I, L, O and U, which are misread for others.

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Writes bytes, the first bit first; the last character is filled up with zeros.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(character(held >> bits));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(character(held << (5 - bits)));
    }
    text
}

/// Reads characters, large or small, with I and L for 1 and O for 0; blanks and hyphens are passed over. Nothing if another
/// character is among them, or if what the last one is filled up with is not zeros, or is a whole character.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut held, mut bits) = (0_u32, 0);
    for character in text.chars().filter(|c| !matches!(c, ' ' | '-')) {
        held = (held << 5) | value(character)?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    (bits < 5 && held == 0).then_some(bytes)
}

/// In groups of five characters with blanks between them.
pub(crate) fn grouped(bytes: &[u8]) -> String {
    let mut text = encode(bytes);
    let mut at = 5;
    while at < text.len() {
        text.insert(at, ' ');
        at += 6;
    }
    text
}

fn character(value: u32) -> char {
    let at = usize::try_from(value & 31).unwrap_or_default();
    ALPHABET.get(at).map_or('0', |byte| char::from(*byte))
}

fn value(character: char) -> Option<u32> {
    let plain = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let at = ALPHABET.iter().position(|byte| char::from(*byte) == plain)?;
    u32::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes.clone()));
            prop_assert_eq!(decode(&grouped(&bytes).to_lowercase()), Some(bytes));
        }
    }

    #[test]
    fn is_base_32_in_that_alphabet() {
        // RFC 4648 §10, `foobar`, with the other alphabet.
        assert_eq!(encode(b"foobar"), "CSQPYRK1E8");
        assert_eq!(decode("csqpy-rkle8"), Some(b"foobar".to_vec()));
        assert_eq!(grouped(b"foobar"), "CSQPY RK1E8");
        assert_eq!(decode("CSQPYRK1E9"), None, "bits after the last byte");
        assert_eq!(decode("CSQPYRK1E80"), None, "a character too many");
        assert_eq!(decode("CSQPYRK1EU"), None);
        assert_eq!(decode(""), Some(Vec::new()));
    }
}
