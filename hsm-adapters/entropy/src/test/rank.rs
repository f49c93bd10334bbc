//! SP 800-22 §2.5, GM/T 0005 (binary matrix rank).

use super::{chi_square, tally};
use crate::bits::{Bits, number};

const SIDE: usize = 32;

/// Linear dependence among rows of 32 bits: ranks of matrices of 32 by 32.
#[must_use]
pub fn matrix_rank(bits: &Bits) -> f64 {
    let mut classes = [0; 3];
    for matrix in bits.as_slice().chunks_exact(SIDE * SIDE) {
        let rows: Vec<usize> = matrix.chunks_exact(SIDE).map(number).collect();
        tally(&mut classes, SIDE - rank(rows));
    }
    let (full, one_less) = (probability(SIDE), probability(SIDE - 1));
    chi_square(&classes, &[full, one_less, 1.0 - full - one_less])
}

/// By Gaussian elimination over GF(2).
fn rank(mut rows: Vec<usize>) -> usize {
    let mut rank = 0;
    while let Some(pivot) = rows.pop() {
        if pivot == 0 {
            continue;
        }
        rank += 1;
        let lowest = pivot & pivot.wrapping_neg();
        rows.iter_mut().filter(|row| **row & lowest != 0).for_each(|row| *row ^= pivot);
    }
    rank
}

/// That a random square matrix has this rank (SP 800-22 §3.5).
fn probability(rank: usize) -> f64 {
    let (side, rank_of) = (SIDE as f64, rank as f64);
    let product: f64 = (0..rank)
        .map(|i| {
            let i = i as f64;
            (1.0 - 2_f64.powf(i - side)).powi(2) / (1.0 - 2_f64.powf(i - rank_of))
        })
        .product();
    2_f64.powf(rank_of * (2.0 * side - rank_of) - side * side) * product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks() {
        assert_eq!(rank(vec![0, 0]), 0);
        assert_eq!(rank(vec![0b011, 0b110, 0b101]), 2);
        assert_eq!(rank(vec![0b001, 0b011, 0b111]), 3);
    }

    #[test]
    fn probabilities_are_those_of_the_standard() {
        assert!((probability(32) - 0.2888).abs() < 1e-4);
        assert!((probability(31) - 0.5776).abs() < 1e-4);
    }
}
