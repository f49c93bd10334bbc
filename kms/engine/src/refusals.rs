//! How many refusals of one principal are recorded: enough to see an attack, not so many that it fills the disk.

use std::sync::Arc;
use std::time::Duration;

use hufu_core::ambient::Clock;
use hufu_core::changeset::Subject;
use parking_lot::Mutex;
use quick_cache::unsync::Cache;

/// Refusals recorded at once.
const BURST: f64 = 50.0;
/// Refusals recorded a second, after the burst.
const PER_SECOND: f64 = 10.0;
/// Principals told apart.
const PRINCIPALS_MAX: usize = 4_096;

/// A token bucket for each principal.
pub(crate) struct Refusals {
    clock: Arc<dyn Clock>,
    buckets: Mutex<Cache<Subject, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Duration,
}

impl Refusals {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, buckets: Mutex::new(Cache::new(PRINCIPALS_MAX)) }
    }

    pub(crate) fn may_record(&self, principal: &Subject) -> bool {
        let now = self.clock.uptime();
        let mut buckets = self.buckets.lock();
        let bucket = buckets.get(principal).copied().unwrap_or(Bucket { tokens: BURST, filled_at: now });
        let gained = now.saturating_sub(bucket.filled_at).as_secs_f64() * PER_SECOND;
        let tokens = (bucket.tokens + gained).min(BURST);
        let allowed = tokens >= 1.0;
        let left = if allowed { tokens - 1.0 } else { tokens };
        buckets.insert(principal.clone(), Bucket { tokens: left, filled_at: now });
        allowed
    }
}
