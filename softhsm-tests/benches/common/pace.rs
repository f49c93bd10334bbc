//! How fast the processor is just now. On a shared machine that changes by half within seconds, and processor time with it.

use std::fs;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::load::Sample;

/// Processor time in microseconds of a raw P-256 signature on the machine of the baselines.
const REFERENCE_US: f64 = 14.5;
const SIGNATURES: u32 = 3_000;

/// The pace before a measurement.
pub(crate) struct Pace(f64);

impl Pace {
    /// Looks at the pace before a measurement.
    pub(crate) fn begin() -> Self {
        Self(signature_us())
    }

    /// Looks again after it, and relates its processor time to the reference.
    pub(crate) fn relate(self, sample: Sample) -> Sample {
        let pace_us = (self.0 + signature_us()) / 2.0;
        Sample { steady_cpu_us: sample.cpu_us * REFERENCE_US / pace_us, ..sample }
    }
}

/// Processor time in microseconds of a raw P-256 signature.
fn signature_us() -> f64 {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let before = thread_cpu_nanos();
    for _ in 0..SIGNATURES {
        key.sign(&SystemRandom::new(), b"pace").unwrap();
    }
    (thread_cpu_nanos() - before) as f64 / 1e3 / f64::from(SIGNATURES)
}

/// Processor time of this thread, finer than that of a process.
fn thread_cpu_nanos() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
