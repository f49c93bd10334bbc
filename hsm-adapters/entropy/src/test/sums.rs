//! SP 800-22 §2.13, GM/T 0005 (cumulative sums).

use crate::bits::Bits;
use crate::special::normal;

/// How far a walk strays, one step up for each one and down for each zero.
#[must_use]
pub fn cumulative_sums(bits: &Bits) -> f64 {
    walk(bits.as_slice().iter(), bits.len())
}

/// The same walk from the end.
#[must_use]
pub fn cumulative_sums_backward(bits: &Bits) -> f64 {
    walk(bits.as_slice().iter().rev(), bits.len())
}

fn walk<'a>(bits: impl Iterator<Item = &'a u8>, len: usize) -> f64 {
    let (mut at, mut farthest) = (0_i64, 0_u64);
    for bit in bits {
        at += 2 * i64::from(*bit) - 1;
        farthest = farthest.max(at.unsigned_abs());
    }
    if len == 0 {
        return 0.0;
    }
    // Integer division of the reference implementation cuts towards zero.
    let (root, steps) = ((len as f64).sqrt(), (len as f64 / farthest as f64).trunc());
    let reach = |x: f64| normal(x * farthest as f64 / root);
    let last = ((steps - 1.0) / 4.0).trunc();
    let first = sum(((1.0 - steps) / 4.0).trunc(), last, |k| reach(4.0 * k + 1.0) - reach(4.0 * k - 1.0));
    let second = sum(((-3.0 - steps) / 4.0).trunc(), last, |k| reach(4.0 * k + 3.0) - reach(4.0 * k + 1.0));
    (1.0 - first + second).clamp(0.0, 1.0)
}

fn sum(from: f64, to: f64, term: impl Fn(f64) -> f64) -> f64 {
    let (mut k, mut sum) = (from, 0.0);
    while k <= to {
        sum += term(k);
        k += 1.0;
    }
    sum
}
