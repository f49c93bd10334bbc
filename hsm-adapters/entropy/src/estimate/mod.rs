//! Estimates of min-entropy (SP 800-90B §6.3): the most common value, collision, Markov and compression estimates.
//!
//! The tuple, longest repeated substring and prediction estimates (§6.3.5 to §6.3.10) are not here: this is a check of
//! devices, not a validation of noise sources.

mod collision;
mod compression;
mod markov;
mod most_common;

pub use collision::collision;
pub use compression::compression;
pub use markov::markov;
pub use most_common::most_common_value;

/// The 99.5th percentile of the normal distribution: bounds are of 99 % confidence.
const Z: f64 = 2.576;

/// Mean and standard deviation (n − 1).
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64, f64) {
    let count = values.clone().map(|_| 1.0).sum::<f64>();
    let mean = values.clone().sum::<f64>() / count.max(1.0);
    let squares = values.map(|value| (value - mean) * (value - mean)).sum::<f64>();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt(), count)
}

/// −log₂ p.
fn bits_of(probability: f64) -> f64 {
    (-probability.log2()).max(0.0)
}
