//! Statistical tests of SP 800-22 rev. 1a and GM/T 0005-2021.
//!
//! Each answers probabilities (P-values): how often a perfect source would look at least as suspicious. A sequence that is too
//! short for a test answers 0, the value of the worst: ask for no test that the sequence cannot bear.

mod complexity;
mod derivative;
mod frequency;
mod patterns;
mod poker;
mod rank;
mod repetition;
mod runs;
mod spectrum;
mod sums;
mod universal;

pub use complexity::linear_complexity;
pub use derivative::{autocorrelation, binary_derivative};
pub use frequency::{block_frequency, monobit};
pub use patterns::{approximate_entropy, serial};
pub use poker::poker;
pub use rank::matrix_rank;
pub use repetition::repeated_blocks;
pub use runs::{longest_run, runs, runs_distribution};
pub use spectrum::spectrum;
pub use sums::{cumulative_sums, cumulative_sums_backward};
pub use universal::universal;

use crate::special::igamc;

/// The probability of Σ (observed − expected)² / expected, with so many degrees of freedom.
fn chi_square(observed: &[u64], probabilities: &[f64]) -> f64 {
    let total: f64 = observed.iter().map(|count| *count as f64).sum();
    if total < 1.0 {
        return 0.0;
    }
    let terms = observed.iter().zip(probabilities).map(|(observed, probability)| {
        let expected = total * probability;
        (*observed as f64 - expected).powi(2) / expected
    });
    igamc((observed.len() as f64 - 1.0) / 2.0, terms.sum::<f64>() / 2.0)
}

/// Adds one to a class; classes past the last count as the last.
fn tally(classes: &mut [u64], class: usize) {
    let last = classes.len().saturating_sub(1);
    if let Some(count) = classes.get_mut(class.min(last)) {
        *count += 1;
    }
}
