//! What splitting and combining 32 bytes costs, at 3 of 5 and 32 of 64, with `vsss-rs` in the same run; and a whole set with its
//! sealing, for comparison. Compare numbers of one run only. Both split with the same cheap generator, not with the system's: `vsss-rs` draws
//! each coefficient by itself, and system calls would be most of what is measured.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may fail by panicking and prints its results")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{Scene, random};
use hufu_secret::{Rng, RngError, SecretBytes};
use hufu_shares::{Curve, feldman, shamir};
use vsss_rs::Gf256;

const LEN: usize = 32;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let time = if quick { Duration::from_millis(5) } else { Duration::from_secs(1) };
    for (threshold, count) in [(3, 5), (32, 64)] {
        bytes(threshold, count, time);
        scalars(threshold, count, time);
        whole_set(threshold, count, time);
    }
}

fn bytes(threshold: u8, count: u8, time: Duration) {
    let secret = random(LEN);
    let ours = shamir::split(&secret, threshold, count, &Cheap::new()).unwrap();
    let places: Vec<(u8, &SecretBytes)> = (1..).zip(&ours).take(usize::from(threshold)).collect();
    let (t, n) = (usize::from(threshold), usize::from(count));
    let theirs = Gf256::split_bytes(t, n, secret.expose(), Cheap::new()).unwrap();
    let some: Vec<Vec<u8>> = theirs.into_iter().take(t).collect();
    report(threshold, count, "split, ours", time, || {
        drop(shamir::split(&secret, threshold, count, &Cheap::new()).unwrap())
    });
    report(threshold, count, "split, vsss-rs", time, || {
        drop(black_box(Gf256::split_bytes(t, n, secret.expose(), Cheap::new()).unwrap()));
    });
    report(threshold, count, "combine, ours", time, || drop(black_box(shamir::combine(&places).unwrap())));
    report(threshold, count, "combine, vsss-rs", time, || drop(black_box(Gf256::combine_bytes(&some).unwrap())));
}

fn scalars(threshold: u8, count: u8, time: Duration) {
    let secret = random(LEN);
    for curve in [Curve::P256, Curve::Sm2] {
        let (commitments, shares) = feldman::split(curve, &secret, threshold, count, &Cheap::new()).unwrap();
        let first = shares.first().unwrap();
        report(threshold, count, &format!("split of a scalar, {curve:?}"), time, || {
            drop(black_box(feldman::split(curve, &secret, threshold, count, &Cheap::new()).unwrap()));
        });
        report(threshold, count, &format!("check of one share, {curve:?}"), time, || {
            assert!(feldman::verify(curve, &commitments, 1, first));
        });
    }
}

fn whole_set(threshold: u8, count: u8, time: Duration) {
    let (scene, secret) = (Scene::new(usize::from(count)), random(LEN));
    report(threshold, count, "dealing a set, sealed and signed", time, || {
        drop(black_box(scene.deal(threshold, &secret)));
    });
}

/// The mean of as many rounds as fit.
fn report(threshold: u8, count: u8, what: &str, time: Duration, mut work: impl FnMut()) {
    work();
    let (start, mut rounds) = (Instant::now(), 0u32);
    while start.elapsed() < time {
        work();
        rounds += 1;
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds.max(1));
    println!("{threshold:>2}/{count:<2} {what:<34} {micros:>10.2} µs");
}

/// SplitMix64 (Steele, Lea and Flood 2014): for a bench alone.
struct Cheap(AtomicU64);

impl Cheap {
    fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    fn next(&self) -> u64 {
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.iter_mut().zip(self.next().to_le_bytes()).for_each(|(to, from)| *to = from);
        }
    }
}

impl Rng for Cheap {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        self.bytes(buffer);
        Ok(())
    }
}

impl rand_core::TryRng for Cheap {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.bytes(buffer);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Cheap {}
