//! Ones and zeros.

use crate::bits::{Bits, count_ones};
use crate::special::{erfc, igamc};

/// SP 800-22 §2.1, GM/T 0005 (monobit frequency): as many ones as zeros.
#[must_use]
pub fn monobit(bits: &Bits) -> f64 {
    if bits.is_empty() {
        return 0.0;
    }
    let len = bits.len() as f64;
    let sum = 2.0 * bits.ones() as f64 - len;
    erfc(sum.abs() / (2.0 * len).sqrt())
}

/// SP 800-22 §2.2, GM/T 0005 (frequency within a block): the same within blocks of so many bits.
#[must_use]
pub fn block_frequency(bits: &Bits, block_bits: usize) -> f64 {
    let blocks = bits.as_slice().chunks_exact(block_bits.max(1));
    let count = blocks.len() as f64;
    if count < 1.0 {
        return 0.0;
    }
    let len = block_bits as f64;
    let sum: f64 = blocks.map(|block| (count_ones(block) as f64 / len - 0.5).powi(2)).sum();
    igamc(count / 2.0, 4.0 * len * sum / 2.0)
}
