//! Remembers every key that was made, so that none is left on the token.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::backend::{BackendError, Capabilities, DeviceStatus, Health, KeyBackend, Operation, Outcome};
use hufu_core::record::{Locator, Protection, VersionUid};
use parking_lot::Mutex;

/// How long the destruction of one key may take.
const DESTROY_WAIT_MAX: Duration = Duration::from_secs(60);

/// A backend, and what was made in it.
pub(crate) struct Tracked<B> {
    inner: B,
    /// Identities that were to be made: also of those whose making failed, for all that is known.
    made: Mutex<BTreeSet<VersionUid>>,
}

impl<B: KeyBackend> Tracked<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self { inner, made: Mutex::default() }
    }

    /// How many keys were asked for.
    pub(crate) fn count(&self) -> usize {
        self.made.lock().len()
    }

    /// Destroys every key that was made and answers those that are still there, or may be.
    pub(crate) async fn clean_up(&self) -> Vec<VersionUid> {
        let made: Vec<VersionUid> = self.made.lock().iter().copied().collect();
        let mut left = Vec::new();
        for uid in made {
            if !self.destroyed(uid).await {
                left.push(uid);
            }
        }
        left
    }

    async fn destroyed(&self, uid: VersionUid) -> bool {
        let deadline = Instant::now() + DESTROY_WAIT_MAX;
        let destroyed = self.inner.perform(Operation::Destroy(uid), deadline).await;
        matches!(destroyed, Ok(Outcome::Done))
            && matches!(self.inner.perform(Operation::Find(uid), deadline).await, Ok(Outcome::Found(false)))
    }
}

impl<B: KeyBackend> KeyBackend for Tracked<B> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn protection(&self) -> Protection {
        self.inner.protection()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        if let Operation::Generate(template) | Operation::Unwrap(template, _) = &operation {
            self.made.lock().insert(template.uid);
        }
        self.inner.perform(operation, deadline)
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn distrust(&self) {
        self.inner.distrust();
    }

    fn returns(&self) -> Option<u64> {
        self.inner.returns()
    }

    fn devices(&self) -> Vec<DeviceStatus> {
        self.inner.devices()
    }

    fn generation(&self) -> u64 {
        self.inner.generation()
    }

    fn holds(&self, locator: &Locator) -> bool {
        self.inner.holds(locator)
    }
}
