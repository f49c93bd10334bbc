//! Root slots, kept level in the background, and told of in the status.

use std::time::Duration;

use hufu_core::Error;
use hufu_core::record::RootState;

use crate::engine::Engine;
use crate::foundation::{RootKeeper, RootReport};

/// The alarm for a root slot whose token is not there.
const ROOT_MISSING: &str = "root-missing";
/// The alarm for a retired root slot whose row was deleted or put back.
const ROOT_REVIVED: &str = "root-revived";
/// How often all wrapping keys are gone through when nothing seems to have changed: another server may have made some.
const WHOLE_PASS_PERIOD: Duration = Duration::from_secs(600);

/// What is remembered of the root slots between passes.
#[derive(Default)]
pub(crate) struct KeptRoots {
    reports: Vec<RootReport>,
    /// The server's uptime at the last pass through all wrapping keys.
    whole_at: Duration,
}

impl KeptRoots {
    /// Whether what is seen now asks for a pass through all wrapping keys.
    fn is_due(&self, seen: &[RootReport], now: Duration) -> bool {
        let settled = |report: &RootReport| matches!(report.state, Some(state) if state != RootState::Making);
        let same = |(before, now): (&RootReport, &RootReport)| {
            (&before.slot, before.state, before.missing.is_some()) == (&now.slot, now.state, now.missing.is_some())
        };
        self.reports.len() != seen.len()
            || !self.reports.iter().zip(seen).all(same)
            || !seen.iter().all(settled)
            || now.saturating_sub(self.whole_at) > WHOLE_PASS_PERIOD
    }

    fn was_missing(&self, slot: &str) -> bool {
        self.reports.iter().any(|report| report.slot == slot && report.missing.is_some())
    }
}

impl Engine {
    /// One pass over the root slots: makes and wraps what is missing, and raises an alarm for a slot whose token has been away
    /// for two passes: one that is just being opened again needs nobody; and for a retired slot whose row is not as it was. Call it at start and then every few seconds.
    ///
    /// # Errors
    /// The first failure; the next pass goes on.
    pub async fn keep_roots(&self) -> Result<(), Error> {
        let (seen, now) = (self.keeper().glance().await?, self.clock.uptime());
        self.tell_missing(&seen);
        self.tell_revived(&seen);
        if !self.roots.lock().is_due(&seen, now) {
            return Ok(());
        }
        let reports = self.keeper().level().await?;
        self.tell_revived(&reports);
        *self.roots.lock() = KeptRoots { reports, whole_at: now };
        Ok(())
    }

    fn tell_missing(&self, seen: &[RootReport]) {
        for report in seen.iter().filter(|report| report.state.is_some_and(RootState::opens)) {
            let Some(why) = report.missing.as_deref().filter(|_| self.roots.lock().was_missing(&report.slot)) else {
                continue;
            };
            let detail = format!("token {} is not there: {why}", report.serial);
            self.alarms.raise(ROOT_MISSING, &format!("root/{}", report.slot), &detail);
        }
    }

    fn tell_revived(&self, seen: &[RootReport]) {
        for report in seen.iter().filter(|report| report.revived) {
            let detail = "it was retired, and its row is missing or older than that: it is kept retired";
            self.alarms.raise(ROOT_REVIVED, &format!("root/{}", report.slot), detail);
        }
    }

    /// The root slots as of the last pass.
    pub(crate) async fn roots_now(&self) -> Result<Vec<RootReport>, Error> {
        let kept = self.roots.lock().reports.clone();
        if kept.is_empty() { self.keeper().report().await } else { Ok(kept) }
    }

    pub(crate) fn keeper(&self) -> RootKeeper<'_> {
        RootKeeper { keyring: &self.keyring, journal: &self.journal, clock: self.clock.as_ref() }
    }
}
