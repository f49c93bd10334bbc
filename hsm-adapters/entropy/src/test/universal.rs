//! SP 800-22 §2.9, GM/T 0005 (Maurer's universal test).

use crate::bits::{Bits, number};
use crate::special::erfc;

/// Shortest sequence, expected value and variance for block lengths from 6 (SP 800-22 §2.9.7 and §3.9).
const ROWS: [(usize, f64, f64); 11] = [
    (387_840, 5.217_705_2, 2.954),
    (904_960, 6.196_250_7, 3.125),
    (2_068_480, 7.183_665_6, 3.238),
    (4_654_080, 8.176_424_8, 3.311),
    (10_342_400, 9.172_324_3, 3.356),
    (22_753_280, 10.170_032, 3.384),
    (49_643_520, 11.168_765, 3.401),
    (107_560_960, 12.168_070, 3.410),
    (231_669_760, 13.167_693, 3.416),
    (496_435_200, 14.167_488, 3.419),
    (1_059_061_760, 15.167_379, 3.421),
];

/// Compressibility: how far back each block was seen last. Needs 387,840 bits.
#[must_use]
pub fn universal(bits: &Bits) -> f64 {
    let fits = ROWS.iter().zip(6..).take_while(|((least, ..), _)| bits.len() >= *least).last();
    let Some(((_, expected, variance), block_bits)) = fits else { return 0.0 };
    let first = 10 << block_bits;
    let mut seen_at = vec![0_usize; 1 << block_bits];
    let (mut sum, mut count) = (0.0, 0.0);
    for (at, block) in bits.as_slice().chunks_exact(block_bits).enumerate() {
        let Some(seen) = seen_at.get_mut(number(block)) else { continue };
        if at >= first {
            sum += ((at + 1 - *seen) as f64).log2();
            count += 1.0;
        }
        *seen = at + 1;
    }
    let length = block_bits as f64;
    let correction = 0.7 - 0.8 / length + (4.0 + 32.0 / length) * f64::powf(count, -3.0 / length) / 15.0;
    let deviation = correction * (variance / count).sqrt();
    erfc((sum / count - expected).abs() / (std::f64::consts::SQRT_2 * deviation))
}
