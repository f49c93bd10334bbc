//! A closed loop of callers, and what it measures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::pace::Pace;
use super::process::cpu_time;

/// How long a measurement lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    /// Before anything counts.
    pub(crate) warm_up: Duration,
    /// While it counts.
    pub(crate) measured: Duration,
}

impl Span {
    /// Long enough for steady numbers.
    pub(crate) const FULL: Self =
        Self { warm_up: Duration::from_millis(300), measured: Duration::from_millis(2_000) };
    /// Long enough to show that it works.
    pub(crate) const QUICK: Self = Self { warm_up: Duration::from_millis(20), measured: Duration::from_millis(100) };
}

/// What one measurement found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Operations a second.
    pub(crate) rate: f64,
    /// Processor time of the measured process for each operation, in microseconds.
    pub(crate) cpu_us: f64,
    /// Median latency in microseconds.
    pub(crate) p50_us: f64,
    /// 99th percentile of the latency in microseconds.
    pub(crate) p99_us: f64,
    /// `cpu_us` on a processor as fast as the reference ([`Pace`]).
    pub(crate) steady_cpu_us: f64,
}

const WARMING_UP: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// Runs so many callers, each with one call under way at any time, and measures what the process `pid` pays for it.
/// `call` gets the number of its caller; `operations` is how many operations one call does.
pub(crate) async fn measure<C, F>(span: Span, callers: usize, pid: u32, operations: u32, call: C) -> Sample
where
    C: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let pace = Pace::begin();
    let phase = Arc::new(AtomicU8::new(WARMING_UP));
    let callers: JoinSet<_> =
        (0..callers).map(|caller| call_until_over(phase.clone(), caller, call.clone())).collect();
    tokio::time::sleep(span.warm_up).await;
    let (cpu, began) = (cpu_time(pid), Instant::now());
    phase.store(MEASURING, Ordering::Relaxed);
    tokio::time::sleep(span.measured).await;
    phase.store(OVER, Ordering::Relaxed);
    let (cpu, wall) = (cpu_time(pid) - cpu, began.elapsed());
    let latencies: Result<Vec<_>, Status> = callers.join_all().await.into_iter().collect();
    let latencies = latencies.unwrap_or_else(|status| panic!("a call failed: {status}"));
    pace.relate(sample(latencies.concat(), f64::from(operations), cpu, wall))
}

/// Latencies in microseconds of the calls that ended while it counted.
async fn call_until_over<F: Future<Output = Result<(), Status>>>(
    phase: Arc<AtomicU8>,
    caller: usize,
    call: impl Fn(usize) -> F,
) -> Result<Vec<f64>, Status> {
    let mut latencies = Vec::new();
    loop {
        let began = Instant::now();
        match call(caller).await {
            // A busy server says so, and a caller comes again: the answer is no operation, and no failure.
            Err(status) if status.code() == Code::Unavailable && phase.load(Ordering::Relaxed) != OVER => continue,
            Err(status) if status.code() == Code::Unavailable => return Ok(latencies),
            answer => answer?,
        }
        match phase.load(Ordering::Relaxed) {
            WARMING_UP => {}
            MEASURING => latencies.push(began.elapsed().as_secs_f64() * 1e6),
            _ => return Ok(latencies),
        }
    }
}

fn sample(mut latencies: Vec<f64>, operations: f64, cpu: Duration, wall: Duration) -> Sample {
    latencies.sort_by(f64::total_cmp);
    let done = latencies.len() as f64 * operations;
    let quantile = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or(f64::NAN);
    Sample {
        rate: done / wall.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / done,
        steady_cpu_us: f64::NAN,
        p50_us: quantile(50),
        p99_us: quantile(99),
    }
}

/// The median of several samples, each number by itself.
pub(crate) fn median(samples: &[Sample]) -> Sample {
    let of = |number: fn(&Sample) -> f64| {
        let mut numbers: Vec<f64> = samples.iter().map(number).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Sample {
        rate: of(|s| s.rate),
        cpu_us: of(|s| s.cpu_us),
        steady_cpu_us: of(|s| s.steady_cpu_us),
        p50_us: of(|s| s.p50_us),
        p99_us: of(|s| s.p99_us),
    }
}
