//! What opens shares, in this very process, and does not answer when it is told so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_opener::{Answer, Opener, OpenerError, ShareOpener, Task};

/// How it answers, and how often it was asked: the same over all starts of a server.
pub(crate) struct Asked {
    /// So many answers are left.
    pub(crate) left: AtomicU32,
    pub(crate) count: AtomicU32,
}

impl Default for Asked {
    fn default() -> Self {
        Self { left: AtomicU32::new(u32::MAX), count: AtomicU32::new(0) }
    }
}

pub(crate) struct SimOpener {
    pub(crate) inner: Opener,
    pub(crate) asked: Arc<Asked>,
}

impl ShareOpener for SimOpener {
    fn perform<'a>(&'a self, task: &'a Task, deadline: Instant) -> BoxFuture<'a, Result<Answer, OpenerError>> {
        self.asked.count.fetch_add(1, Ordering::Relaxed);
        let left = self.asked.left.load(Ordering::Relaxed);
        if left == 0 {
            return Box::pin(async { Err(OpenerError::Ended) });
        }
        self.asked.left.store(left - 1, Ordering::Relaxed);
        self.inner.perform(task, deadline)
    }
}
