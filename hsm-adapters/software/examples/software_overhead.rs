//! What a P-256 signature costs through the backend, cache hit, against the raw library.
//!
//! `cargo run --release -p hufu-software --example software_overhead`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for a person to read")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{KeyBackend, Operation, SignInput};

const SIGNATURES: u32 = 20_000;
const ROUNDS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let raw = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let (backend, message) = (support::backend(), [7; 64]);
    let key = runtime.block_on(support::generate(&backend, Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256));
    for round in 0..ROUNDS {
        let direct = time(|| assert!(raw.sign(&SystemRandom::new(), &message).is_ok()));
        let started = Instant::now();
        runtime.block_on(async {
            for _ in 0..SIGNATURES {
                let deadline = Instant::now() + Duration::from_secs(1);
                let operation = Operation::Sign(&key, SignInput::Message(&message));
                assert!(backend.perform(operation, deadline).await.is_ok());
            }
        });
        let through = started.elapsed() / SIGNATURES;
        println!("{round}: raw {direct:?}, backend {through:?}, overhead {:?}", through.saturating_sub(direct));
    }
}

fn time(mut work: impl FnMut()) -> Duration {
    let started = Instant::now();
    (0..SIGNATURES).for_each(|_| work());
    started.elapsed() / SIGNATURES
}
