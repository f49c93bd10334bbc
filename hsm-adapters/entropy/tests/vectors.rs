//! The examples of SP 800-22 rev. 1a (§2 and appendix B) and of GM/T 0005-2021.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use hufu_entropy::Bits;
use hufu_entropy::test::{
    approximate_entropy, autocorrelation, binary_derivative, block_frequency, cumulative_sums,
    cumulative_sums_backward, linear_complexity, longest_run, matrix_rank, monobit, poker, runs, runs_distribution,
    serial, spectrum, universal,
};
use support::{PI, SAMPLE, digits_of_e};

fn bits(text: &str) -> Bits {
    Bits::parse(text).unwrap()
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 2e-6, "{found} for {expected}");
}

#[test]
fn short_examples_of_sp_800_22() {
    close(monobit(&bits("1011010101")), 0.527_089);
    close(block_frequency(&bits("0110011010"), 3), 0.801_252);
    close(runs(&bits("1001101011")), 0.147_232);
    close(serial(&bits("0011011101"), 3).0, 0.808_792);
    close(serial(&bits("0011011101"), 3).1, 0.670_320);
    close(approximate_entropy(&bits("0100110101"), 3), 0.261_961);
    close(cumulative_sums(&bits("1011010111")), 0.411_659);
}

#[test]
fn digits_of_pi_in_sp_800_22() {
    let pi = bits(PI);
    close(monobit(&pi), 0.109_599);
    close(block_frequency(&pi, 10), 0.706_438);
    close(runs(&pi), 0.500_798);
    close(approximate_entropy(&pi, 2), 0.235_301);
    close(cumulative_sums(&pi), 0.219_194);
    close(cumulative_sums_backward(&pi), 0.114_866);
    close(spectrum(&pi), 0.646_355);
}

#[test]
fn examples_of_gm_t_0005() {
    let sample = bits(SAMPLE);
    close(monobit(&sample), 0.215_925);
    close(poker(&sample, 4), 0.213_734);
    close(serial(&sample, 2).0, 0.436_868);
    close(serial(&sample, 2).1, 0.723_674);
    close(runs(&sample), 0.620_729);
    close(runs_distribution(&sample), 0.970_152);
    // SP 800-22 §2.4.8 has the second; GM/T 0005 has 0.839299 and 0.180598, from probabilities rounded to four digits.
    close(longest_run(&sample, 0), 0.839_146);
    close(longest_run(&sample, 1), 0.180_609);
    close(binary_derivative(&sample, 3), 0.039_669);
    close(autocorrelation(&sample, 1), 0.790_080);
}

#[test]
fn hundred_thousand_digits_of_e() {
    close(matrix_rank(&digits_of_e(100_000)), 0.532_069);
}

/// SP 800-22 appendix B, for e.
#[test]
fn a_million_digits_of_e() {
    let e = digits_of_e(1_000_000);
    close(monobit(&e), 0.953_749);
    close(block_frequency(&e, 128), 0.211_072);
    close(cumulative_sums(&e), 0.669_887);
    close(cumulative_sums_backward(&e), 0.724_266);
    close(runs(&e), 0.561_917);
    // The appendix has 0.718945, from probabilities of the classes rounded to four digits; these are exact.
    close(longest_run(&e, 1), 0.718_355);
    close(matrix_rank(&e), 0.306_156);
    close(universal(&e), 0.282_568);
    close(approximate_entropy(&e, 10), 0.700_073);
    close(serial(&e, 16).0, 0.766_182);
    close(serial(&e, 2).0, 0.843_764);
    close(serial(&e, 2).1, 0.561_915);
    // The standard has 0.01047 for 1/96 and so 0.826335.
    close(linear_complexity(&e, 500), 0.826_202);
}

#[test]
fn what_is_too_short_answers_the_worst() {
    for text in ["", "1", "10", "0000000"] {
        let bits = bits(text);
        let _ = (monobit(&bits), block_frequency(&bits, 3), runs(&bits), cumulative_sums_backward(&bits));
        let found = [longest_run(&bits, 1), matrix_rank(&bits), universal(&bits), linear_complexity(&bits, 500)];
        assert!(found.iter().all(|p| p.abs() < f64::EPSILON), "{found:?}");
        let _ = (serial(&bits, 3), approximate_entropy(&bits, 3), poker(&bits, 4), runs_distribution(&bits));
        let _ = (spectrum(&bits), binary_derivative(&bits, 9), autocorrelation(&bits, 9));
    }
}
