//! Timestamps and durations: milliseconds inside, `google.protobuf` outside.

use hufu_core::Error;
use prost_types::{Duration, Timestamp};

use super::invalid;

const MS: u64 = 1_000;
const NS_PER_MS: i32 = 1_000_000;
/// 9999-12-31T23:59:59Z, the end of what a Timestamp may be.
const SECONDS_MAX: u64 = 253_402_300_799;

/// A time on the wire.
#[must_use]
pub fn timestamp(ms: u64) -> Timestamp {
    let seconds = i64::try_from((ms / MS).min(SECONDS_MAX)).unwrap_or_default();
    Timestamp { seconds, nanos: nanos(ms) }
}

/// A time on the wire that may be missing.
#[must_use]
pub fn optional_timestamp(ms: Option<u64>) -> Option<Timestamp> {
    ms.map(timestamp)
}

/// Reads a time, from 1970 to 9999; what is finer than a millisecond is cut off.
///
/// # Errors
/// `INVALID_ARGUMENT` outside that range.
pub fn from_timestamp(time: Option<Timestamp>, field: &'static str) -> Result<Option<u64>, Error> {
    let Some(time) = time else { return Ok(None) };
    let ms = join(time.seconds, time.nanos).filter(|ms| ms / MS <= SECONDS_MAX);
    ms.map(Some).ok_or_else(|| invalid(field, "a time lies between 1970 and 9999"))
}

/// A duration on the wire.
#[must_use]
pub fn duration(ms: u64) -> Duration {
    Duration { seconds: i64::try_from(ms / MS).unwrap_or(i64::MAX), nanos: nanos(ms) }
}

/// Reads a duration of zero or more, in milliseconds; what is finer is cut off.
///
/// # Errors
/// `INVALID_ARGUMENT` for a negative or malformed one.
pub fn from_duration(duration: Duration, field: &'static str) -> Result<u64, Error> {
    join(duration.seconds, duration.nanos).ok_or_else(|| invalid(field, "a duration is not negative"))
}

fn nanos(ms: u64) -> i32 {
    i32::try_from(ms % MS).unwrap_or_default() * NS_PER_MS
}

fn join(seconds: i64, nanos: i32) -> Option<u64> {
    let part = u64::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)? / NS_PER_MS.unsigned_abs() as u64;
    u64::try_from(seconds).ok()?.checked_mul(MS)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_to_the_millisecond() {
        for ms in [0, 1, 999, 1_000, 1_700_000_000_123, SECONDS_MAX * MS + 999] {
            assert_eq!(from_timestamp(Some(timestamp(ms)), "t").unwrap(), Some(ms));
            assert_eq!(from_duration(duration(ms), "d").unwrap(), ms);
        }
        assert_eq!(from_timestamp(None, "t").unwrap(), None);
        let _ = timestamp(u64::MAX);
    }

    #[test]
    fn malformed_times_are_refused() {
        for (seconds, nanos) in [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, i32::MIN)] {
            assert!(from_timestamp(Some(Timestamp { seconds, nanos }), "t").is_err());
            let duration = from_duration(Duration { seconds, nanos }, "d");
            assert!(duration.is_err(), "{seconds} {nanos}");
        }
    }
}
