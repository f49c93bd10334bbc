use std::time::{Duration, SystemTime};

use prost_types::Timestamp;

/// The instant of a protobuf timestamp; `None` when it is absent or cannot be represented.
pub fn instant(timestamp: Option<Timestamp>) -> Option<SystemTime> {
    SystemTime::try_from(timestamp?).ok()
}

/// The whole seconds of a protobuf duration; `None` when it is absent or negative.
pub fn seconds(duration: Option<prost_types::Duration>) -> Option<u64> {
    u64::try_from(duration?.seconds).ok()
}

pub(crate) fn timestamp(instant: SystemTime) -> Timestamp {
    Timestamp::from(instant)
}

/// `None` when it is longer than protobuf can say.
pub(crate) fn duration(duration: Duration) -> Option<prost_types::Duration> {
    prost_types::Duration::try_from(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_763_600_000_123);
        assert_eq!(instant(Some(timestamp(now))), Some(now));
        assert_eq!(seconds(duration(Duration::from_secs(90))), Some(90));
    }

    #[test]
    fn what_cannot_be_represented_is_none() {
        let negative = prost_types::Duration { seconds: -1, nanos: 0 };
        assert_eq!(seconds(Some(negative)), None);
        assert_eq!(duration(Duration::MAX), None);
        assert_eq!(instant(None), None);
    }
}
