//! What needs a person. Bounded; each alarm is audited once and shown in the status until the server restarts.

use hufu_core::ambient::Clock;
use parking_lot::Mutex;
use std::sync::Arc;

use crate::api::Alarm;

/// Most alarms kept; later ones are logged alone.
const ALARMS_MAX: usize = 1_024;

/// The alarms of this server.
pub struct Alarms {
    clock: Arc<dyn Clock>,
    raised: Mutex<Raised>,
}

#[derive(Default)]
struct Raised {
    all: Vec<Alarm>,
    audited: usize,
}

impl Alarms {
    /// No alarms yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, raised: Mutex::default() }
    }

    /// Raises an alarm, once for each kind and resource.
    pub fn raise(&self, kind: &'static str, resource: &str, detail: &str) {
        let mut raised = self.raised.lock();
        if raised.all.iter().any(|alarm| alarm.kind == kind && alarm.resource == resource) {
            return;
        }
        tracing::error!(kind, resource, detail, "alarm");
        if raised.all.len() < ALARMS_MAX {
            let at = self.clock.now_ms();
            raised.all.push(Alarm { kind, resource: resource.to_owned(), detail: detail.to_owned(), at });
        }
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
