//! The circuit breaker of a token: while it does not work, callers are told at once, and few calls try.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hufu_core::backend::{BackendError, Health};
use parking_lot::Mutex;

/// Counts faults in a row, and tells health from them.
///
/// While all is well a call costs it three loads.
pub(crate) struct Breaker {
    /// Faults in a row that open it.
    threshold: u32,
    faults: AtomicU32,
    open: AtomicBool,
    /// Every session hangs.
    stuck: AtomicBool,
    down: AtomicBool,
    why: Mutex<String>,
}

impl Breaker {
    /// A breaker that opens after so many faults without a success between them.
    pub(crate) fn new(threshold: u32) -> Self {
        Self {
            threshold: threshold.max(1),
            faults: AtomicU32::new(0),
            open: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            down: AtomicBool::new(false),
            why: Mutex::new(String::new()),
        }
    }

    /// Whether a call may go on.
    pub(crate) fn check(&self) -> Result<(), BackendError> {
        if self.stuck.load(Ordering::Relaxed) {
            return Err(BackendError::Unavailable("every session hangs in a call".to_owned()));
        }
        if self.open.load(Ordering::Relaxed) {
            return Err(BackendError::Unavailable(format!("the token does not work: {}", self.why.lock())));
        }
        Ok(())
    }

    /// Whether calls are refused at once.
    pub(crate) fn is_open(&self) -> bool {
        self.check().is_err()
    }

    /// A call has failed by the device's fault, and healing has not helped it.
    pub(crate) fn failed(&self, why: &str) {
        why.clone_into(&mut self.why.lock());
        self.down.store(true, Ordering::Release);
        let faults = self.faults.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if faults >= self.threshold && !self.open.swap(true, Ordering::AcqRel) {
            tracing::error!(why, "the token does not work: calls are refused until it does");
        }
    }

    /// A call has succeeded.
    pub(crate) fn worked(&self) {
        if self.faults.load(Ordering::Relaxed) != 0 {
            self.faults.store(0, Ordering::Release);
        }
        self.up();
    }

    /// A probe has succeeded: calls are let in again, and if they find it broken still, the first one closes the door.
    pub(crate) fn probed(&self) {
        if self.open.load(Ordering::Acquire) {
            self.faults.store(self.threshold.saturating_sub(1), Ordering::Release);
        }
        self.up();
    }

    /// Whether every session hangs. Tells whether that is new.
    pub(crate) fn set_stuck(&self, stuck: bool) -> bool {
        stuck != self.stuck.swap(stuck, Ordering::AcqRel)
    }

    /// Whether it failed last, so that it should be probed.
    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    pub(crate) fn health(&self) -> Health {
        if self.stuck.load(Ordering::Acquire) {
            return Health::Down("every session hangs in a call".to_owned());
        }
        if self.is_down() { Health::Down(self.why.lock().clone()) } else { Health::Serving }
    }

    fn up(&self) {
        if self.down.load(Ordering::Relaxed) {
            self.down.store(false, Ordering::Release);
            if self.open.swap(false, Ordering::AcqRel) {
                tracing::info!("the token works again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_in_a_row_open_it_and_a_success_between_them_does_not() {
        let breaker = Breaker::new(3);
        for _ in 0..5 {
            breaker.failed("first");
            breaker.failed("second");
            assert_eq!(breaker.health(), Health::Down("second".to_owned()));
            assert_eq!(breaker.check(), Ok(()));
            breaker.worked();
            assert_eq!(breaker.health(), Health::Serving);
        }
        (0..3).for_each(|_| breaker.failed("third"));
        assert!(matches!(breaker.check(), Err(BackendError::Unavailable(why)) if why.contains("third")));
    }

    #[test]
    fn after_a_probe_one_fault_is_enough() {
        let breaker = Breaker::new(3);
        (0..3).for_each(|_| breaker.failed("gone"));
        breaker.probed();
        assert_eq!((breaker.check(), breaker.health()), (Ok(()), Health::Serving));
        breaker.failed("still gone");
        assert!(breaker.check().is_err());
        breaker.probed();
        breaker.worked();
        breaker.failed("once");
        assert_eq!(breaker.check(), Ok(()), "a success counts from the beginning");
    }

    #[test]
    fn hanging_is_told_at_once_and_ends_with_the_hang() {
        let breaker = Breaker::new(3);
        assert!(breaker.set_stuck(true));
        assert!(!breaker.set_stuck(true));
        assert!(matches!(breaker.check(), Err(BackendError::Unavailable(_))));
        assert!(matches!(breaker.health(), Health::Down(_)));
        breaker.set_stuck(false);
        assert_eq!((breaker.check(), breaker.health()), (Ok(()), Health::Serving));
    }
}
