//! Ends the process at a chosen step, without any clean-up.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::backend::{BackendError, Capabilities, Health, KeyBackend, Operation, Outcome};
use hufu_core::changeset::{Changeset, Collection, Row};
use hufu_core::record::{Locator, Protection};
use hufu_core::store::{
    CommitError, Committed, FeedCursor, FeedEntry, Page, Sealer, Segment, SegmentKey, Store, StoreError,
};

/// Before the effect, or after it and before anybody learns of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Edge {
    Before,
    After,
}

/// A step and its edge.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// `commit ACTION DETAIL` or `perform OPERATION`, or the beginning of it.
    pub(crate) what: String,
    pub(crate) edge: Edge,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edge = if self.edge == Edge::Before { "before" } else { "after" };
        write!(f, "{edge} {}", self.what)
    }
}

impl Step {
    pub(crate) fn new(what: &str, edge: Edge) -> Self {
        Self { what: what.to_owned(), edge }
    }
}

/// Armed, it ends the process at its step.
#[derive(Clone)]
pub(crate) struct Tripwire {
    step: Step,
    armed: Arc<AtomicBool>,
}

impl Tripwire {
    pub(crate) fn new(step: Step) -> Self {
        Self { step, armed: Arc::default() }
    }

    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    fn pass(&self, what: &str, edge: Edge) {
        if self.armed.load(Ordering::SeqCst) && edge == self.step.edge && what.starts_with(&self.step.what) {
            std::process::abort();
        }
    }
}

/// A token behind a tripwire.
pub(crate) struct WiredToken {
    pub(crate) inner: Arc<dyn KeyBackend>,
    pub(crate) wire: Tripwire,
}

impl KeyBackend for WiredToken {
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
        let what = match &operation {
            Operation::Generate(_) => "perform generate",
            Operation::Unwrap(..) => "perform unwrap",
            Operation::Destroy(_) => "perform destroy",
            Operation::Find(_) => "perform find",
            _ => "perform something else",
        };
        Box::pin(async move {
            self.wire.pass(what, Edge::Before);
            let result = self.inner.perform(operation, deadline).await;
            self.wire.pass(what, Edge::After);
            result
        })
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn generation(&self) -> u64 {
        self.inner.generation()
    }

    fn distrust(&self) {
        self.inner.distrust();
    }

    fn holds(&self, locator: &Locator) -> bool {
        self.inner.holds(locator)
    }
}

/// A database behind a tripwire.
pub(crate) struct WiredStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) wire: Tripwire,
}

impl WiredStore {
    fn pass(&self, batch: &[Changeset], edge: Edge) {
        for entry in batch.iter().flat_map(|changeset| &changeset.audit) {
            let detail = entry.detail.as_deref().unwrap_or_default();
            self.wire.pass(&format!("commit {} {detail}", entry.action.name()), edge);
        }
    }
}

impl Store for WiredStore {
    fn commit<'a>(
        &'a self,
        batch: &'a [Changeset],
        sealer: &'a mut dyn Sealer,
    ) -> BoxFuture<'a, Result<Committed, CommitError>> {
        Box::pin(async move {
            self.pass(batch, Edge::Before);
            let result = self.inner.commit(batch, sealer).await;
            self.pass(batch, Edge::After);
            result
        })
    }

    fn segment_exists<'a>(&'a self, key: &'a SegmentKey) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.inner.segment_exists(key)
    }

    fn get<'a>(&'a self, collection: Collection, id: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        self.inner.get(collection, id)
    }

    fn last<'a>(&'a self, collection: Collection, scope: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        self.inner.last(collection, scope)
    }

    fn list<'a>(
        &'a self,
        collection: Collection,
        scope: &'a str,
        page: Page<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.inner.list(collection, scope, page)
    }

    fn due(&self, collection: Collection, until_ms: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.inner.due(collection, until_ms, limit)
    }

    fn order(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.inner.order()
    }

    fn feed(&self, after: FeedCursor, limit: u32) -> BoxFuture<'_, Result<Vec<FeedEntry>, StoreError>> {
        self.inner.feed(after, limit)
    }

    fn segments<'a>(
        &'a self,
        after: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        self.inner.segments(after, limit)
    }

    fn segments_before<'a>(
        &'a self,
        before: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        self.inner.segments_before(before, limit)
    }

    fn heads(&self) -> BoxFuture<'_, Result<Vec<Segment>, StoreError>> {
        self.inner.heads()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }
}
