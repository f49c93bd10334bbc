//! The device's random numbers: drawn, and judged.

use std::time::Instant;

use hufu_core::backend::{BackendError, KeyBackend, Operation, Outcome as Answer};
use hufu_entropy::estimate::{collision, compression, markov, most_common_value};
use hufu_entropy::test::repeated_blocks;
use hufu_entropy::{Bits, Grade, Health, SEQUENCE_BITS, Standard, run_suite};
use hufu_secret::SecretBytes;

use crate::keys::soon;
use crate::report::{Check, Estimate, Outcome, Random, StatisticalTest, Weight};

/// Drawn in one call.
const CHUNK_LEN: usize = 4_096;

/// Bits of min-entropy a byte that the health tests hold the device to, as the service in use does.
const HEALTH_ENTROPY_BITS: u32 = 4;

/// Random bytes and how fast they came.
pub(crate) struct Sample {
    pub(crate) bytes: Vec<u8>,
    pub(crate) bytes_per_second: f64,
}

/// Draws bytes. They are judged and thrown away, so they are no secrets; the progress is told in bytes.
pub(crate) async fn draw(
    backend: &dyn KeyBackend,
    len: usize,
    progress: impl Fn(usize),
) -> Result<Sample, BackendError> {
    let began = Instant::now();
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let wanted = CHUNK_LEN.min(len - bytes.len());
        let drawn: SecretBytes = match backend.perform(Operation::Random(wanted), soon()).await? {
            Answer::Plaintext(drawn) if drawn.len() == wanted => drawn,
            _ => return Err(BackendError::Failed("drawing random bytes answers another number of them".to_owned())),
        };
        bytes.extend_from_slice(drawn.expose());
        progress(bytes.len());
    }
    let bytes_per_second = len as f64 / began.elapsed().as_secs_f64().max(f64::EPSILON);
    Ok(Sample { bytes, bytes_per_second })
}

/// Judges bytes; `after` are some that were drawn after the device's sessions had died.
pub(crate) fn judge(sample: &Sample, after: &[u8], progress: impl Fn(usize, usize)) -> Random {
    let bits = Bits::from_bytes(sample.bytes.get(..SEQUENCE_BITS / 8).unwrap_or(&sample.bytes));
    let estimates = vec![
        estimate("most common value, of bytes", "6.3.1", most_common_value(&sample.bytes) / 8.0),
        estimate("most common value, of bits", "6.3.1", most_common_value(bits.as_slice())),
        estimate("collision", "6.3.2", collision(&bits)),
        estimate("Markov", "6.3.3", markov(&bits)),
        estimate("compression", "6.3.4", compression(&bits, 1_000)),
    ];
    let least = estimates.iter().map(|estimate| estimate.bits_per_bit).fold(1.0, f64::min);
    let mut histogram = vec![0_u32; 256];
    for byte in &sample.bytes {
        if let Some(count) = histogram.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    Random {
        len: sample.bytes.len(),
        bytes_per_second: sample.bytes_per_second,
        health: health(&sample.bytes),
        repeated_blocks: repeated_blocks(&[&sample.bytes, after].concat()),
        estimates,
        min_entropy_bits_per_byte: 8.0 * least,
        tests: run_suite(&sample.bytes, progress).into_iter().map(test).collect(),
        histogram,
    }
}

fn health(bytes: &[u8]) -> Check {
    let found = Health::new(HEALTH_ENTROPY_BITS).check(bytes);
    Check {
        name: "repetition count and adaptive proportion tests hold",
        standard: "SP 800-90B §4.4",
        weight: Weight::Critical,
        outcome: if found.is_ok() { Outcome::Holds } else { Outcome::Fails },
        detail: found.map_or_else(|failure| failure.to_string(), |()| "no alarm".to_owned()),
    }
}

fn estimate(name: &'static str, section: &'static str, bits_per_bit: f64) -> Estimate {
    Estimate { name, section, bits_per_bit }
}

fn test(result: hufu_entropy::Tested) -> StatisticalTest {
    StatisticalTest {
        name: result.name,
        standard: match result.standard {
            Standard::Both => "SP 800-22, GM/T 0005",
            Standard::GmT0005 => "GM/T 0005",
        },
        grade: match result.grade {
            Grade::Passed => "passed",
            Grade::Weak => "weak",
            Grade::Failed => "failed",
        },
        passed: result.passed(),
        p_values: result.p_values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(bytes: Vec<u8>, after: &[u8]) -> Random {
        judge(&Sample { bytes, bytes_per_second: 1.0 }, after, |_, _| ())
    }

    #[test]
    fn a_constant_is_found_by_every_part() {
        let random = judged(vec![7; SEQUENCE_BITS / 8], &[]);
        assert_eq!(random.health.outcome, Outcome::Fails);
        assert!(random.repeated_blocks > 0);
        assert!(random.min_entropy_bits_per_byte < 0.1);
        assert!(random.tests.iter().filter(|test| test.grade == "failed").count() > 20);
        assert_eq!(random.histogram.iter().sum::<u32>(), 125_000);
    }

    #[test]
    fn a_generator_that_starts_again_is_found_by_the_bytes_afterwards() {
        let mut bytes = vec![0; SEQUENCE_BITS / 8];
        getrandom::fill(&mut bytes).unwrap();
        let after = bytes[..64].to_vec();
        assert_eq!(judged(bytes.clone(), &[]).repeated_blocks, 0);
        assert_eq!(judged(bytes, &after).repeated_blocks, 64 - 15);
    }

    #[test]
    fn too_few_bytes_are_no_panic() {
        for len in [0, 1, 100] {
            assert!(judged(vec![1; len], &[]).tests.iter().all(|test| test.p_values.is_empty()));
        }
    }
}
