//! Keys in software as they are, for what foreign code takes in or makes.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, Capabilities, Health, KeyBackend, Operation, Outcome, WrappingKeys};
use hufu_core::record::Protection;
use hufu_software::SoftwareBackend;

/// Far away: nothing here depends on how fast the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// The software adapter, whose work ends before it is polled once more: the world around it has no threads.
pub(crate) struct RealSoftware {
    inner: Arc<dyn KeyBackend>,
    runtime: tokio::runtime::Runtime,
}

/// Work that has ended before it is polled once more.
pub(crate) fn still<T>(work: impl Future<Output = T>) -> T {
    runtime().block_on(work)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

impl RealSoftware {
    pub(crate) fn new(keys: Arc<dyn WrappingKeys>, rng: Arc<dyn Rng>) -> Self {
        Self::around(Arc::new(SoftwareBackend::new(keys, rng, NonZeroUsize::MIN).unwrap()))
    }

    /// Another backend of ours that works in software.
    pub(crate) fn around(inner: Arc<dyn KeyBackend>) -> Self {
        Self { inner, runtime: runtime() }
    }
}

impl KeyBackend for RealSoftware {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn protection(&self) -> Protection {
        self.inner.protection()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn perform<'a>(&'a self, operation: Operation<'a>, _: Instant) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move { self.runtime.block_on(self.inner.perform(operation, Instant::now() + LONG)) })
    }

    fn health(&self) -> Health {
        self.inner.health()
    }
}
