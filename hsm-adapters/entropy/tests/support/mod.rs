//! Sequences with known answers.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "each test file uses its part"
)]

use hufu_entropy::Bits;

/// The first 100 binary digits of π, as SP 800-22 and GM/T 0005 use them.
pub(crate) const PI: &str = "11001001000011111101101010100010001000010110100011\
00001000110100110001001100011001100010100010111000";

/// The 128 bits of SP 800-22 §2.4.8, which most examples of GM/T 0005 use.
pub(crate) const SAMPLE: &str = "11001100000101010110110001001100111000000000001001001101010100010001\
001111010110100000001101011111001100111001101101100010110010";

/// Bits of a word of the fraction below: small enough that a remainder and a word fit into 64.
const WORD_BITS: usize = 30;

/// The first binary digits of e, the two before the point included: 1 + 1/1 (1 + 1/2 (1 + 1/3 (…))), two steps at a time, from
/// the inside, each only as precise as will matter.
pub(crate) fn digits_of_e(len: usize) -> Bits {
    let mut weights = vec![0.0];
    while weights.last().unwrap() < &(len as f64 + 64.0) || weights.len() % 2 == 0 {
        weights.push(weights.last().unwrap() + (weights.len() as f64).log2());
    }
    let mut fraction = vec![0_u64; len / WORD_BITS + 4];
    let mut whole = 1;
    for at in (1..weights.len()).step_by(2).rev() {
        let k = at as u64;
        let divisor = k * (k + 1);
        let numerator = whole + k + 1;
        let mut rest = numerator % divisor;
        whole = 1 + numerator / divisor;
        let matters = fraction.len() - (weights[at - 1] as usize / WORD_BITS).min(fraction.len() - 1);
        for word in fraction.iter_mut().take(matters) {
            let value = rest << WORD_BITS | *word;
            *word = value / divisor;
            rest = value % divisor;
        }
    }
    let mut digits = vec![whole & 2 != 0, whole & 1 != 0];
    digits.extend(fraction.iter().flat_map(|word| (0..WORD_BITS).rev().map(move |at| word >> at & 1 == 1)));
    digits.truncate(len);
    digits.into()
}

/// A good generator for tests that must not change from run to run (SplitMix64).
pub(crate) fn good(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((z ^ z >> 31).to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}
