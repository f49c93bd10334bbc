//! What share of the server a principal and its tenant may have: calls a second, and operations at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hufu_core::name::TenantId;
use hufu_core::policy::Principal;
use hufu_core::{Error, Reason};
use quick_cache::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Method;
use crate::limits::Limits;

/// Shares remembered at most, of each kind. One that is forgotten starts anew.
const SHARES_MAX: usize = 16_384;

/// How much of a second's calls may come at once.
const BURST_NS: u64 = 1_000_000_000;

/// The shares of principals and tenants.
pub(crate) struct Shares {
    start: Instant,
    principals: Cache<[u8; 32], Arc<Bucket>>,
    tenants: Cache<TenantId, Arc<TenantShare>>,
    principal_interval_ns: u64,
    tenant_interval_ns: u64,
    tenant_operations: usize,
}

/// What the principals of a tenant share.
pub(crate) struct TenantShare {
    calls: Bucket,
    operations: Arc<Semaphore>,
    operations_max: usize,
}

/// Leave to work on a call; dropping it lets the tenant's next one in.
pub(crate) struct Turn(#[expect(dead_code, reason = "held until the call has ended")] OwnedSemaphorePermit);

/// A token bucket as one number (the generic cell rate algorithm): the time at which it will be full again.
#[derive(Default)]
struct Bucket(AtomicU64);

impl Shares {
    /// Shares within limits.
    #[must_use]
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            start: Instant::now(),
            principals: Cache::new(SHARES_MAX),
            tenants: Cache::new(SHARES_MAX),
            principal_interval_ns: BURST_NS / u64::from(limits.principal_rate.max(1)),
            tenant_interval_ns: BURST_NS / u64::from(limits.tenant_rate.max(1)),
            tenant_operations: limits.tenant_operations,
        }
    }

    /// Counts one call. The answer is the share that its tenant works in.
    ///
    /// # Errors
    /// `RATE_LIMITED` when the principal or its tenant has used up its share of calls.
    pub(crate) fn admit(&self, principal: &Principal, now: Instant) -> Result<Arc<TenantShare>, Error> {
        let now_ns = u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let record = &principal.record;
        let own = remembered(&self.principals, &record.pin, Bucket::default);
        let tenant = remembered(&self.tenants, &record.tenant, || TenantShare::new(self.tenant_operations));
        if own.take(now_ns, self.principal_interval_ns) && tenant.calls.take(now_ns, self.tenant_interval_ns) {
            return Ok(tenant);
        }
        Err(Error::new(Reason::RateLimited, "more calls a second than the caller or its tenant may make"))
    }
}

impl TenantShare {
    fn new(operations_max: usize) -> Self {
        Self { calls: Bucket::default(), operations: Arc::new(Semaphore::new(operations_max)), operations_max }
    }

    /// Waits, first come first served, until the tenant's calls under way leave room for one more: a tenant that asks
    /// for much waits for itself, and no other tenant waits for it.
    ///
    /// # Errors
    /// Never, as long as the server runs.
    pub(crate) async fn turn(&self, method: Method) -> Result<Turn, Error> {
        let operations = method.operations().min(self.operations_max);
        let permits = u32::try_from(operations).unwrap_or(u32::MAX);
        self.operations.clone().acquire_many_owned(permits).await.map(Turn).map_err(Error::internal)
    }
}

fn remembered<K: std::hash::Hash + Eq + Clone, V>(
    shares: &Cache<K, Arc<V>>,
    key: &K,
    fresh: impl FnOnce() -> V,
) -> Arc<V> {
    shares.get(key).unwrap_or_else(|| {
        let share = Arc::new(fresh());
        shares.insert(key.clone(), share.clone());
        share
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

    fn shares(principal_rate: u32, tenant_rate: u32) -> Shares {
        Shares::new(&Limits { principal_rate, tenant_rate, tenant_operations: 10, ..Limits::default() })
    }

    fn admitted(shares: &Shares, pin: u8, calls: usize, now: Instant) -> usize {
        (0..calls).filter(|_| shares.admit(&principal(pin), now).is_ok()).count()
    }

    #[test]
    fn a_principal_has_its_share_and_no_more() {
        let shares = shares(100, 1_000);
        let now = Instant::now();
        assert_eq!(admitted(&shares, 1, 300, now), 100);
        assert_eq!(admitted(&shares, 2, 300, now), 100, "another principal is not touched");
        assert_eq!(admitted(&shares, 1, 300, now + Duration::from_millis(500)), 50);
        assert_eq!(admitted(&shares, 1, 300, now + Duration::from_secs(60)), 100);
        let error = shares.admit(&principal(1), now).err().unwrap();
        assert_eq!(error.reason(), Reason::RateLimited);
    }

    #[test]
    fn a_tenant_has_its_share_and_no_more() {
        let shares = shares(100, 125);
        let now = Instant::now();
        assert_eq!(admitted(&shares, 1, 100, now) + admitted(&shares, 2, 100, now), 125);
    }

    #[tokio::test]
    async fn a_tenant_waits_for_itself() {
        let shares = shares(100, 100);
        let now = Instant::now();
        let one = shares.admit(&principal(1), now).unwrap();
        let same = shares.admit(&principal(2), now).unwrap();
        let batch = one.turn(Method::SignBatch).await.unwrap();
        let _signing = [same.turn(Method::Sign).await.unwrap(), same.turn(Method::Sign).await.unwrap()];
        let mut next = Box::pin(same.turn(Method::Sign));
        assert!(tokio::time::timeout(Duration::from_millis(10), &mut next).await.is_err(), "all is taken");
        drop(batch);
        assert!(next.await.is_ok());
    }
}
