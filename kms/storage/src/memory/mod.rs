//! The store in memory, for simulation and tests.

mod fault;
mod state;

pub use fault::{Fault, FaultPlan};
pub use state::MemoryState;

use std::sync::atomic::{AtomicBool, Ordering};

use hufu_core::BoxFuture;
use hufu_core::changeset::{Changeset, Collection, Row};
use hufu_core::store::{
    CommitError, Committed, FeedCursor, FeedEntry, Page, Sealer, Segment, SegmentKey, Store, StoreError,
};
use parking_lot::Mutex;

use crate::limits;
use crate::plan::Plan;

/// A store in memory. A crash is modelled by taking a [`MemoryStore::snapshot`] and going on from it with
/// [`MemoryStore::from_state`]; a failing database by a [`FaultPlan`] and [`MemoryStore::set_available`].
///
/// Each commit yields to its caller's executor once before it takes effect and once after, so that a simulation can
/// drop it at either point.
pub struct MemoryStore {
    state: Mutex<MemoryState>,
    faults: Mutex<Box<dyn FaultPlan>>,
    available: AtomicBool,
    shared: bool,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::from_state(MemoryState::default())
    }

    /// A store that goes on from a state.
    #[must_use]
    pub fn from_state(state: MemoryState) -> Self {
        let faults = Box::new(|_: &[Changeset]| Fault::None);
        Self { state: Mutex::new(state), faults: Mutex::new(faults), available: AtomicBool::new(true), shared: false }
    }

    /// The same store, saying that several servers write to it.
    #[must_use]
    pub fn shared(self) -> Self {
        Self { shared: true, ..self }
    }

    /// What is durable now.
    #[must_use]
    pub fn snapshot(&self) -> MemoryState {
        self.state.lock().clone()
    }

    /// Replaces everything: an operator has restored a backup, or someone has tampered.
    pub fn restore(&self, state: MemoryState) {
        *self.state.lock() = state;
    }

    /// Asks this plan before each commit from now on.
    pub fn set_faults(&self, faults: impl FaultPlan + 'static) {
        *self.faults.lock() = Box::new(faults);
    }

    /// Whether the database answers. While it does not, reads are [`StoreError::Unavailable`] and commits are
    /// [`CommitError::NotCommitted`].
    pub fn set_available(&self, available: bool) {
        self.available.store(available, Ordering::Release);
    }

    fn apply(&self, batch: &[Changeset], sealer: &mut dyn Sealer) -> Result<Committed, CommitError> {
        if !self.available.load(Ordering::Acquire) {
            return Err(CommitError::NotCommitted("injected: the database does not answer".into()));
        }
        limits::check_batch(batch)?;
        let fault = self.faults.lock().decide(batch);
        if fault == Fault::NotCommitted {
            return Err(CommitError::NotCommitted("injected before the sealing".into()));
        }
        let mut state = self.state.lock();
        let plan = Plan::new(batch, |(collection, id)| state.revision(*collection, id));
        if plan.is_refused() {
            return Ok(Committed { order: state.order, verdicts: plan.verdicts });
        }
        let segment = sealer.seal(&plan.accepted());
        limits::check_segment(&segment)?;
        match fault {
            Fault::NotCommittedAfterSealing => {
                return Err(CommitError::NotCommitted("injected after the sealing".into()));
            }
            Fault::UnknownNotApplied => return Err(CommitError::Unknown("injected, not applied".into())),
            _ => state.apply(&plan, segment)?,
        }
        if fault == Fault::UnknownApplied {
            return Err(CommitError::Unknown("injected, applied".into()));
        }
        Ok(Committed { order: state.order, verdicts: plan.verdicts })
    }

    fn read<'a, T: Send + 'a>(
        &'a self,
        query: impl FnOnce(&MemoryState) -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move {
            if self.available.load(Ordering::Acquire) {
                Ok(query(&self.state.lock()))
            } else {
                Err(StoreError::Unavailable("injected".into()))
            }
        })
    }
}

impl Store for MemoryStore {
    fn commit<'a>(
        &'a self,
        batch: &'a [Changeset],
        sealer: &'a mut dyn Sealer,
    ) -> BoxFuture<'a, Result<Committed, CommitError>> {
        Box::pin(async move {
            yield_once().await;
            let outcome = self.apply(batch, sealer);
            yield_once().await;
            outcome
        })
    }

    fn segment_exists<'a>(&'a self, key: &'a SegmentKey) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.read(|state| state.segments.contains_key(key))
    }

    fn get<'a>(&'a self, collection: Collection, id: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        self.read(move |state| state.rows.get(&collection).and_then(|rows| rows.get(id)).cloned())
    }

    fn last<'a>(&'a self, collection: Collection, scope: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        self.read(move |state| state.in_scope(collection, scope, None).next_back().cloned())
    }

    fn list<'a>(
        &'a self,
        collection: Collection,
        scope: &'a str,
        page: Page<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.read(move |state| {
            state.in_scope(collection, scope, page.after).take(page.limit as usize).cloned().collect()
        })
    }

    fn due(&self, collection: Collection, until_ms: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.read(move |state| state.due(collection, until_ms, limit))
    }

    fn order(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.read(|state| state.order)
    }

    fn feed(&self, after: FeedCursor, limit: u32) -> BoxFuture<'_, Result<Vec<FeedEntry>, StoreError>> {
        self.read(move |state| state.feed_after(after, limit))
    }

    fn segments<'a>(
        &'a self,
        after: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        self.read(move |state| state.segments_after(after, limit))
    }

    fn segments_before<'a>(
        &'a self,
        before: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        self.read(move |state| state.segments_before(before, limit))
    }

    fn heads(&self) -> BoxFuture<'_, Result<Vec<Segment>, StoreError>> {
        self.read(MemoryState::heads)
    }

    fn is_shared(&self) -> bool {
        self.shared
    }
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests;
