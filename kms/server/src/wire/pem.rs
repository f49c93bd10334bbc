//! SubjectPublicKeyInfo as PEM (RFC 7468 §13).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters in a line of PEM.
const LINE_LEN: usize = 64;

/// The PEM form of a DER SubjectPublicKeyInfo.
#[must_use]
pub fn public_key(spki: &[u8]) -> String {
    let text = STANDARD.encode(spki);
    let mut pem = String::with_capacity(text.len() + text.len() / LINE_LEN + 64);
    pem.push_str("-----BEGIN PUBLIC KEY-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so that every place is a character boundary.
        let (line, after) = rest.split_at(rest.len().min(LINE_LEN));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END PUBLIC KEY-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_64_characters() {
        for length in [1, 47, 48, 49, 91, 422] {
            let pem = public_key(&vec![7; length]);
            let lines: Vec<_> = pem.lines().collect();
            let body = &lines[1..lines.len() - 1];
            assert!(body.iter().rev().skip(1).all(|line| line.len() == 64) && !body.is_empty());
            assert_eq!(STANDARD.decode(body.concat()).unwrap(), vec![7; length]);
        }
    }
}
