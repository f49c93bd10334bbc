//! When the next worker may be started.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
/// No longer: a token that returns is to be served within about a second.
const MAX: Duration = Duration::from_secs(1);
/// A worker that served for so long has earned an immediate successor.
const LONG: Duration = Duration::from_secs(10);

/// Exponential back-off: the first restart is at once.
#[derive(Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A worker has ended after it served for so long; not at all if it never did. Answers how long to wait.
    pub(super) fn after(&mut self, served: Duration) -> Duration {
        if served >= LONG {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        match self.failures {
            1 => Duration::ZERO,
            more => FIRST.saturating_mul(2u32.saturating_pow(more.saturating_sub(2))).min(MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_slow_down_and_recover() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..12).map(|_| backoff.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000]);
        assert_eq!(backoff.after(LONG), Duration::ZERO);
        assert_eq!(backoff.after(Duration::ZERO), FIRST);
    }
}
