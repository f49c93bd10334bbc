//! SP 800-22 §2.10, GM/T 0005 (linear complexity).

use super::{chi_square, tally};
use crate::bits::Bits;

/// SP 800-22 §3.10; the first is 1/96, which the standard writes as 0.01047.
const PROBABILITIES: [f64; 7] = [0.010_416_666_7, 0.031_25, 0.125, 0.5, 0.25, 0.062_5, 0.020_833_333_3];

/// How long a shift register must be to make each block of so many bits.
#[must_use]
pub fn linear_complexity(bits: &Bits, block_bits: usize) -> f64 {
    let mut classes = [0; 7];
    let length = block_bits as f64;
    let sign = if block_bits.is_multiple_of(2) { 1.0 } else { -1.0 };
    let mean = length / 2.0 + (9.0 - sign) / 36.0 - (length / 3.0 + 2.0 / 9.0) / 2_f64.powf(length);
    for block in bits.as_slice().chunks_exact(block_bits.max(1)) {
        let t = sign * (shortest_register(block) as f64 - mean) + 2.0 / 9.0;
        let class = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5].iter().filter(|edge| t > **edge).count();
        tally(&mut classes, class);
    }
    chi_square(&classes, &PROBABILITIES)
}

/// Berlekamp and Massey over GF(2), on words of 64 bits.
fn shortest_register(bits: &[u8]) -> usize {
    let words = bits.len() / 64 + 1;
    // Connection polynomials, and the sequence so far in reverse, so that a discrepancy is one AND.
    let (mut current, mut previous, mut window) = (vec![0_u64; words], vec![0_u64; words], vec![0_u64; words]);
    current.iter_mut().chain(&mut previous).step_by(words).for_each(|word| *word = 1);
    let mut length = 0;
    for (at, bit) in bits.iter().enumerate() {
        shift(&mut window);
        window.iter_mut().take(1).for_each(|word| *word |= u64::from(*bit));
        shift(&mut previous);
        let ones: u32 = current.iter().zip(&window).map(|(a, b)| (a & b).count_ones()).sum();
        if ones.is_multiple_of(2) {
            continue;
        }
        let before = (2 * length <= at).then(|| current.clone());
        current.iter_mut().zip(&previous).for_each(|(word, other)| *word ^= other);
        if let Some(before) = before {
            length = at + 1 - length;
            previous = before;
        }
    }
    length
}

fn shift(words: &mut [u64]) {
    let mut carry = 0;
    for word in words {
        (*word, carry) = (*word << 1 | carry, *word >> 63);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SP 800-22 §2.10.4.
    #[test]
    fn the_example_of_the_standard() {
        assert_eq!(shortest_register(Bits::parse("1101011110001").unwrap().as_slice()), 4);
    }

    #[test]
    fn registers_of_known_length() {
        assert_eq!(shortest_register(&[0; 100]), 0);
        assert_eq!(shortest_register(&[1; 100]), 1);
        let mut last = vec![0; 100];
        last.push(1);
        assert_eq!(shortest_register(&last), 101);
        // x^7 + x + 1, far past the first word.
        let mut bits = vec![1_u8, 0, 0, 1, 1, 0, 1];
        while bits.len() < 500 {
            bits.push(bits[bits.len() - 7] ^ bits[bits.len() - 6]);
        }
        assert_eq!(shortest_register(&bits), 7);
    }
}
