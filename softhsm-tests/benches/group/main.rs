//! What a group of tokens costs and gives: P-256 signatures through one worker, through groups of one and of two SoftHSM
//! tokens, and through a group of two of which one worker is killed in the middle.
//!
//! Cases are measured in turn, several times over, and the median counts: compare numbers of one run. `--quick` shows that it
//! works, `--rounds N` repeats. Every call must be answered.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench may fail by panicking and prints its results"
)]

#[path = "../common/output.rs"]
mod output;
#[path = "../common/scratch.rs"]
mod scratch;

mod scene;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use output::{number, print_table, write_json};
use scene::{Scene, Way};
use serde_json::json;
use tokio::task::JoinSet;

const ROUNDS: usize = 5;
const CALLERS: [usize; 3] = [1, 8, 64];
const WARMING_UP: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if !scratch::is_prepared() {
        // The module is told by the environment where its tokens are: a process of its own.
        return scratch::prepare_and_run(&arguments);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let rounds = arguments.iter().skip_while(|argument| *argument != "--rounds").nth(1);
    let rounds = rounds.map_or(if quick { 1 } else { ROUNDS }, |rounds| rounds.parse().expect("a number"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(run(rounds, quick));
}

/// What one measurement found; latencies in microseconds.
#[derive(Clone, Copy, Debug)]
struct Sample {
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    worst_us: f64,
}

async fn run(rounds: usize, quick: bool) {
    let scene = Scene::open().await;
    let cases = Way::ALL.into_iter().flat_map(|way| CALLERS.map(|callers| (way, callers)));
    let mut measured: Vec<_> = cases.map(|case| (case, Vec::new())).collect();
    for round in 1..=rounds {
        for ((way, callers), samples) in &mut measured {
            samples.push(measure(&scene, *way, *callers, quick).await);
        }
        eprintln!("round {round} of {rounds}");
    }
    report(&measured, quick);
}

async fn measure(scene: &Scene, way: Way, callers: usize, quick: bool) -> Sample {
    let span = Duration::from_millis(if quick { 200 } else { 2_000 });
    let phase = Arc::new(AtomicU8::new(WARMING_UP));
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        tasks.spawn(sign_until_over(scene.backend(way), scene.key(way), Arc::clone(&phase)));
    }
    tokio::time::sleep(span / 8).await;
    let began = Instant::now();
    phase.store(MEASURING, Ordering::Relaxed);
    tokio::time::sleep(span / 2).await;
    if way == Way::Killed {
        scene.kill_one();
    }
    tokio::time::sleep(span / 2).await;
    phase.store(OVER, Ordering::Relaxed);
    let wall = began.elapsed();
    let mut latencies = tasks.join_all().await.concat();
    scene.recovered().await;
    latencies.sort_by(f64::total_cmp);
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or(f64::NAN);
    let worst_us = latencies.last().copied().unwrap_or(f64::NAN);
    Sample { rate: latencies.len() as f64 / wall.as_secs_f64(), p50_us: at(50), p99_us: at(99), worst_us }
}

async fn sign_until_over(
    backend: Arc<dyn hufu_core::backend::KeyBackend>,
    key: Arc<hufu_core::backend::KeyHandle>,
    phase: Arc<AtomicU8>,
) -> Vec<f64> {
    let mut latencies = Vec::new();
    loop {
        let began = Instant::now();
        scene::sign(&*backend, &key).await;
        match phase.load(Ordering::Relaxed) {
            WARMING_UP => {}
            MEASURING => latencies.push(began.elapsed().as_secs_f64() * 1e6),
            _ => return latencies,
        }
    }
}

type Measured = ((Way, usize), Vec<Sample>);

fn report(measured: &[Measured], quick: bool) {
    let load = std::fs::read_to_string("/proc/loadavg").expect("the load average");
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    println!("Load averages at the end: {load}. Every call was answered.\n");
    let head = ["way", "callers", "signatures/s", "of one token", "p50 µs", "p99 µs", "worst µs"];
    let alone = |callers| {
        let same = measured.iter().find(|((way, of), _)| *way == Way::Alone && *of == callers);
        same.map_or(f64::NAN, |(_, samples)| median(samples, |sample| sample.rate))
    };
    let (mut rows, mut cases) = (Vec::new(), Vec::new());
    for ((way, callers), samples) in measured {
        let of = |number: fn(&Sample) -> f64| median(samples, number);
        let (rate, p50, p99) = (of(|sample| sample.rate), of(|sample| sample.p50_us), of(|sample| sample.p99_us));
        // Of the worst, the worst.
        let worst = samples.iter().map(|sample| sample.worst_us).fold(f64::NAN, f64::max);
        let share = rate / alone(*callers);
        let mut row = vec![way.words().to_owned(), callers.to_string(), number(rate), format!("{share:.2}")];
        row.extend([number(p50), number(p99), number(worst)]);
        rows.push(row);
        cases.push(json!({
            "way": way.words(), "callers": callers, "signatures_per_s": rate, "of_one_token": share,
            "p50_us": p50, "p99_us": p99, "worst_us": worst,
        }));
    }
    print_table(&head, &rows);
    write_json("group", &json!({ "quick": quick, "load_average": load, "cases": cases }));
}

fn median(samples: &[Sample], number: impl Fn(&Sample) -> f64) -> f64 {
    let mut numbers: Vec<f64> = samples.iter().map(number).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
