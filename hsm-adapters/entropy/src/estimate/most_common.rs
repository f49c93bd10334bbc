//! SP 800-90B §6.3.1.

use super::{Z, bits_of};

/// Min-entropy of a symbol, by how common the most common one is. 0 for fewer than two symbols.
#[must_use]
pub fn most_common_value(symbols: &[u8]) -> f64 {
    let mut counts = [0_u64; 256];
    for symbol in symbols {
        if let Some(count) = counts.get_mut(usize::from(*symbol)) {
            *count += 1;
        }
    }
    let len = symbols.len() as f64;
    if len < 2.0 {
        return 0.0;
    }
    let share = counts.iter().copied().max().unwrap_or_default() as f64 / len;
    let bound = share + Z * (share * (1.0 - share) / (len - 1.0)).sqrt();
    bits_of(bound.min(1.0))
}
