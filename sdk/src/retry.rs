use std::time::Duration;

use crate::Error;

/// When a call may be repeated without the caller's knowledge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing, or has a request id: whenever the service or the connection fails for a moment.
    Safe,
    /// It uses a key: only when the service says that nothing was done and when to come back, or, once, that it has
    /// withheld the output. It does so when it had not heard yet of a change through another of its servers, which may
    /// be the key's own creation.
    WhenAsked,
}

/// Reason of an output that was made and not given out.
const WITHHELD: &str = "REVOKED_MEANWHILE";
/// Attempts in all.
const ATTEMPTS_MAX: u32 = 5;
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// How long to wait before the next attempt, or `None` when there is none: `attempts` were made, the last gave `error`.
pub(crate) fn pause(repeat: Repeat, error: &Error, attempts: u32, random: u32) -> Option<Duration> {
    if attempts >= ATTEMPTS_MAX {
        return None;
    }
    let asked = match (error, repeat) {
        (Error::Refused { reason, .. }, Repeat::WhenAsked) if reason == WITHHELD => {
            return (attempts == 1).then_some(Duration::ZERO);
        }
        (Error::Unavailable { reason, .. }, _) if reason == "DEADLINE_EXCEEDED" || reason == "RATE_LIMITED" => {
            return None;
        }
        (Error::Unavailable { retry_after, .. }, Repeat::Safe) => *retry_after,
        (Error::Unavailable { retry_after, .. }, Repeat::WhenAsked) => Some((*retry_after)?),
        (Error::Transport { .. }, Repeat::Safe) => None,
        _ => return None,
    };
    let backoff = PAUSE_FIRST.saturating_mul(1 << (attempts.saturating_sub(1)).min(16));
    let longest = backoff.max(asked.unwrap_or_default()).min(PAUSE_MAX);
    Some(jitter(longest, asked.unwrap_or_default().min(PAUSE_MAX), random))
}

/// Somewhere between half of the longest pause and all of it, but not before `floor`.
fn jitter(longest: Duration, floor: Duration, random: u32) -> Duration {
    let share = f64::from(random) / f64::from(u32::MAX);
    longest.mul_f64(0.5 + share / 2.0).max(floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable(retry_after: Option<Duration>) -> Error {
        Error::Unavailable {
            reason: "STORAGE_UNAVAILABLE".to_owned(),
            message: String::new(),
            retry_after,
            help: None,
        }
    }

    fn broken() -> Error {
        Error::Transport { message: String::new(), help: None }
    }

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> =
            (1..=ATTEMPTS_MAX).map(|n| pause(Repeat::Safe, &broken(), n, u32::MAX).map(|p| p.as_millis())).collect();
        assert_eq!(pauses, [Some(100), Some(200), Some(400), Some(800), None]);
        assert_eq!(pause(Repeat::Safe, &broken(), 1, 0), Some(Duration::from_millis(50)));
    }

    #[test]
    fn the_service_is_heard_within_limits() {
        let wait = |ms| pause(Repeat::Safe, &unavailable(Some(Duration::from_millis(ms))), 1, 0);
        assert_eq!(wait(700), Some(Duration::from_millis(700)));
        assert_eq!(wait(60_000), Some(PAUSE_MAX));
    }

    #[test]
    fn uses_of_keys_are_repeated_only_when_asked() {
        let repeat = Repeat::WhenAsked;
        assert_eq!(pause(repeat, &broken(), 1, 0), None);
        assert_eq!(pause(repeat, &unavailable(None), 1, 0), None);
        assert!(pause(repeat, &unavailable(Some(Duration::ZERO)), 1, 0).is_some());
    }

    #[test]
    fn a_withheld_output_is_asked_for_once_more() {
        let withheld =
            Error::Refused { reason: WITHHELD.to_owned(), message: String::new(), field: None, help: None };
        let again = |attempts| pause(Repeat::WhenAsked, &withheld, attempts, 0);
        assert_eq!((again(1), again(2)), (Some(Duration::ZERO), None));
    }

    #[test]
    fn refusals_are_final() {
        let refused = Error::Refused { reason: String::new(), message: String::new(), field: None, help: None };
        assert_eq!(pause(Repeat::Safe, &refused, 1, 0), None);
    }
}
