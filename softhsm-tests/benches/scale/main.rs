//! What many keys cost: memory, time to start, and whether signatures become slower.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench may fail by panicking and prints its results"
)]

#[path = "../common/mod.rs"]
mod common;

mod keys;

use std::env;
use std::time::{Duration, Instant};

use common::load::{Sample, Span, measure, median};
use common::output::{number, print_table, write_json};
use common::process::{cpu_time, load_average};
use hufu_proto::v1::crypto_service_client::CryptoServiceClient;
use hufu_sdk::v1::{SignRequest, sign_request};
use hufu_softhsm_tests::{Daemon, raw_channel};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const FEW: u32 = 100;
const MANY: u32 = 100_000;
const MANY_QUICK: u32 = 300;
const CALLERS: usize = 8;
const ROUNDS: usize = 3;

fn main() {
    let quick = env::args().any(|argument| argument == "--quick");
    let (span, rounds, many) = if quick { (Span::QUICK, 1, MANY_QUICK) } else { (Span::FULL, ROUNDS, MANY) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut found = Findings::default();

    let daemon = Daemon::start_dev();
    found.memory("started, no keys", &daemon);
    runtime.block_on(keys::create(&daemon, 0..FEW));
    let sign = |daemon: &Daemon, keys| signing(&runtime, daemon, span, rounds, keys);
    found.signing(FEW, FEW, sign(&daemon, FEW));
    found.memory("100 keys, signing", &daemon);
    let (cpu, began) = (cpu_time(daemon.pid()), Instant::now());
    runtime.block_on(keys::create(&daemon, FEW..many));
    found.creation(many - FEW, began.elapsed(), cpu_time(daemon.pid()) - cpu);
    runtime.block_on(keys::settled(&daemon));
    found.memory("all keys created", &daemon);
    found.signing(many, FEW, sign(&daemon, FEW));
    found.signing(many, many, sign(&daemon, many));
    found.memory("all keys, signing", &daemon);

    let stopped = daemon.terminate();
    let began = Instant::now();
    let daemon = stopped.start();
    found.start(began.elapsed());
    found.memory("started, all keys", &daemon);
    found.signing(many, many, sign(&daemon, many));
    found.memory("started, all keys, signing", &daemon);
    found.print(quick, many);
}

/// Signs with each of the first keys in turn, a step that visits them all in no simple order.
fn signing(runtime: &Runtime, daemon: &Daemon, span: Span, rounds: usize, keys: u32) -> Sample {
    const STEP: u64 = 7_919;
    let round = async || {
        let client = CryptoServiceClient::new(raw_channel(&daemon.profile("app")));
        let turn = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let call = move |_: usize| {
            let (mut client, turn) = (client.clone(), turn.clone());
            let turn = turn.fetch_add(STEP, std::sync::atomic::Ordering::Relaxed);
            let key = u32::try_from(turn % u64::from(keys)).expect("a number of a key");
            let data = Some(sign_request::Data::Message(vec![0x5a; 64]));
            let request = SignRequest { name: keys::resource(key), data, ..SignRequest::default() };
            async move { client.sign(request).await.map(drop) }
        };
        measure(span, CALLERS, daemon.pid(), 1, call).await
    };
    let samples: Vec<Sample> = (0..rounds).map(|_| runtime.block_on(round())).collect();
    median(&samples)
}

/// What was found, in order.
#[derive(Default)]
struct Findings {
    rows: Vec<Vec<String>>,
    values: Vec<Value>,
}

impl Findings {
    fn memory(&mut self, when: &str, daemon: &Daemon) {
        let mib = daemon.resident_kib() as f64 / 1024.0;
        self.note(format!("resident memory: {when}"), format!("{mib:.1} MiB"), json!({ "resident_mib": mib }));
    }

    fn start(&mut self, took: Duration) {
        let value = json!({ "start_s": took.as_secs_f64() });
        self.note("start with all keys, to `ready`".to_owned(), format!("{:.2} s", took.as_secs_f64()), value);
    }

    fn creation(&mut self, keys: u32, took: Duration, cpu: Duration) {
        let (each, rate) = (cpu.as_secs_f64() * 1e6 / f64::from(keys), f64::from(keys) / took.as_secs_f64());
        let words = format!("{} a second, {} µs of server CPU each", number(rate), number(each));
        self.note(format!("creating {keys} keys"), words, json!({ "created_per_s": rate, "cpu_us": each }));
    }

    fn signing(&mut self, keys: u32, used: u32, sample: Sample) {
        let Sample { rate, cpu_us, steady_cpu_us, p50_us, p99_us } = sample;
        let words = format!(
            "p50 {} µs, p99 {} µs, {} a second, {} µs of server CPU each ({} at reference pace)",
            number(p50_us),
            number(p99_us),
            number(rate),
            number(cpu_us),
            number(steady_cpu_us)
        );
        let value = json!({ "p50_us": p50_us, "p99_us": p99_us, "operations_per_s": rate, "cpu_us": cpu_us });
        self.note(format!("signing with {used} of {keys} keys, {CALLERS} callers"), words, value);
    }

    fn note(&mut self, what: String, words: String, mut value: Value) {
        eprintln!("{what}: {words}");
        value["what"] = Value::from(what.clone());
        self.values.push(value);
        self.rows.push(vec![what, words]);
    }

    fn print(&self, quick: bool, keys: u32) {
        let load = load_average();
        println!("P-256 keys in software, SQLite. Load averages at the end: {load}.\n");
        print_table(&["What", "Found"], &self.rows);
        write_json("scale", &json!({ "quick": quick, "keys": keys, "load_average": load, "found": self.values }));
    }
}
