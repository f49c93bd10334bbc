//! SP 800-90B §6.3.2, for bits.

use super::{Z, bits_of, moments};
use crate::bits::Bits;

/// Min-entropy of a bit, by how soon a value comes again. 0 for too short a sequence.
///
/// Among two values a collision takes two or three of them, two with probability p² + q². So the mean is 2 + 2pq, which is
/// what the standard's equation comes to for bits.
#[must_use]
pub fn collision(bits: &Bits) -> f64 {
    let mut times = Vec::new();
    let mut rest = bits.as_slice();
    loop {
        let time = match rest {
            [a, b, ..] if a == b => 2_u8,
            [_, _, _, ..] => 3,
            _ => break,
        };
        times.push(f64::from(time));
        rest = rest.get(usize::from(time)..).unwrap_or_default();
    }
    let (mean, deviation, count) = moments(times.iter().copied());
    if count < 2.0 {
        return 0.0;
    }
    let bound = mean - Z * deviation / count.sqrt();
    let product = ((bound - 2.0) / 2.0).clamp(0.0, 0.25);
    bits_of(0.5 + (0.25 - product).sqrt())
}
