//! Keeps the log from being flooded by what strangers do.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets through a number of lines in each period.
pub(super) struct Quota {
    lines_max: u32,
    period: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    began: Option<Instant>,
    told: u32,
    left_out: u64,
}

impl Quota {
    pub(super) fn new(lines_max: u32, period: Duration) -> Self {
        Self { lines_max, period, state: Mutex::default() }
    }

    /// Whether a line may be written now, and how many were left out since the last one.
    pub(super) fn take(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.began.is_none_or(|began| now.saturating_duration_since(began) >= self.period) {
            state.began = Some(now);
            state.told = 0;
        }
        if state.told >= self.lines_max {
            state.left_out = state.left_out.saturating_add(1);
            return None;
        }
        state.told += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_quota_are_counted_and_told_of_later() {
        let quota = Quota::new(2, Duration::from_secs(10));
        let begin = Instant::now();
        let take = |seconds| quota.take(begin + Duration::from_secs(seconds));
        assert_eq!((take(0), take(1), take(2), take(9)), (Some(0), Some(0), None, None));
        assert_eq!((take(10), take(11), take(12)), (Some(2), Some(0), None));
    }
}
