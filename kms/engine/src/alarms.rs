//! What needs a person. Bounded; each alarm is audited once and shown in the status until the server restarts.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hufu_core::ambient::Clock;
use parking_lot::Mutex;

use crate::api::Alarm;

/// Most alarms kept; later ones are logged alone.
const ALARMS_MAX: usize = 1_024;

/// Most resources locked by name; those past it are judged anew at each load.
const LOCKED_MAX: usize = 100_000;
/// The alarm that locks a resource.
pub(crate) const QUARANTINE: &str = "quarantine";
/// The alarm about a key that is being destroyed, of which a holder has not deleted its share.
pub(crate) const SHARE_LEFT: &str = "holder-keeps-share";
/// The alarm about a holder that did what no honest one does.
pub(crate) const MISBEHAVED: &str = "holder-misbehaved";

/// The alarms of this server.
pub struct Alarms {
    clock: Arc<dyn Clock>,
    raised: Mutex<Raised>,
    /// Number of locks so far: what was read before the newest one is read again.
    locks: AtomicU64,
}

#[derive(Default)]
struct Raised {
    all: Vec<Alarm>,
    /// Resources that are locked, whether or not their alarm was kept.
    locked: HashSet<String>,
    audited: usize,
}

impl Alarms {
    /// No alarms yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, raised: Mutex::default(), locks: AtomicU64::new(0) }
    }

    /// Raises an alarm, once for each kind and resource.
    pub fn raise(&self, kind: &'static str, resource: &str, detail: &str) {
        let mut raised = self.raised.lock();
        if kind == QUARANTINE && raised.locked.len() < LOCKED_MAX && raised.locked.insert(resource.to_owned()) {
            self.locks.fetch_add(1, Ordering::Release);
        }
        if raised.all.iter().any(|alarm| alarm.kind == kind && alarm.resource == resource) {
            return;
        }
        tracing::error!(kind, resource, detail, "alarm");
        if raised.all.len() < ALARMS_MAX {
            let at = self.clock.now_ms();
            raised.all.push(Alarm { kind, resource: resource.to_owned(), detail: detail.to_owned(), at });
        }
    }

    /// Number of resources locked so far.
    pub(crate) fn locks(&self) -> u64 {
        self.locks.load(Ordering::Acquire)
    }

    /// Whether the resource is locked because stored data disagree.
    #[must_use]
    pub fn is_quarantined(&self, resource: &str) -> bool {
        self.raised.lock().locked.contains(resource)
    }

    /// Whether there is such an alarm.
    #[must_use]
    pub fn is_raised(&self, kind: &str, resource: &str) -> bool {
        self.raised.lock().all.iter().any(|alarm| alarm.kind == kind && alarm.resource == resource)
    }

    /// All alarms.
    #[must_use]
    pub fn all(&self) -> Vec<Alarm> {
        self.raised.lock().all.clone()
    }

    /// Alarms that the audit trail does not know yet.
    pub(crate) fn unaudited(&self) -> Vec<Alarm> {
        let raised = self.raised.lock();
        raised.all.get(raised.audited..).unwrap_or_default().to_vec()
    }

    /// So many more are in the audit trail now.
    pub(crate) fn audited(&self, count: usize) {
        self.raised.lock().audited += count;
    }
}
