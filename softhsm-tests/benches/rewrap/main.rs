//! What a new wrapping key of a tenant costs: so many software keys brought under it, on SQLite, beside a caller that signs.
//!
//! The baseline of the same run is the cryptography alone: the same material opened, sealed and proven in this process, without
//! a database. What is above it is reading and checking rows, and committing them with their audit.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench may fail by panicking and prints its results"
)]

mod baseline;
#[path = "../scale/keys.rs"]
mod keys;
#[path = "../common/output.rs"]
mod output;
#[path = "../common/process.rs"]
mod process;

use std::env;
use std::time::{Duration, Instant};

use hufu_sdk::{Client, Data, KeyRef, v1};
use hufu_softhsm_tests::Daemon;
use output::{number, print_table, write_json};
use process::{cpu_time, load_average};
use serde_json::json;

const KEYS: u32 = 100_000;
const KEYS_QUICK: u32 = 200;
/// Signatures before the rotation, to compare with those beside it.
const SIGNATURES: usize = 2_000;
const SIGNATURES_QUICK: usize = 20;

fn main() {
    let quick = env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(quick));
}

async fn run(quick: bool) {
    let (many, signatures) = if quick { (KEYS_QUICK, SIGNATURES_QUICK) } else { (KEYS, SIGNATURES) };
    let wrapping_us = baseline::rewrapping_us(if quick { 200 } else { 100_000 }).await;
    let daemon = Daemon::start_dev();
    keys::create(&daemon, 0..many).await;
    keys::settled(&daemon).await;
    let client = daemon.client("admin");
    let quiet = Latencies::of(sign(&client, signatures).await);
    let (cpu, began) = (cpu_time(daemon.pid()), Instant::now());
    client.rotate_tenant_key().await.unwrap();
    let (took, checked, beside) = watch(&client, began, many).await;
    let cpu = (cpu_time(daemon.pid()) - cpu).as_secs_f64() * 1e6 / f64::from(many);
    let each = |took: Duration| took.as_secs_f64() * 1e6 / f64::from(many);
    let rows = [
        ("keys brought under the new wrapping key, a second", number(f64::from(many) / took.as_secs_f64())),
        ("a key, in µs", number(each(took))),
        ("baseline: the material opened, sealed and proven, in µs", number(wrapping_us)),
        ("the pass that finds nothing more, a key, in µs", number(each(checked))),
        ("server CPU, a key, both passes and the signatures beside them, in µs", number(cpu)),
        ("signature before, p50 and p99 in µs", quiet.text()),
        ("signature beside it, p50 and p99 in µs", beside.text()),
    ];
    println!("{many} P-256 keys in software, SQLite. Load averages at the end: {}.\n", load_average());
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(what, found)| vec![what.to_owned(), found]).collect();
    print_table(&["What", "Found"], &rows);
    write_json(
        "rewrap",
        &json!({
            "quick": quick,
            "keys": many,
            "keys_per_s": f64::from(many) / took.as_secs_f64(),
            "key_us": each(took),
            "wrapping_us": wrapping_us,
            "checking_us": each(checked),
            "cpu_us": cpu,
            "signature_before_us": [quiet.p50, quiet.p99],
            "signature_beside_us": [beside.p50, beside.p99],
        }),
    );
}

/// Signs until the rotation has found nothing more: how long it took to move everything, how long to check, and the latencies.
async fn watch(client: &Client, began: Instant, many: u32) -> (Duration, Duration, Latencies) {
    let (mut latencies, mut moved) = (Vec::new(), None);
    loop {
        latencies.extend(sign(client, 4).await);
        let rotation = client.tenant_key().await.unwrap().rotation;
        let rotation = rotation.expect("the old key is destroyed a while after the last pass");
        assert_eq!(rotation.left, 0);
        if moved.is_none() && rotation.rewrapped >= u64::from(many) {
            moved = Some(began.elapsed());
            eprintln!("{many} keys moved in {:?}", began.elapsed());
        }
        if let (Some(moved), true) = (moved, rotation.clean) {
            return (moved, began.elapsed() - moved, Latencies::of(latencies));
        }
    }
}

/// Signatures one after another, and how long each took, in microseconds.
async fn sign(client: &Client, count: usize) -> Vec<f64> {
    let key: KeyRef = "k000000".parse().unwrap();
    let mut latencies = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        let signed = client.sign(&key, Data::Message(b"message"), v1::SignatureFormat::Der).await.unwrap();
        latencies.push(began.elapsed().as_secs_f64() * 1e6);
        assert!(signed.key_version.starts_with(&keys::resource(0)));
    }
    latencies
}

struct Latencies {
    p50: f64,
    p99: f64,
}

impl Latencies {
    fn of(mut all: Vec<f64>) -> Self {
        all.sort_by(f64::total_cmp);
        let quantile = |percent: usize| all.get(all.len() * percent / 100).copied().unwrap_or(f64::NAN);
        Self { p50: quantile(50), p99: quantile(99) }
    }

    fn text(&self) -> String {
        format!("{}, {}", number(self.p50), number(self.p99))
    }
}
