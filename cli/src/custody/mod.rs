//! What the commands of custodians have in common: the files that people carry, the keys, the roster that was pinned, shares.

pub(crate) mod access;
pub(crate) mod files;
pub(crate) mod share;
pub(crate) mod tpm;
pub(crate) mod transcripts;

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, by the custodian's own clock. Times before are 0.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
