//! Runs of equal bits.

use super::{chi_square, tally};
use crate::bits::Bits;
use crate::special::{erfc, igamc};

/// SP 800-22 §2.3, GM/T 0005 (runs): not too many and not too few.
#[must_use]
pub fn runs(bits: &Bits) -> f64 {
    let len = bits.len() as f64;
    let share = bits.ones() as f64 / len.max(1.0);
    let spread = share * (1.0 - share);
    // Where monobit fails already, runs tell nothing; constant bits have no spread at all.
    if bits.is_empty() || spread <= 0.0 {
        return 0.0;
    }
    let changes = bits.as_slice().windows(2).filter(|pair| pair.first() != pair.last()).count();
    let observed = changes as f64 + 1.0;
    erfc((observed - 2.0 * len * spread).abs() / (2.0 * (2.0 * len).sqrt() * spread))
}

/// GM/T 0005 (runs distribution): of ones and of zeros as many of each length as there should be.
#[must_use]
pub fn runs_distribution(bits: &Bits) -> f64 {
    let len = bits.len() as f64;
    let expected = |length: usize| (len - length as f64 + 3.0) / 2_f64.powf(length as f64 + 2.0);
    let longest = (1..64).take_while(|length| expected(*length) >= 5.0).count();
    if longest < 2 {
        return 0.0;
    }
    let mut counts = [vec![0_u64; longest], vec![0_u64; longest]];
    for run in bits.as_slice().chunk_by(|a, b| a == b) {
        let of = usize::from(run.first().copied().unwrap_or_default());
        if let Some(counts) = counts.get_mut(of) {
            tally(counts, run.len() - 1);
        }
    }
    let total: f64 = counts.iter().flatten().map(|count| *count as f64).sum();
    let share = |index: usize| 0.5_f64.powf((index + 2).min(longest) as f64);
    let statistic: f64 = counts
        .iter()
        .flat_map(|counts| counts.iter().enumerate())
        .map(|(index, count)| (*count as f64 - total * share(index)).powi(2) / (total * share(index)))
        .sum();
    igamc(longest as f64 - 1.0, statistic / 2.0)
}

/// What SP 800-22 §2.4.2 prescribes for a length of sequence.
struct Plan {
    block_bits: usize,
    /// Runs up to this length are one class.
    shortest: usize,
    probabilities: &'static [f64],
}

/// Exact, where the standard's own are rounded to four digits.
const SHORT: Plan =
    Plan { block_bits: 8, shortest: 1, probabilities: &[0.214_843_75, 0.367_187_5, 0.230_468_75, 0.187_5] };
const MIDDLE: Plan = Plan {
    block_bits: 128,
    shortest: 4,
    probabilities: &[
        0.117_403_578_6,
        0.242_955_959_3,
        0.249_363_483_3,
        0.175_177_060_1,
        0.102_701_071_3,
        0.112_398_847_4,
    ],
};
const LONG: Plan = Plan {
    block_bits: 10_000,
    shortest: 10,
    probabilities: &[0.086_632, 0.208_201, 0.248_419, 0.193_913, 0.121_458, 0.068_011, 0.073_366],
};

/// SP 800-22 §2.4, GM/T 0005 (longest run in a block): of `of`, 0 or 1.
#[must_use]
pub fn longest_run(bits: &Bits, of: u8) -> f64 {
    let plan = match bits.len() {
        0..128 => return 0.0,
        128..6_272 => SHORT,
        6_272..750_000 => MIDDLE,
        _ => LONG,
    };
    let mut classes = vec![0; plan.probabilities.len()];
    for block in bits.as_slice().chunks_exact(plan.block_bits) {
        let runs = block.chunk_by(|a, b| a == b).filter(|run| run.first() == Some(&of));
        let longest = runs.map(<[u8]>::len).max().unwrap_or_default();
        tally(&mut classes, longest.saturating_sub(plan.shortest));
    }
    chi_square(&classes, plan.probabilities)
}
