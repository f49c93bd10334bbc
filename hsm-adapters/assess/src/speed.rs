//! Speed against the number of sessions in use, and whether every signature made so is right.

use std::time::{Duration, Instant};

use hufu_core::backend::{BackendError, KeyBackend, KeyHandle};

use crate::keys::{sign, verifies};
use crate::report::Speed;

/// How many callers are at work: each keeps one session busy.
pub(crate) const CALLERS: [u8; 4] = [1, 2, 4, 8];

/// Signatures of one caller that are kept and verified afterwards.
const KEPT_MAX: usize = 256;
/// Latencies of one caller that are kept.
const SAMPLES_MAX: usize = 1 << 20;

struct Worked {
    latencies: Vec<Duration>,
    kept: Vec<(Vec<u8>, Vec<u8>)>,
    errors: Vec<BackendError>,
}

/// Lets so many callers sign for a while; each in a thread of its own.
pub(crate) async fn measure(
    backend: &dyn KeyBackend,
    verifier: &dyn KeyBackend,
    key: &KeyHandle,
    (callers, time): (u8, Duration),
) -> Speed {
    let began = Instant::now();
    let until = began + time;
    let worked: Vec<Worked> = std::thread::scope(|scope| {
        let work = |caller| move || block_on(work(backend, key, caller, until));
        let threads: Vec<_> = (0..callers).map(|caller| scope.spawn(work(caller))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    });
    let elapsed = began.elapsed();
    let mut wrong = 0;
    for (message, signature) in worked.iter().flat_map(|worked| &worked.kept) {
        wrong += usize::from(!verifies(verifier, key, message, signature).await);
    }
    let mut latencies: Vec<Duration> = worked.iter().flat_map(|worked| worked.latencies.iter().copied()).collect();
    latencies.sort_unstable();
    Speed {
        sessions: callers,
        signatures: latencies.len(),
        signatures_per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
        p50_us: percentile(&latencies, 50),
        p99_us: percentile(&latencies, 99),
        verified: worked.iter().map(|worked| worked.kept.len()).sum(),
        wrong,
        errors: worked.iter().map(|worked| worked.errors.len()).sum::<usize>() + usize::from(callers) - worked.len(),
        first_error: worked.iter().find_map(|worked| worked.errors.first()).map(ToString::to_string),
    }
}

async fn work(backend: &dyn KeyBackend, key: &KeyHandle, caller: u8, until: Instant) -> Worked {
    let mut worked = Worked { latencies: Vec::new(), kept: Vec::new(), errors: Vec::new() };
    let mut round = 0_u64;
    while Instant::now() < until && worked.latencies.len() < SAMPLES_MAX && worked.errors.len() < 16 {
        let message = [&[caller][..], &round.to_be_bytes()].concat();
        let began = Instant::now();
        match sign(backend, key, &message).await {
            Ok(signature) => {
                worked.latencies.push(began.elapsed());
                if worked.kept.len() < KEPT_MAX {
                    worked.kept.push((message, signature));
                }
            }
            Err(error) => worked.errors.push(error),
        }
        round += 1;
    }
    worked
}

fn block_on<T>(future: impl Future<Output = T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.ok().map(|runtime| runtime.block_on(future))
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let latencies: Vec<Duration> = (1..=100).map(Duration::from_micros).collect();
        assert!((percentile(&latencies, 50) - 51.0).abs() < 1e-6);
        assert!((percentile(&latencies, 99) - 100.0).abs() < 1e-6);
        assert!(percentile(&[], 99).abs() < 1e-6);
    }
}
