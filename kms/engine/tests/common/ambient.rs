//! Time that the test advances, and chance that repeats.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hufu_core::ambient::{Clock, Rng, RngError};
use parking_lot::Mutex;

/// Wall time when a world begins, in milliseconds since the Unix epoch.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// How long callers wait, and tokens that are given a deadline by the engine itself, in milliseconds.
const PATIENCE_MS: u64 = 60_000;
/// Deadlines of callers lie so far ahead of real time that they cannot be mistaken for others.
const FAR: Duration = Duration::from_secs(1_000_000);

/// Milliseconds since a world began. It survives every crash.
pub(crate) struct SimTime {
    ms: AtomicU64,
    began: Instant,
}

impl SimTime {
    pub(crate) fn begin() -> Self {
        Self { ms: AtomicU64::new(0), began: Instant::now() }
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub(crate) fn ms(&self) -> u64 {
        self.ms.load(Ordering::Relaxed)
    }

    /// The deadline of a call that begins now: simulated time, written as an instant.
    pub(crate) fn deadline(&self) -> Instant {
        self.began + FAR + Duration::from_millis(self.ms() + PATIENCE_MS)
    }

    /// When a deadline is over, in simulated time. One of the engine's own is in real time, of which none passes here.
    pub(crate) fn until(&self, deadline: Instant) -> u64 {
        match deadline.checked_duration_since(self.began + FAR) {
            Some(simulated) => u64::try_from(simulated.as_millis()).unwrap(),
            None => self.ms() + PATIENCE_MS,
        }
    }
}

/// The clock of one start of a server.
pub(crate) struct SimClock {
    time: Arc<SimTime>,
    booted: u64,
    wall: AtomicU64,
}

impl SimClock {
    /// A clock whose wall time is so much ahead of the world's.
    pub(crate) fn new(time: Arc<SimTime>, ahead_ms: u64) -> Self {
        Self { booted: time.ms(), time, wall: AtomicU64::new(EPOCH_MS + ahead_ms) }
    }

    /// An operator sets the clock forward.
    pub(crate) fn jump(&self, ms: u64) {
        self.wall.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> u64 {
        self.wall.load(Ordering::Relaxed) + self.time.ms()
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(self.time.ms() - self.booted)
    }
}

/// SplitMix64: the same seed gives the same chances.
pub(crate) struct SimRng(Mutex<u64>);

impl SimRng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = *state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below a bound.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A place in a list of that length.
    pub(crate) fn index(&self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }

    /// True so often in ten thousand.
    pub(crate) fn chance(&self, in_ten_thousand: u64) -> bool {
        self.below(10_000) < in_ten_thousand
    }

    pub(crate) fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.index(from.len())]
    }
}

impl Rng for SimRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        for chunk in buffer.chunks_mut(8) {
            let word = self.next().to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}
