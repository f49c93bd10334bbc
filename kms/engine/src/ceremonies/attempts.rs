//! When ceremonies whose work failed are tried again: each failure makes the wait twice as long. In memory alone: a server that has just
//! been started tries everything at once.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

/// The wait after the first failure.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest wait.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(64);

/// Failed attempts, by the number of the ceremony: at most one for each that is open.
#[derive(Default)]
pub(super) struct Attempts(Mutex<BTreeMap<u64, Attempt>>);

struct Attempt {
    wait: Duration,
    /// By this server's own uptime.
    next: Duration,
}

impl Attempts {
    /// Whether a ceremony is tried now.
    pub(super) fn is_due(&self, number: u64, now: Duration) -> bool {
        self.0.lock().get(&number).is_none_or(|attempt| attempt.next <= now)
    }

    /// Notes what came of an attempt.
    pub(super) fn note(&self, number: u64, now: Duration, has_failed: bool) {
        let mut all = self.0.lock();
        if !has_failed {
            all.remove(&number);
            return;
        }
        let wait = all.get(&number).map_or(WAIT_MIN, |attempt| attempt.wait.saturating_mul(2).min(WAIT_MAX));
        all.insert(number, Attempt { wait, next: now.saturating_add(wait) });
    }

    /// Forgets those that are not open any more.
    pub(super) fn keep(&self, is_open: impl Fn(u64) -> bool) {
        self.0.lock().retain(|number, _| is_open(*number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_a_minute_or_so() {
        let attempts = Attempts::default();
        let (mut now, mut waits) = (Duration::ZERO, Vec::new());
        for _ in 0..9 {
            attempts.note(1, now, true);
            let due = (0..=64).find(|after| attempts.is_due(1, now + Duration::from_secs(*after))).unwrap();
            waits.push(due);
            now += Duration::from_secs(due);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        assert!(attempts.is_due(2, Duration::ZERO), "others do not wait for it");
        attempts.note(1, now, false);
        assert!(attempts.is_due(1, now));
        attempts.note(1, now, true);
        attempts.keep(|number| number != 1);
        assert!(attempts.is_due(1, now));
    }
}
