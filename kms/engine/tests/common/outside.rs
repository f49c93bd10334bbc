//! The place outside the database: it survives crashes, and fails when chance says so.

use std::sync::Arc;

use hufu_core::BoxFuture;
use hufu_engine::sequencer::{OutsideCheckpoint, OutsideError};
use parking_lot::Mutex;

use super::hazards::{CallFault, Hazards};

/// Keeps one note.
pub(crate) struct SimOutside {
    note: Mutex<Option<String>>,
    hazards: Arc<Hazards>,
}

impl SimOutside {
    pub(crate) fn new(hazards: Arc<Hazards>) -> Self {
        Self { note: Mutex::default(), hazards }
    }
}

impl OutsideCheckpoint for SimOutside {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>, OutsideError>> {
        Box::pin(async {
            self.hazards.delay().await;
            match self.hazards.call() {
                CallFault::None => Ok(self.note.lock().clone()),
                fault => Err(OutsideError::Unreadable(format!("{fault:?}"))),
            }
        })
    }

    fn store<'a>(&'a self, note: &'a str) -> BoxFuture<'a, Result<(), OutsideError>> {
        Box::pin(async move {
            self.hazards.delay().await;
            let fault = self.hazards.call();
            if matches!(fault, CallFault::None | CallFault::After | CallFault::Hang { effect: true }) {
                *self.note.lock() = Some(note.to_owned());
            }
            self.hazards.delay().await;
            match fault {
                CallFault::None => Ok(()),
                fault => Err(OutsideError::Unwritable(format!("{fault:?}"))),
            }
        })
    }
}
