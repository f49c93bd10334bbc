//! Closed loops, and what they measure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{process, thread};

use tokio::task::JoinSet;

use crate::process::cpu_time;

/// What one measurement found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Signatures a second.
    pub(crate) rate: f64,
    /// Processor time of all processes that take part for each signature, in microseconds.
    pub(crate) cpu_us: f64,
    /// Latencies in microseconds.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// So many callers with one call each under way at any time; the worker's processor time counts too.
pub(crate) async fn measure<F>(
    span: Duration,
    callers: usize,
    worker: Option<u32>,
    call: impl Fn() -> F + Clone + Send + 'static,
) -> Sample
where
    F: Future<Output = ()> + Send + 'static,
{
    let (counts, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let callers: JoinSet<Vec<f64>> = (0..callers)
        .map(|_| {
            let (counts, over, call) = (counts.clone(), over.clone(), call.clone());
            async move {
                let mut latencies = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    call().await;
                    if counts.load(Ordering::Relaxed) {
                        latencies.push(began.elapsed().as_secs_f64() * 1e6);
                    }
                }
                latencies
            }
        })
        .collect();
    tokio::time::sleep(span / 8).await;
    let cpu = || cpu_time(process::id()) + worker.map_or(Duration::ZERO, cpu_time);
    let (spent, began) = (cpu(), Instant::now());
    counts.store(true, Ordering::Relaxed);
    tokio::time::sleep(span).await;
    counts.store(false, Ordering::Relaxed);
    let (spent, wall) = (cpu() - spent, began.elapsed());
    over.store(true, Ordering::Relaxed);
    let mut latencies = callers.join_all().await.concat();
    latencies.sort_by(f64::total_cmp);
    let quantile = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or(f64::NAN);
    let done = latencies.len() as f64;
    let (rate, cpu_us) = (done / wall.as_secs_f64(), spent.as_secs_f64() * 1e6 / done);
    Sample { rate, cpu_us, p50_us: quantile(50), p99_us: quantile(99) }
}

/// A loop on each of so many threads. Each signature follows the one before, so the latency is the mean.
pub(crate) fn raw<L: FnMut() + Send + 'static>(threads: usize, span: Duration, begin: impl Fn() -> L) -> Sample {
    let loops: Vec<L> = (0..threads).map(|_| begin()).collect();
    let (spent, began) = (cpu_time(process::id()), Instant::now());
    let running = loops.into_iter().map(|mut once| {
        thread::spawn(move || {
            let mut done = 0u64;
            while began.elapsed() < span {
                once();
                done += 1;
            }
            done
        })
    });
    let running: Vec<_> = running.collect();
    let done: u64 = running.into_iter().map(|thread| thread.join().unwrap()).sum();
    let (done, wall) = (done as f64, began.elapsed());
    let cpu_us = (cpu_time(process::id()) - spent).as_secs_f64() * 1e6 / done;
    let mean_us = wall.as_secs_f64() * 1e6 * threads as f64 / done;
    Sample { rate: done / wall.as_secs_f64(), cpu_us, p50_us: mean_us, p99_us: f64::NAN }
}

/// The median of several samples, each number by itself.
pub(crate) fn median(samples: &[Sample]) -> Sample {
    let of = |number: fn(&Sample) -> f64| {
        let mut numbers: Vec<f64> = samples.iter().map(number).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Sample { rate: of(|s| s.rate), cpu_us: of(|s| s.cpu_us), p50_us: of(|s| s.p50_us), p99_us: of(|s| s.p99_us) }
}
