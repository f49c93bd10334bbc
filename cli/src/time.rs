//! Times and durations as they are written and read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// First second of the year 10000, which RFC 3339 cannot write.
const END_SECONDS: u64 = 253_402_300_800;

/// RFC 3339 in UTC with milliseconds; `None` before 1970 and after 9999.
pub(crate) fn rfc3339(time: SystemTime) -> Option<String> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    (since.as_secs() < END_SECONDS).then(|| humantime::format_rfc3339_millis(time).to_string())
}

/// The same of milliseconds since the Unix epoch.
pub(crate) fn rfc3339_millis(millis: u64) -> Option<String> {
    rfc3339(UNIX_EPOCH.checked_add(Duration::from_millis(millis))?)
}

/// Reads `2025-01-31T12:00:00Z`.
pub(crate) fn parse_time(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text).map_err(|_| "write it as 2025-01-31T12:00:00Z, in UTC".to_owned())
}

/// Reads `90d`, `24h`, `1h 30m`, `0s`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it as 30d, 24h or 1h 30m"))
}

/// The same for people: `90 days`, `1 day 12h`. Months and years, which have no fixed length, are never written.
pub(crate) fn duration_text(duration: Duration) -> String {
    const DAY: u64 = 86_400;
    let days = duration.as_secs() / DAY;
    let rest = duration.saturating_sub(Duration::from_secs(days * DAY));
    let days_text = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    match (days, rest.is_zero()) {
        (0, _) => humantime::format_duration(rest).to_string(),
        (_, true) => days_text,
        (_, false) => format!("{days_text} {}", humantime::format_duration(rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back() {
        let time = parse_time("2025-01-31T12:00:00Z").unwrap();
        assert_eq!(rfc3339(time).as_deref(), Some("2025-01-31T12:00:00.000Z"));
        assert!(parse_time("yesterday").is_err());
        assert!(parse_time("2025-01-31").is_err());
    }

    #[test]
    fn times_that_cannot_be_written_are_none() {
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(END_SECONDS)), None);
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), None);
        assert_eq!(rfc3339_millis(u64::MAX), None);
        assert_eq!(rfc3339_millis(1).as_deref(), Some("1970-01-01T00:00:00.001Z"));
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("1h 30m").unwrap(), Duration::from_secs(5400));
        assert_eq!(parse_duration("0s").unwrap(), Duration::ZERO);
        let text = |text| duration_text(parse_duration(text).unwrap());
        assert_eq!([text("90d"), text("24h"), text("36h")], ["90 days", "1 day", "1 day 12h"]);
        assert_eq!([text("1h 30m"), text("0s")], ["1h 30m", "0s"]);
        assert!(parse_duration("soon").is_err());
        assert!(parse_duration("-1s").is_err());
    }
}
