//! Points in time. This crate has no clock: each comes with a request or an event.

use std::time::{Duration, UNIX_EPOCH};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Deserializer};
use toml::value::Datetime;

/// After the last point in time that is read or shown: 9999-12-31T23:59:59Z, in milliseconds.
const MS_MAX: u64 = 253_402_300_799_000;

/// When something happened, by two clocks. Neither may run backwards from one event to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct At {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[n(0)]
    pub wall_ms: u64,
    /// How long the service has been running, in milliseconds, added up over all its restarts; nobody can set it. Time in
    /// which the service did not run is not in it.
    #[n(1)]
    pub uptime_ms: u64,
}

impl At {
    /// Whether neither clock is behind another point in time.
    #[must_use]
    pub fn follows(&self, earlier: &Self) -> bool {
        self.wall_ms >= earlier.wall_ms && self.uptime_ms >= earlier.uptime_ms
    }

    /// How much of a wait that began at another point in time is left, in milliseconds: both clocks must have passed it.
    #[must_use]
    pub fn left_ms(&self, since: &Self, wait_ms: u64) -> u64 {
        let left = |now: u64, then: u64| wait_ms.saturating_sub(now.saturating_sub(then));
        left(self.wall_ms, since.wall_ms).max(left(self.uptime_ms, since.uptime_ms))
    }
}

/// Milliseconds since 1970 as RFC 3339 in UTC; to the second where it is a whole one.
#[must_use]
pub fn show(ms: u64) -> String {
    if ms > MS_MAX {
        return format!("{ms} ms after 1970");
    }
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(ms)).unwrap_or(UNIX_EPOCH);
    if ms.is_multiple_of(1000) {
        humantime::format_rfc3339_seconds(at).to_string()
    } else {
        humantime::format_rfc3339_millis(at).to_string()
    }
}

/// A point in time in a file, as TOML has it: with date, time to the second, and `Z`.
pub(crate) fn from_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = Datetime::deserialize(deserializer)?.to_string();
    let refused = || serde::de::Error::custom("a point in time is written as `2026-11-21T09:00:00Z`");
    let at = humantime::parse_rfc3339(&text).map_err(|_| refused())?;
    let since = at.duration_since(UNIX_EPOCH).map_err(|_| refused())?;
    let ms = u64::try_from(since.as_millis()).map_err(|_| refused())?;
    // Other spellings of the same moment, and leap seconds, are read as something else than what stands there.
    if show(ms) == text { Ok(ms) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        #[serde(deserialize_with = "from_file")]
        at: u64,
    }

    #[test]
    fn a_point_in_time_has_one_spelling() {
        let read = |text: &str| toml::from_str::<File>(&format!("at = {text}")).map(|file| file.at);
        assert_eq!(read("2026-11-21T09:00:00Z").unwrap(), 1_795_251_600_000);
        assert_eq!(show(1_795_251_600_000), "2026-11-21T09:00:00Z");
        assert_eq!(show(1_795_251_600_001), "2026-11-21T09:00:00.001Z");
        assert_eq!(show(u64::MAX), "18446744073709551615 ms after 1970");
        for bad in [
            "2026-11-21T09:00:00+01:00",
            "2026-11-21T09:00:00",
            "2026-11-21",
            "\"2026-11-21T09:00:00Z\"",
            "1795251600",
            "1969-12-31T23:59:59Z",
            "2026-12-31T23:59:60Z",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wait_is_over_when_both_clocks_say_so() {
        let at = |wall_ms, uptime_ms| At { wall_ms, uptime_ms };
        let since = at(1000, 10);
        assert_eq!(at(1000, 10).left_ms(&since, 60), 60);
        assert_eq!(at(9000, 50).left_ms(&since, 60), 20);
        assert_eq!(at(1040, 90).left_ms(&since, 60), 20);
        assert_eq!(at(1060, 70).left_ms(&since, 60), 0);
        assert!(at(1000, 10).follows(&since) && !at(999, 11).follows(&since) && !at(1001, 9).follows(&since));
    }
}
