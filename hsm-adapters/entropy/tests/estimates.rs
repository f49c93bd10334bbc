//! The examples of SP 800-90B §6.3.

use hufu_entropy::Bits;
use hufu_entropy::estimate::{collision, compression, markov, most_common_value};

const FORTY: &str = "1000111001010101110011000111001010101110";

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
}

#[test]
fn most_common_value_of_6_3_1() {
    let symbols = [0, 1, 1, 2, 0, 1, 2, 2, 0, 1, 0, 1, 1, 0, 2, 2, 1, 0, 2, 1];
    close(most_common_value(&symbols), 0.5363);
}

#[test]
fn collision_of_6_3_2() {
    close(collision(&Bits::parse(FORTY).unwrap()), 0.4483);
}

#[test]
fn markov_of_6_3_3() {
    assert!((markov(&Bits::parse(FORTY).unwrap()) - 0.761).abs() < 1e-3);
}

#[test]
fn compression_of_6_3_4() {
    let bits = Bits::parse("100011100101010111001100011100101010111011100011").unwrap();
    close(compression(&bits, 4), 0.1345);
}

#[test]
fn degenerate_input_has_no_entropy_and_does_not_panic() {
    for len in [0, 1, 2, 3, 7, 6001, 20_000] {
        let bits = Bits::from(vec![true; len]);
        for estimate in
            [collision(&bits), markov(&bits), compression(&bits, 1000), most_common_value(bits.as_slice())]
        {
            assert!(estimate.abs() < 0.01, "{estimate} at {len}");
        }
    }
}
