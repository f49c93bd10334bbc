//! Bad generators are found, a good one is not.

mod support;

use hufu_entropy::estimate::{collision, compression, markov, most_common_value};
use hufu_entropy::test::repeated_blocks;
use hufu_entropy::{Bits, Failure, Grade, Health, SEQUENCE_BITS, run_suite};
use support::good;

const LEN: usize = 2 * SEQUENCE_BITS / 8;

fn failed(bytes: &[u8]) -> Vec<&'static str> {
    let results = run_suite(bytes, |_, _| ());
    results.iter().filter(|result| result.grade == Grade::Failed).map(|result| result.name).collect()
}

/// Bits that are one with a probability in 256ths.
fn biased(ones_of_256: u8, len: usize) -> Vec<u8> {
    let drawn = good(len * 8, 1);
    let bytes = drawn.chunks_exact(8);
    bytes.map(|byte| byte.iter().fold(0, |value, draw| value << 1 | u8::from(*draw < ones_of_256))).collect()
}

#[test]
fn a_good_generator_passes() {
    let bytes = good(LEN, 7);
    let results = run_suite(&bytes, |_, _| ());
    for result in &results {
        println!("{}: {:?}", result.name, result.p_values);
    }
    assert!(results.iter().all(|result| result.grade == Grade::Passed));
    assert_eq!(Health::new(4).check(&bytes), Ok(()));
    assert_eq!(repeated_blocks(&bytes), 0);
    let bits = Bits::from_bytes(&bytes).take(SEQUENCE_BITS);
    let found = [most_common_value(&bytes) / 8.0, collision(&bits), markov(&bits), compression(&bits, 1000)];
    println!("{found:?}");
    assert!(found.iter().all(|entropy| *entropy > 0.75), "{found:?}");
}

#[test]
fn a_constant_fails_nearly_everything() {
    let bytes = vec![0xff; LEN];
    assert!(failed(&bytes).len() >= 24, "{:?}", failed(&bytes));
    assert_eq!(Health::new(4).check(&bytes), Err(Failure::Repetition(11)));
    assert!(most_common_value(&bytes) < 0.01);
}

#[test]
fn an_alternation_fails() {
    let bytes = vec![0x55; LEN];
    let failed = failed(&bytes);
    assert!(failed.contains(&"runs") && failed.contains(&"serial 1, m = 3"), "{failed:?}");
    let bits = Bits::from_bytes(&bytes).take(SEQUENCE_BITS);
    assert!(markov(&bits) < 0.02 && compression(&bits, 1000) < 0.01);
    // Two bytes in turn pass no proportion test either.
    let turns: Vec<u8> = [1, 2].into_iter().cycle().take(LEN).collect();
    assert!(matches!(Health::new(4).check(&turns), Err(Failure::Proportion(_))));
}

#[test]
fn a_bias_of_six_to_four_fails() {
    let bytes = biased(154, LEN);
    let failed = failed(&bytes);
    assert!(failed.contains(&"monobit frequency") && failed.contains(&"poker, m = 4"), "{failed:?}");
    let bits = Bits::from_bytes(&bytes).take(SEQUENCE_BITS);
    let expected = -(154.0_f64 / 256.0).log2();
    assert!((most_common_value(bits.as_slice()) - expected).abs() < 0.01);
    assert!((markov(&bits) - expected).abs() < 0.02);
    assert!(collision(&bits) < expected + 0.05 && compression(&bits, 1000) < expected + 0.05);
}

#[test]
fn a_slight_bias_is_found_too() {
    assert!(failed(&biased(130, LEN)).contains(&"monobit frequency"));
}

#[test]
fn a_short_period_fails() {
    let period = good(1_000, 3);
    let bytes: Vec<u8> = period.iter().copied().cycle().take(LEN).collect();
    let failed = failed(&bytes);
    assert!(!failed.is_empty(), "{failed:?}");
    assert!(repeated_blocks(&bytes) > LEN / 2);
    // A period that no test of a million bits can see.
    let period = good(LEN / 2, 3);
    let bytes = [&period[..], &period[..]].concat();
    assert_eq!(repeated_blocks(&bytes), LEN / 2 - 15);
}

#[test]
fn low_bits_of_a_linear_congruential_generator_fail() {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state & 0xff) as u8
    };
    let bytes: Vec<u8> = (0..LEN).map(|_| next()).collect();
    assert!(!failed(&bytes).is_empty());
    assert!(repeated_blocks(&bytes) > 0);
}

#[test]
fn a_shift_register_fails_by_its_complexity() {
    let mut state = 0xace1_2345_u32;
    let mut next = || {
        let bit = (state ^ state >> 10 ^ state >> 30 ^ state >> 31) & 1;
        state = state >> 1 | bit << 31;
        bit as u8
    };
    let bytes: Vec<u8> = (0..LEN).map(|_| (0..8).fold(0, |value, _| value << 1 | next())).collect();
    let failed = failed(&bytes);
    assert!(
        failed.contains(&"linear complexity, m = 500") && failed.contains(&"matrix rank, 32 by 32"),
        "{failed:?}"
    );
}
