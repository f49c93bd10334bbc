//! GM/T 0005 (binary derivative, autocorrelation).

use crate::bits::Bits;
use crate::special::erfc;

/// The sequence of differences of neighbours, taken `times` times, has as many ones as zeros.
#[must_use]
pub fn binary_derivative(bits: &Bits, times: u32) -> f64 {
    let mut derived = bits.as_slice().to_vec();
    for _ in 0..times {
        derived = derived.iter().zip(derived.iter().skip(1)).map(|(a, b)| a ^ b).collect();
    }
    balance(&derived)
}

/// The sequence differs from itself `distance` bits later in half the places.
#[must_use]
pub fn autocorrelation(bits: &Bits, distance: usize) -> f64 {
    let later = bits.as_slice().iter().skip(distance);
    let differences: Vec<u8> = bits.as_slice().iter().zip(later).map(|(a, b)| a ^ b).collect();
    balance(&differences)
}

fn balance(bits: &[u8]) -> f64 {
    if bits.is_empty() {
        return 0.0;
    }
    let len = bits.len() as f64;
    let sum = 2.0 * crate::bits::count_ones(bits) as f64 - len;
    erfc(sum.abs() / (2.0 * len).sqrt())
}
