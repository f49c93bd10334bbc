//! SP 800-90B §6.3.3.

use super::bits_of;
use crate::bits::Bits;

/// Length of the sequences whose most probable is looked for.
const LEN: f64 = 128.0;

/// Min-entropy of a bit, by how much each tells of the next. 0 for fewer than two bits.
#[must_use]
pub fn markov(bits: &Bits) -> f64 {
    if bits.len() < 2 {
        return 0.0;
    }
    let p1 = bits.ones() as f64 / bits.len() as f64;
    let p0 = 1.0 - p1;
    let count = |from, to| bits.as_slice().windows(2).filter(|pair| *pair == [from, to]).count() as f64;
    let (n00, n01, n10, n11) = (count(0, 0), count(0, 1), count(1, 0), count(1, 1));
    let share = |part: f64, other: f64| if part + other > 0.0 { part / (part + other) } else { 0.0 };
    let (p00, p01, p10, p11) = (share(n00, n01), share(n01, n00), share(n10, n11), share(n11, n10));
    // The candidates of the standard's table: constant, alternating, and constant after one change.
    let logs = [
        log(p0) + 127.0 * log(p00),
        log(p0) + 64.0 * log(p01) + 63.0 * log(p10),
        log(p0) + log(p01) + 126.0 * log(p11),
        log(p1) + log(p10) + 126.0 * log(p00),
        log(p1) + 64.0 * log(p10) + 63.0 * log(p01),
        log(p1) + 127.0 * log(p11),
    ];
    let most = logs.into_iter().fold(f64::NEG_INFINITY, f64::max);
    bits_of(most.exp2().max(f64::MIN_POSITIVE)).min(LEN) / LEN
}

fn log(probability: f64) -> f64 {
    probability.log2()
}
