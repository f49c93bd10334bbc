//! The tests as a suite over many sequences, and what their probabilities together say.

use crate::binomial;
use crate::bits::Bits;
use crate::test;

/// Length of a sequence in bits, as GM/T 0005 has it.
pub const SEQUENCE_BITS: usize = 1_000_000;

/// Level of significance: a perfect source gives a smaller probability once in a hundred sequences.
pub const ALPHA: f64 = 0.01;

/// So improbable that the source is held to be bad: some 30 probabilities are looked at in one run.
const FAILED_BELOW: f64 = 1e-7;
const WEAK_BELOW: f64 = 1e-4;

/// Which standard defines a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standard {
    /// SP 800-22 and GM/T 0005 alike.
    Both,
    /// GM/T 0005 alone.
    GmT0005,
}

/// What the probabilities of one test together say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grade {
    /// Nothing against the source.
    Passed,
    /// Less probable than one in ten thousand: take another sample.
    Weak,
    /// Less probable than one in ten million: the source is bad.
    Failed,
}

/// One test over all sequences.
#[derive(Clone, PartialEq, Debug)]
pub struct Tested {
    /// Name, with its parameter.
    pub name: &'static str,
    /// Which standard.
    pub standard: Standard,
    /// One probability for each sequence.
    pub p_values: Vec<f64>,
    /// What they say together.
    pub grade: Grade,
}

impl Tested {
    /// How many sequences gave at least [`ALPHA`].
    #[must_use]
    pub fn passed(&self) -> usize {
        self.p_values.iter().filter(|p| **p >= ALPHA).count()
    }

    /// The smallest probability.
    #[must_use]
    pub fn smallest(&self) -> f64 {
        self.p_values.iter().copied().fold(1.0, f64::min)
    }
}

/// Runs every test over each sequence of [`SEQUENCE_BITS`]; what is left at the end is not looked at. `step` is called before
/// each sequence with how many are done, and of how many.
pub fn run_suite(bytes: &[u8], mut step: impl FnMut(usize, usize)) -> Vec<Tested> {
    let sequences = bytes.chunks_exact(SEQUENCE_BITS / 8);
    let count = sequences.len();
    let mut results: Vec<Tested> = TESTS
        .iter()
        .map(|(name, standard, _)| Tested { name, standard: *standard, p_values: Vec::new(), grade: Grade::Passed })
        .collect();
    for (done, sequence) in sequences.enumerate() {
        step(done, count);
        let bits = Bits::from_bytes(sequence);
        for ((_, _, test), result) in TESTS.iter().zip(&mut results) {
            result.p_values.push(test(&bits));
        }
    }
    for result in &mut results {
        result.grade = grade(&result.p_values);
    }
    results
}

type Test = (&'static str, Standard, fn(&Bits) -> f64);

/// Parameters are those of GM/T 0005-2021 for sequences of a million bits, except that the spectrum is of a power of two.
const TESTS: &[Test] = &[
    ("monobit frequency", Standard::Both, test::monobit),
    ("block frequency, m = 10000", Standard::Both, |bits| test::block_frequency(bits, 10_000)),
    ("poker, m = 4", Standard::GmT0005, |bits| test::poker(bits, 4)),
    ("poker, m = 8", Standard::GmT0005, |bits| test::poker(bits, 8)),
    ("serial 1, m = 3", Standard::Both, |bits| test::serial(bits, 3).0),
    ("serial 2, m = 3", Standard::Both, |bits| test::serial(bits, 3).1),
    ("serial 1, m = 5", Standard::Both, |bits| test::serial(bits, 5).0),
    ("serial 2, m = 5", Standard::Both, |bits| test::serial(bits, 5).1),
    ("serial 1, m = 16", Standard::Both, |bits| test::serial(bits, 16).0),
    ("runs", Standard::Both, test::runs),
    ("runs distribution", Standard::GmT0005, test::runs_distribution),
    ("longest run of ones", Standard::Both, |bits| test::longest_run(bits, 1)),
    ("longest run of zeros", Standard::GmT0005, |bits| test::longest_run(bits, 0)),
    ("binary derivative, k = 3", Standard::GmT0005, |bits| test::binary_derivative(bits, 3)),
    ("binary derivative, k = 7", Standard::GmT0005, |bits| test::binary_derivative(bits, 7)),
    ("autocorrelation, d = 1", Standard::GmT0005, |bits| test::autocorrelation(bits, 1)),
    ("autocorrelation, d = 2", Standard::GmT0005, |bits| test::autocorrelation(bits, 2)),
    ("autocorrelation, d = 8", Standard::GmT0005, |bits| test::autocorrelation(bits, 8)),
    ("autocorrelation, d = 16", Standard::GmT0005, |bits| test::autocorrelation(bits, 16)),
    ("autocorrelation, d = 32", Standard::GmT0005, |bits| test::autocorrelation(bits, 32)),
    ("matrix rank, 32 by 32", Standard::Both, test::matrix_rank),
    ("cumulative sums, forward", Standard::Both, test::cumulative_sums),
    ("cumulative sums, backward", Standard::Both, test::cumulative_sums_backward),
    ("approximate entropy, m = 2", Standard::Both, |bits| test::approximate_entropy(bits, 2)),
    ("approximate entropy, m = 5", Standard::Both, |bits| test::approximate_entropy(bits, 5)),
    ("linear complexity, m = 500", Standard::Both, |bits| test::linear_complexity(bits, 500)),
    ("linear complexity, m = 1000", Standard::Both, |bits| test::linear_complexity(bits, 1_000)),
    ("universal", Standard::Both, test::universal),
    ("spectrum, n = 2^19", Standard::Both, |bits| test::spectrum(&bits.take(1 << 19))),
];

/// Too many small probabilities, or one that is far too small.
fn grade(p_values: &[f64]) -> Grade {
    let count = u32::try_from(p_values.len()).unwrap_or(u32::MAX).max(1);
    let small = p_values.iter().filter(|p| **p < ALPHA).count();
    let many = binomial::tail(count, ALPHA, u32::try_from(small).unwrap_or(u32::MAX));
    let smallest = p_values.iter().copied().fold(1.0, f64::min) * f64::from(count);
    match many.min(smallest) {
        chance if chance < FAILED_BELOW => Grade::Failed,
        chance if chance < WEAK_BELOW => Grade::Weak,
        _ => Grade::Passed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades() {
        assert_eq!(grade(&[]), Grade::Passed);
        assert_eq!(grade(&[0.5; 8]), Grade::Passed);
        assert_eq!(grade(&[0.5, 0.5, 0.005, 0.5]), Grade::Passed);
        assert_eq!(grade(&[0.5, 0.009, 0.005, 0.002]), Grade::Weak);
        assert_eq!(grade(&[0.5, 1e-9]), Grade::Failed);
        assert_eq!(grade(&[0.009; 8]), Grade::Failed);
    }
}
