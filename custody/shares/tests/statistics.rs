//! What t−1 shares show: nothing. Pearson's chi-square over many splits of one secret, with 255 degrees of freedom; the same
//! test must find splitters whose coefficients are not uniform.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::System;
use hufu_secret::{Rng, RngError, SecretBytes};
use hufu_shares::gf256::{inv, mul};
use hufu_shares::shamir;

/// A sound splitter exceeds it with a probability below 10^-12 (Laurent and Massart 2000, lemma 1: with x = 30, the statistic
/// exceeds 255 + 2√(255·30) + 60 = 490 with a probability of at most e^-30 < 10^-13); some hundred values are compared.
const LIMIT: f64 = 490.0;
const LEN: usize = 4096;
const SPLITS: usize = 40;

/// Pearson's statistic of bytes that should be uniform.
fn chi_square(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let expected = f64::from(u32::try_from(bytes.len()).unwrap()) / 256.0;
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}

/// Shares of a secret of one value repeated, from each of many splits.
fn splits(value: u8, threshold: u8, count: u8, rng: &dyn Rng) -> Vec<Vec<SecretBytes>> {
    let secret = SecretBytes::from_slice(&[value; LEN]);
    (0..SPLITS).map(|_| shamir::split(&secret, threshold, count, rng).unwrap()).collect()
}

/// The worst statistic of everything that t−1 people see: each share, and each pair's sum weighted by 1 to 4.
fn worst(value: u8, threshold: u8, count: u8, rng: &dyn Rng) -> f64 {
    let all = splits(value, threshold, count, rng);
    let mut worst: f64 = 0.0;
    for share in 0..usize::from(count) {
        let seen: Vec<u8> = all.iter().flat_map(|shares| shares[share].expose().to_vec()).collect();
        worst = worst.max(chi_square(&seen));
    }
    if threshold > 2 {
        for weight in 1..=4 {
            let sum = |shares: &Vec<SecretBytes>| -> Vec<u8> {
                let pair = shares[0].expose().iter().zip(shares[1].expose());
                pair.map(|(a, b)| a ^ mul(weight, *b)).collect()
            };
            worst = worst.max(chi_square(&all.iter().flat_map(sum).collect::<Vec<u8>>()));
        }
    }
    worst
}

#[test]
fn fewer_shares_than_needed_are_uniform_whatever_the_secret() {
    for value in [0, 1, 0x80, 0xff] {
        for (threshold, count) in [(2, 3), (3, 5), (5, 5)] {
            let found = worst(value, threshold, count, &System);
            assert!(found < LIMIT, "{threshold}/{count} of {value}: {found}");
        }
    }
}

/// Draws no zero: the error of RUSTSEC-2024-0398, where the highest coefficient was never 0.
struct NeverZero;

impl Rng for NeverZero {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        System.fill(buffer)?;
        buffer.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = 1);
        Ok(())
    }
}

/// The lowest bit is 1 in nine of sixteen.
struct Leaning(AtomicUsize);

impl Rng for Leaning {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        System.fill(buffer)?;
        for byte in buffer {
            *byte |= u8::from(self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(8));
        }
        Ok(())
    }
}

#[test]
fn the_same_test_finds_biased_splitters() {
    assert!(worst(0, 2, 3, &NeverZero) > LIMIT);
    assert!(worst(0x80, 2, 3, &NeverZero) > LIMIT);
    assert!(worst(0, 2, 3, &Leaning(AtomicUsize::new(0))) > LIMIT);
}

/// The highest coefficient of a sharing, from its t shares: the sum of shares over the products of differences.
fn highest_coefficients(shares: &[SecretBytes]) -> Vec<u8> {
    let weight = |own: u8| {
        let places = (1..).take(shares.len()).filter(|place| *place != own);
        inv(places.fold(1, |product, place| mul(product, own ^ place)))
    };
    let at =
        |position: usize| (1..).zip(shares).fold(0, |sum, (x, share)| sum ^ mul(weight(x), share.expose()[position]));
    (0..LEN).map(at).collect()
}

#[test]
fn the_highest_coefficient_is_uniform_over_all_values_and_may_be_zero() {
    for threshold in [2, 3, 16] {
        let all = splits(0x55, threshold, threshold, &System);
        let seen: Vec<u8> = all.iter().flat_map(|shares| highest_coefficients(shares)).collect();
        assert!(chi_square(&seen) < LIMIT, "{threshold}");
        assert!(seen.contains(&0));
    }
    let biased = splits(0x55, 3, 3, &NeverZero);
    let seen: Vec<u8> = biased.iter().flat_map(|shares| highest_coefficients(shares)).collect();
    assert!(chi_square(&seen) > LIMIT && !seen.contains(&0));
}
