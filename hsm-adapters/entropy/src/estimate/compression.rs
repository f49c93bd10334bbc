//! SP 800-90B §6.3.4.

use super::{Z, bits_of};
use crate::bits::{Bits, number};

/// Length of a block in bits: b of the standard.
const BLOCK_BITS: usize = 6;
const BLOCKS: usize = 1 << BLOCK_BITS;
/// The standard's correction of the standard deviation, c.
const CORRECTION: f64 = 0.5907;
/// Steps of the search for p.
const STEPS: u32 = 60;

/// Min-entropy of a bit, by how well blocks of six bits compress; `dictionary` blocks only fill the dictionary: the standard's
/// d, 1000. 0 for too short a sequence.
#[must_use]
pub fn compression(bits: &Bits, dictionary: usize) -> f64 {
    let distances = distances(bits, dictionary);
    let count = distances.len() as f64;
    if count < 2.0 {
        return 0.0;
    }
    let logs = distances.iter().map(|distance| distance.log2());
    let mean = logs.clone().sum::<f64>() / count;
    let squares = logs.map(|log| log * log).sum::<f64>() / (count - 1.0);
    let deviation = CORRECTION * (squares - mean * mean).max(0.0).sqrt();
    let bound = mean - Z * deviation / count.sqrt();
    bits_of(solve(bound, dictionary, distances.len())) / BLOCK_BITS as f64
}

/// How far back each block after the dictionary was seen last; its own position if never.
fn distances(bits: &Bits, dictionary: usize) -> Vec<f64> {
    let mut seen_at = [0_usize; BLOCKS];
    let mut distances = Vec::new();
    for (at, block) in bits.as_slice().chunks_exact(BLOCK_BITS).enumerate() {
        let Some(seen) = seen_at.get_mut(number(block)) else { continue };
        if at >= dictionary {
            distances.push((at + 1 - *seen) as f64);
        }
        *seen = at + 1;
    }
    distances
}

/// The probability of the most common block with which that mean would be expected; the least if none.
fn solve(mean: f64, dictionary: usize, count: usize) -> f64 {
    let others = (BLOCKS - 1) as f64;
    let expected =
        |p: f64| expected_of(p, dictionary, count) + others * expected_of((1.0 - p) / others, dictionary, count);
    let (mut low, mut high) = (1.0 / BLOCKS as f64, 1.0);
    if mean >= expected(low) {
        return low;
    }
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        // The more common a block, the shorter the distances.
        if expected(middle) > mean { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// G(z) of the standard: what one block of probability z adds to the mean.
fn expected_of(z: f64, dictionary: usize, count: usize) -> f64 {
    let mut sum = 0.0;
    // Σ log₂(u) z² (1−z)^(u−1) over u < t, and (1−z)^(t−1).
    let (mut before, mut power) = (0.0, 1.0);
    for t in 1..=dictionary + count {
        let log = (t as f64).log2();
        if t > dictionary {
            sum += before + log * z * power;
        }
        before += log * z * z * power;
        power *= 1.0 - z;
    }
    sum / count as f64
}
