//! The field GF(2^8) of AES (FIPS 197 §4), x^8 + x^4 + x^3 + x + 1.
//!
//! No tables and no branches on what is multiplied: a table would tell the cache which bytes of a secret were looked up
//! (CVE-2023-25000). `tests/constant_time.rs` compares traces of the compiled code.

/// x^4 + x^3 + x + 1: what x^8 is.
const REDUCTION: u8 = 0x1b;

/// The product. Addition is XOR.
#[must_use]
#[inline]
pub fn mul(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (a, b, 0);
    for _ in 0..8 {
        product ^= a & mask(b);
        a = (a << 1) ^ (REDUCTION & mask(a >> 7));
        b >>= 1;
    }
    product
}

/// The inverse, as the 254th power (the group has 255 elements); 0 for 0, which has none.
#[must_use]
pub fn inv(a: u8) -> u8 {
    // 254 is 0b1111_1110: square seven times, and multiply all squares.
    let (mut square, mut power) = (a, 1);
    for _ in 0..7 {
        square = mul(square, square);
        power = mul(power, square);
    }
    power
}

/// All ones if the lowest bit is set, else none.
fn mask(bit: u8) -> u8 {
    (bit & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By logarithms to the base x + 1, the way it is not done above.
    fn by_logarithms(a: u8, b: u8) -> u8 {
        let mut powers = vec![1u8];
        for _ in 1..255 {
            let last = *powers.last().unwrap();
            let doubled = (last << 1) ^ if last & 0x80 == 0 { 0 } else { 0x1b };
            powers.push(doubled ^ last);
        }
        let log = |wanted: u8| powers.iter().position(|power| *power == wanted);
        match (log(a), log(b)) {
            (Some(a), Some(b)) => powers[(a + b) % 255],
            _ => 0,
        }
    }

    #[test]
    fn all_products_are_right() {
        // FIPS 197 §4.2.
        assert_eq!(mul(0x57, 0x83), 0xc1);
        assert_eq!(mul(0x57, 0x13), 0xfe);
        for a in 0..=255 {
            for b in (0..=255).step_by(if a % 16 == 7 { 1 } else { 13 }) {
                assert_eq!(mul(a, b), by_logarithms(a, b), "{a} times {b}");
                assert_eq!(mul(a, b), mul(b, a));
            }
        }
    }

    #[test]
    fn all_inverses_are_right() {
        assert_eq!(inv(0), 0);
        for a in 1..=255 {
            assert_eq!(mul(a, inv(a)), 1, "{a}");
        }
    }

    #[test]
    fn nothing_is_looked_up() {
        let source = include_str!("gf256.rs").split("#[cfg(test)]").next().unwrap();
        let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with(['/', '#'])).collect();
        assert!(!code.iter().any(|line| ["[", ".get(", " if ", "match "].iter().any(|word| line.contains(word))));
    }
}
