//! Tails of the binomial distribution.

use crate::special::ln_gamma;

/// P[X ≥ k] of n trials with probability p each.
pub(crate) fn tail(n: u32, p: f64, k: u32) -> f64 {
    let sum: f64 = (k..=n).map(|k| probability(n, p, k)).sum();
    sum.min(1.0)
}

/// The smallest k with P[X > k] ≤ α: CRITBINOM(n, p, 1 − α) of SP 800-90B §4.4.2.
pub(crate) fn critical(n: u32, p: f64, alpha: f64) -> u32 {
    let mut above = 0.0;
    for k in (1..=n).rev() {
        above += probability(n, p, k);
        if above > alpha {
            return k;
        }
    }
    0
}

fn probability(n: u32, p: f64, k: u32) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if (p <= 0.0) == (k == 0) && (p >= 1.0) == (k == n) { 1.0 } else { 0.0 };
    }
    let (n, k) = (f64::from(n), f64::from(k));
    let ways = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    (ways + k * p.ln() + (n - k) * (-p).ln_1p()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails() {
        assert!((tail(10, 0.5, 0) - 1.0).abs() < 1e-12);
        assert!((tail(10, 0.5, 10) - 1.0 / 1024.0).abs() < 1e-12);
        assert!((tail(10, 0.5, 9) - 11.0 / 1024.0).abs() < 1e-12);
        assert_eq!(critical(10, 0.5, 11.0 / 1024.0 + 1e-9), 8);
        assert_eq!(critical(10, 0.5, 1.0 / 1024.0 + 1e-9), 9);
        assert!(tail(10, 0.0, 1).abs() < 1e-12 && (tail(10, 1.0, 10) - 1.0).abs() < 1e-12);
    }
}
