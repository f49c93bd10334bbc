//! What a signature of holders costs through the backend: latency of one after another, throughput of many at once, and the signature of
//! one party in the same run. Holders are in memory, on the same cores, without network, database and audit: what is left is
//! the protocol and the coordinator.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may fail by panicking and prints its results")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Scene, scene};
use ed25519_dalek::Signer as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hufu_core::backend::KeyHandle;
use hufu_frost::Suite;
use tokio::runtime::Runtime;

const MESSAGE: [u8; 32] = [0x5a; 32];
/// Signatures under way at once; a holder has 32 calls at a time.
const AT_ONCE: usize = 16;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let count = if quick { 8 } else { 1_000 };
    let runtime = Runtime::new().unwrap();
    for suite in [Suite::Ed25519, Suite::Bip340] {
        let alone = alone(suite, count);
        println!("{suite}: one party: {:.1} µs a signature", micros(alone));
        for (t, n) in [(2, 3), (5, 7)] {
            runtime.block_on(holders(suite, t, n, count, alone));
        }
    }
}

async fn holders(suite: Suite, t: u8, n: u8, count: u32, alone: Duration) {
    let scene = Arc::new(scene(suite, t, n));
    let key = Arc::new(scene.key().await);
    let mut latencies = Vec::new();
    for _ in 0..count {
        let started = Instant::now();
        sign(&scene, &key).await;
        latencies.push(started.elapsed());
    }
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
    let started = Instant::now();
    let mut under_way = FuturesUnordered::new();
    for _ in 0..count {
        if under_way.len() == AT_ONCE {
            let _: Option<Result<(), _>> = under_way.next().await;
        }
        let (scene, key) = (scene.clone(), key.clone());
        under_way.push(tokio::spawn(async move { sign(&scene, &key).await }));
    }
    while let Some(done) = under_way.next().await {
        done.unwrap();
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    println!(
        "{suite} {t}/{n}: latency median {:.0} µs, 99 % {:.0} µs; {rate:.0} signatures/s with {AT_ONCE} at once; median is {:.0} times one party's",
        micros(at(50)),
        micros(at(99)),
        at(50).as_secs_f64() / alone.as_secs_f64(),
    );
}

async fn sign(scene: &Scene, key: &KeyHandle) {
    black_box(scene.sign(key, &MESSAGE).await.unwrap());
}

/// The mean time of a signature by a key that one party holds.
fn alone(suite: Suite, count: u32) -> Duration {
    let started = Instant::now();
    match suite {
        Suite::Ed25519 => {
            let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
            (0..count).for_each(|_| drop(black_box(key.sign(black_box(&MESSAGE)).to_vec())));
        }
        Suite::Bip340 => {
            let key = k256::schnorr::SigningKey::from_slice(&[7; 32]).unwrap();
            (0..count).for_each(|_| {
                drop(black_box(key.sign_raw(black_box(&MESSAGE), &[9; 32]).unwrap().to_bytes().to_vec()))
            });
        }
    }
    started.elapsed() / count
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
