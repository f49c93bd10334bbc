//! Overlapping patterns.

use crate::bits::Bits;
use crate::special::igamc;

/// Longest pattern: its counts take half a megabyte.
const PATTERN_BITS_MAX: u32 = 16;

/// SP 800-22 §2.11, GM/T 0005 (serial): patterns of `m` bits, 2 to 16, are all as frequent. Two probabilities: of the first and of
/// the second difference.
#[must_use]
pub fn serial(bits: &Bits, m: u32) -> (f64, f64) {
    if bits.is_empty() || !(2..=PATTERN_BITS_MAX).contains(&m) {
        return (0.0, 0.0);
    }
    let len = bits.len() as f64;
    let psi = |m: u32| {
        let squares: f64 = counts(bits, m).iter().map(|count| (*count as f64).powi(2)).sum();
        if m == 0 { 0.0 } else { squares * 2_f64.powf(f64::from(m)) / len - len }
    };
    let (three, two, one) = (psi(m), psi(m - 1), psi(m - 2));
    let half = 2_f64.powf(f64::from(m) - 2.0);
    (igamc(half, (three - two) / 2.0), igamc(half / 2.0, (three - 2.0 * two + one) / 2.0))
}

/// SP 800-22 §2.12, GM/T 0005 (approximate entropy): patterns of `m` bits, 1 to 15, against those of one more.
#[must_use]
pub fn approximate_entropy(bits: &Bits, m: u32) -> f64 {
    if bits.is_empty() || !(1..PATTERN_BITS_MAX).contains(&m) {
        return 0.0;
    }
    let len = bits.len() as f64;
    let phi = |m: u32| -> f64 {
        let shares = counts(bits, m).into_iter().filter(|count| *count > 0).map(|count| count as f64 / len);
        shares.map(|share| share * share.ln()).sum()
    };
    let entropy = phi(m) - phi(m + 1);
    igamc(2_f64.powf(f64::from(m) - 1.0), len * (std::f64::consts::LN_2 - entropy))
}

/// How often each pattern comes in the sequence bent to a ring.
fn counts(bits: &Bits, m: u32) -> Vec<u64> {
    let mut counts = vec![0; 1 << m];
    let mask = (1_usize << m) - 1;
    let ring = bits.as_slice().iter().chain(bits.as_slice().iter().cycle().take(m.saturating_sub(1) as usize));
    let mut pattern = 0;
    for (at, bit) in ring.enumerate() {
        pattern = (pattern << 1 | usize::from(*bit)) & mask;
        if at + 1 >= m as usize
            && let Some(count) = counts.get_mut(pattern)
        {
            *count += 1_u64;
        }
    }
    counts
}
