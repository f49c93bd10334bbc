//! How many calls a second a principal and its tenant may make.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hufu_core::name::TenantId;
use hufu_core::policy::Principal;
use hufu_core::{Error, Reason};
use quick_cache::sync::Cache;

/// Buckets remembered at most, of each kind. One that is forgotten starts full again.
const BUCKETS_MAX: usize = 16_384;

/// How much of a second's calls may come at once.
const BURST_NS: u64 = 1_000_000_000;

/// Token buckets of principals and tenants.
pub struct RateLimits {
    start: Instant,
    principals: Cache<[u8; 32], Arc<Bucket>>,
    tenants: Cache<TenantId, Arc<Bucket>>,
    principal_interval_ns: u64,
    tenant_interval_ns: u64,
}

/// A token bucket as one number (the generic cell rate algorithm): the time at which it will be full again.
#[derive(Default)]
struct Bucket(AtomicU64);

impl RateLimits {
    /// Limits in calls a second.
    #[must_use]
    pub fn new(principal_rate: u32, tenant_rate: u32) -> Self {
        Self {
            start: Instant::now(),
            principals: Cache::new(BUCKETS_MAX),
            tenants: Cache::new(BUCKETS_MAX),
            principal_interval_ns: BURST_NS / u64::from(principal_rate.max(1)),
            tenant_interval_ns: BURST_NS / u64::from(tenant_rate.max(1)),
        }
    }

    /// Counts one call.
    ///
    /// # Errors
    /// `RATE_LIMITED` when the principal or its tenant has used up its share.
    pub fn admit(&self, principal: &Principal, now: Instant) -> Result<(), Error> {
        let now_ns = u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let record = &principal.record;
        let own = bucket(&self.principals, &record.pin);
        if own.take(now_ns, self.principal_interval_ns)
            && bucket(&self.tenants, &record.tenant).take(now_ns, self.tenant_interval_ns)
        {
            return Ok(());
        }
        Err(Error::new(Reason::RateLimited, "more calls a second than the caller or its tenant may make"))
    }
}

fn bucket<K: std::hash::Hash + Eq + Clone>(buckets: &Cache<K, Arc<Bucket>>, key: &K) -> Arc<Bucket> {
    buckets.get(key).unwrap_or_else(|| {
        let bucket = Arc::new(Bucket::default());
        buckets.insert(key.clone(), bucket.clone());
        bucket
    })
}

impl Bucket {
    fn take(&self, now_ns: u64, interval_ns: u64) -> bool {
        let next = |full_at: u64| {
            let full_at = full_at.max(now_ns);
            (full_at - now_ns < BURST_NS).then(|| full_at.saturating_add(interval_ns))
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hufu_core::changeset::Subject;
    use hufu_core::name::PrincipalId;
    use hufu_core::record::{PrincipalRecord, Role};

    use super::*;

    fn principal(pin: u8) -> Principal {
        let record = PrincipalRecord {
            id: PrincipalId::parse("app").unwrap(),
            tenant: TenantId::parse("dev").unwrap(),
            role: Role::Application,
            active: true,
            pin: [pin; 32],
            created_at: 0,
        };
        Principal { record: Arc::new(record), subject: Subject::new("s"), label: "l".into(), epoch: 0 }
    }

    fn admitted(limits: &RateLimits, pin: u8, calls: usize, now: Instant) -> usize {
        (0..calls).filter(|_| limits.admit(&principal(pin), now).is_ok()).count()
    }

    #[test]
    fn a_principal_has_its_share_and_no_more() {
        let limits = RateLimits::new(100, 1_000);
        let now = Instant::now();
        assert_eq!(admitted(&limits, 1, 300, now), 100);
        assert_eq!(admitted(&limits, 2, 300, now), 100, "another principal is not touched");
        assert_eq!(admitted(&limits, 1, 300, now + Duration::from_millis(500)), 50);
        assert_eq!(admitted(&limits, 1, 300, now + Duration::from_secs(60)), 100);
        let error = limits.admit(&principal(1), now).unwrap_err();
        assert_eq!(error.reason(), Reason::RateLimited);
    }

    #[test]
    fn a_tenant_has_its_share_and_no_more() {
        let limits = RateLimits::new(100, 125);
        let now = Instant::now();
        assert_eq!(admitted(&limits, 1, 100, now) + admitted(&limits, 2, 100, now), 125);
    }
}
