//! The table `[retire]` of the configuration: algorithm and date, as the rules take them.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use hufu_core::algorithm::Algorithm;
use hufu_core::rules::Retirement;

use crate::config::ConfigError;

/// Reads the retirements.
pub(crate) fn retirements(configured: &BTreeMap<String, String>) -> Result<Vec<Retirement>, ConfigError> {
    configured.iter().map(|(name, date)| retirement(name, date)).collect()
}

fn retirement(name: &str, date: &str) -> Result<Retirement, ConfigError> {
    let invalid = |problem: String| ConfigError::Invalid { field: "retire", problem };
    let algorithm = Algorithm::by_name(name).ok_or_else(|| invalid(format!("there is no algorithm `{name}`")))?;
    let midnight = humantime::parse_rfc3339(&format!("{date}T00:00:00Z"));
    let from = midnight.map_err(|_| invalid(format!("`{date}` is no date, such as `2030-12-31`")))?;
    let since = from.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Retirement { algorithm, from_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_midnight_utc() {
        let read = retirement("rsa2048", "2031-01-01").unwrap();
        assert_eq!(read, Retirement { algorithm: Algorithm::Rsa2048, from_ms: 1_924_992_000_000 });
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (name, date) in [("rsa1024", "2031-01-01"), ("rsa2048", "soon"), ("rsa2048", "2031-02-30"), ("", "")] {
            assert!(retirement(name, date).is_err(), "{name} {date}");
        }
    }
}
