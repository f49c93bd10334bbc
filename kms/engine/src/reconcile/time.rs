//! Wall time held against uptime: a jump of the clock must not bring a destruction forward.

use std::time::Duration;

/// A jump of more than this freezes what waits for wall time.
const JUMP_MS_MAX: u64 = 300_000;

/// Notices jumps of the wall clock.
#[derive(Default)]
pub(crate) struct TimeGuard {
    /// Wall time and uptime at the first observation, in milliseconds.
    first: Option<(u64, u64)>,
    jumped: bool,
}

impl TimeGuard {
    /// Whether wall time may be trusted, having seen it so now. Once it jumped, it stays distrusted until a restart.
    pub(crate) fn observe(&mut self, wall_ms: u64, uptime: Duration) -> bool {
        let uptime_ms = u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX);
        let (first_wall, first_uptime) = *self.first.get_or_insert((wall_ms, uptime_ms));
        let expected = first_wall.saturating_add(uptime_ms.saturating_sub(first_uptime));
        self.jumped |= wall_ms.abs_diff(expected) > JUMP_MS_MAX;
        !self.jumped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_noticed_and_not_forgotten() {
        let at = Duration::from_secs;
        let mut guard = TimeGuard::default();
        assert!(guard.observe(1_000_000, at(10)));
        assert!(guard.observe(1_000_000 + 60_000, at(70)));
        assert!(guard.observe(1_000_000 + 200_000, at(70)), "drift below the limit");
        assert!(!guard.observe(1_000_000 + 61_000 + 300_001, at(71)));
        assert!(!guard.observe(1_000_000 + 62_000, at(72)));
        let mut backwards = TimeGuard::default();
        assert!(backwards.observe(10_000_000, at(1)));
        assert!(!backwards.observe(1_000, at(2)));
    }
}
