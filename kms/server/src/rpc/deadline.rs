//! Until when a caller waits.

use std::time::{Duration, Instant};

use hufu_core::{Error, Reason};
use tonic::metadata::MetadataMap;

/// Taken off a caller's timeout, so that the documented answer is on its way before the caller gives up.
const MARGIN_MAX: Duration = Duration::from_millis(10);

/// The deadline of a call: what `grpc-timeout` says, at most `longest` from now.
#[must_use]
pub(super) fn deadline(metadata: &MetadataMap, now: Instant, longest: Duration) -> Instant {
    let asked = metadata.get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?));
    now + asked.map_or(longest, |timeout| shortened(timeout).min(longest))
}

/// Waits for an answer until the deadline.
///
/// # Errors
/// `DEADLINE_EXCEEDED` when there is none by then.
pub(super) async fn within<T>(deadline: Instant, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout_at(deadline.into(), answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::new(Reason::DeadlineExceeded, "the deadline passed before there was an answer")),
    }
}

fn shortened(timeout: Duration) -> Duration {
    timeout - MARGIN_MAX.min(timeout / 10)
}

/// Reads `TimeoutValue TimeoutUnit` of the gRPC specification: at most eight digits and one of `HMSmun`.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3_600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(timeout: Option<&str>) -> Duration {
        let mut metadata = MetadataMap::new();
        if let Some(timeout) = timeout {
            metadata.insert("grpc-timeout", timeout.parse().unwrap());
        }
        let now = Instant::now();
        deadline(&metadata, now, Duration::from_secs(30)) - now
    }

    #[test]
    fn timeouts_are_capped() {
        assert_eq!(wait(None), Duration::from_secs(30));
        assert_eq!(wait(Some("1H")), Duration::from_secs(30));
        assert_eq!(wait(Some("99999999H")), Duration::from_secs(30));
        assert_eq!(wait(Some("2S")), Duration::from_millis(1_990));
        assert_eq!(wait(Some("50m")), Duration::from_millis(45));
        assert_eq!(wait(Some("0n")), Duration::ZERO);
    }

    #[test]
    fn malformed_timeouts_count_as_none() {
        for text in ["", "S", "5", "5x", "-5S", "123456789S", " 5S"] {
            assert_eq!(wait(Some(text)), Duration::from_secs(30), "{text}");
        }
    }

    #[tokio::test]
    async fn waiting_ends_at_the_deadline() {
        let never = std::future::pending::<Result<(), Error>>();
        let error = within(Instant::now(), never).await.unwrap_err();
        assert_eq!(error.reason(), Reason::DeadlineExceeded);
    }
}
