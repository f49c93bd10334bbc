//! GM/T 0005 (poker).

use crate::bits::{Bits, number};
use crate::special::igamc;

/// Blocks of `m` bits, 1 to 16, that do not overlap are all as frequent.
#[must_use]
pub fn poker(bits: &Bits, m: u32) -> f64 {
    if !(1..=16).contains(&m) {
        return 0.0;
    }
    let mut counts = vec![0_u64; 1 << m];
    let blocks = bits.as_slice().chunks_exact(m as usize);
    let count = blocks.len() as f64;
    if count < 1.0 {
        return 0.0;
    }
    for block in blocks {
        if let Some(count) = counts.get_mut(number(block)) {
            *count += 1;
        }
    }
    let patterns = counts.len() as f64;
    let squares: f64 = counts.iter().map(|count| (*count as f64).powi(2)).sum();
    igamc((patterns - 1.0) / 2.0, (patterns / count * squares - count) / 2.0)
}
