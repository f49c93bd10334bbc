//! What may go wrong, decided by chance: delays, failing calls, a database that does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use hufu_storage::Fault;
use parking_lot::Mutex;

use super::ambient::SimRng;

/// What befalls a call to a device or to the place outside the database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallFault {
    None,
    /// It fails and nothing has happened.
    Before,
    /// It happens, and an error is answered.
    After,
    /// The queue is full: nothing has happened.
    Overloaded,
    /// It happens after a long while, and is answered.
    Slow,
    /// No answer for a long while, then the deadline; it has happened or not.
    Hang {
        effect: bool,
    },
}

/// Decides what goes wrong. Calm until it is told otherwise.
pub(crate) struct Hazards {
    chance: Arc<SimRng>,
    on: AtomicBool,
    next: Mutex<Option<CallFault>>,
}

impl Hazards {
    pub(crate) fn calm(seed: u64) -> Self {
        Self { chance: Arc::new(SimRng::new(seed)), on: AtomicBool::new(false), next: Mutex::new(None) }
    }

    pub(crate) fn set(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// What befalls the next call to a device, whether it is calm or not.
    pub(crate) fn strike(&self, fault: CallFault) {
        *self.next.lock() = Some(fault);
    }

    fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Lets others go on for a moment.
    pub(crate) async fn delay(&self) {
        if self.is_on() {
            pause(self.chance.below(3)).await;
        }
    }

    /// Lets others go on for long.
    pub(crate) async fn hang(&self) {
        pause(20 + self.chance.below(200)).await;
    }

    pub(crate) fn call(&self) -> CallFault {
        if let Some(fault) = self.next.lock().take() {
            return fault;
        }
        if !self.is_on() {
            return CallFault::None;
        }
        match self.chance.below(200) {
            0..=2 => CallFault::Before,
            3..=5 => CallFault::After,
            6 => CallFault::Overloaded,
            7 => CallFault::Hang { effect: false },
            8 => CallFault::Hang { effect: true },
            _ => CallFault::None,
        }
    }

    pub(crate) fn commit(&self) -> Fault {
        if !self.is_on() {
            return Fault::None;
        }
        match self.chance.below(100) {
            0 => Fault::NotCommitted,
            1 => Fault::NotCommittedAfterSealing,
            2 | 3 => Fault::UnknownApplied,
            4 => Fault::UnknownNotApplied,
            _ => Fault::None,
        }
    }
}

/// Answers pending so many times.
pub(crate) async fn pause(polls: u64) {
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
