//! The memory store behind a window: delays and failures by chance, a witness of every commit, and, for tests of the oracle,
//! a store that breaks its promise.

use std::sync::Arc;

use hufu_core::BoxFuture;
use hufu_core::changeset::{Changeset, Collection, Row, Write};
use hufu_core::store::{
    CommitError, Committed, FeedCursor, FeedEntry, Page, Sealer, Segment, SegmentKey, Store, StoreError, Verdict,
};
use hufu_storage::{Fault, MemoryState, MemoryStore};
use parking_lot::Mutex;

use super::hazards::Hazards;

/// How a world breaks its promise. Each must be found by the oracle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mutation {
    /// State changes are committed without their ledger leaves.
    ForgetLeaf,
    /// State changes are not told to anyone.
    ForgetFeed,
    /// Guards are not looked at.
    ForgetGuards,
    /// State changes are sealed without their audit records.
    ForgetAudit,
    /// A group is answered as committed one group too early.
    AnswerEarly,
    /// The commit order is answered as of long ago: nothing is ever withheld.
    AnswerOldOrder,
    /// A commit that took effect is answered as not committed.
    DenyCommit,
    /// The last commits before a crash are lost.
    LoseTail,
    /// The token claims to have deleted what it keeps.
    KeepObjects,
}

/// A group that took effect.
pub(crate) struct CommitSeen {
    pub(crate) segment: Segment,
    /// The changesets that were accepted.
    pub(crate) changesets: Vec<Changeset>,
}

/// Watches what is committed, at the moment when it is.
pub(crate) trait Witness: Send + Sync {
    fn committed(&self, seen: CommitSeen);
}

impl Witness for () {
    fn committed(&self, _: CommitSeen) {}
}

/// The store as a server sees it.
pub(crate) struct SimStore {
    inner: MemoryStore,
    hazards: Arc<Hazards>,
    witness: Arc<dyn Witness>,
    mutation: Option<Mutation>,
    /// What is to befall the commit under way.
    fault: Arc<Mutex<Fault>>,
    /// A group that was answered and is not yet committed.
    owed: Mutex<Option<(Vec<Changeset>, Segment)>>,
}

impl SimStore {
    pub(crate) fn new(
        inner: MemoryStore,
        hazards: Arc<Hazards>,
        witness: Arc<dyn Witness>,
        mutation: Option<Mutation>,
    ) -> Self {
        let fault: Arc<Mutex<Fault>> = Arc::default();
        inner.set_faults({
            let (fault, hazards) = (fault.clone(), hazards.clone());
            move |_: &[Changeset]| {
                let decided = hazards.commit();
                *fault.lock() = decided;
                decided
            }
        });
        Self { inner, hazards, witness, mutation, fault, owed: Mutex::default() }
    }

    pub(crate) fn snapshot(&self) -> MemoryState {
        self.inner.snapshot()
    }

    /// Looks at the stored state and changes it, as someone with access to the database might.
    pub(crate) fn tamper(&self, change: impl FnOnce(&mut MemoryState)) {
        let mut state = self.inner.snapshot();
        change(&mut state);
        self.inner.restore(state);
    }

    pub(crate) fn set_available(&self, available: bool) {
        self.inner.set_available(available);
    }

    async fn commit_as_told(&self, batch: &[Changeset], sealer: &mut dyn Sealer) -> Result<Committed, CommitError> {
        self.hazards.delay().await;
        let altered = self.altered(batch);
        let mut sealer = Watching { store: self, batch: &altered, sealer };
        if self.mutation == Some(Mutation::AnswerEarly) {
            return self.answer_early(&altered, &mut sealer).await;
        }
        let outcome = self.inner.commit(&altered, &mut sealer).await;
        match (outcome, self.mutation) {
            (Err(CommitError::Unknown(why)), Some(Mutation::DenyCommit)) => Err(CommitError::NotCommitted(why)),
            (Ok(committed), Some(Mutation::AnswerOldOrder)) => Ok(Committed { order: 0, ..committed }),
            (outcome, _) => outcome,
        }
    }

    fn altered(&self, batch: &[Changeset]) -> Vec<Changeset> {
        let mut batch = batch.to_vec();
        for changeset in &mut batch {
            match self.mutation {
                Some(Mutation::ForgetLeaf) => changeset.writes.retain(|write| !is_leaf(write)),
                Some(Mutation::ForgetFeed) => changeset.feed.clear(),
                Some(Mutation::ForgetGuards) => changeset.guards.clear(),
                _ => {}
            }
        }
        batch
    }

    async fn answer_early(&self, batch: &[Changeset], sealer: &mut Watching<'_>) -> Result<Committed, CommitError> {
        let owed = self.owed.lock().take();
        if let Some((batch, segment)) = owed {
            let mut again = Again(segment);
            let mut sealer = Watching { store: self, batch: &batch, sealer: &mut again };
            drop(self.inner.commit(&batch, &mut sealer).await);
        }
        let segment = sealer.sealer.seal(&vec![true; batch.len()]);
        let order = self.inner.order().await.unwrap_or_default();
        let order = order + u64::from(batch.iter().any(|changeset| !changeset.feed.is_empty()));
        *self.owed.lock() = Some((batch.to_vec(), segment));
        Ok(Committed { order, verdicts: vec![Verdict::Accepted; batch.len()] })
    }

    async fn look<T>(&self, read: BoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
        self.hazards.delay().await;
        read.await
    }
}

fn is_leaf(write: &Write) -> bool {
    matches!(write, Write::Put(Row { collection: Collection::Leaf, .. }))
}

/// Tells the witness of a group when it is sealed and about to take effect.
struct Watching<'a> {
    store: &'a SimStore,
    batch: &'a [Changeset],
    sealer: &'a mut dyn Sealer,
}

impl Sealer for Watching<'_> {
    fn seal(&mut self, accepted: &[bool]) -> Segment {
        let mut sealed: Vec<bool> = accepted.to_vec();
        if self.store.mutation == Some(Mutation::ForgetAudit) {
            let recorded = |(changeset, accepted): (&Changeset, &bool)| *accepted && changeset.writes.is_empty();
            let only_audit: Vec<bool> = self.batch.iter().zip(accepted).map(recorded).collect();
            if only_audit.contains(&true) {
                sealed = only_audit;
            }
        }
        let segment = self.sealer.seal(&sealed);
        if matches!(*self.store.fault.lock(), Fault::None | Fault::UnknownApplied) {
            let changesets = self.batch.iter().zip(accepted).filter(|(_, accepted)| **accepted);
            let changesets = changesets.map(|(changeset, _)| changeset.clone()).collect();
            self.store.witness.committed(CommitSeen { segment: segment.clone(), changesets });
        }
        segment
    }
}

/// Seals with a segment that is there already.
struct Again(Segment);

impl Sealer for Again {
    fn seal(&mut self, _: &[bool]) -> Segment {
        self.0.clone()
    }
}

impl Store for SimStore {
    fn commit<'a>(
        &'a self,
        batch: &'a [Changeset],
        sealer: &'a mut dyn Sealer,
    ) -> BoxFuture<'a, Result<Committed, CommitError>> {
        Box::pin(self.commit_as_told(batch, sealer))
    }

    fn segment_exists<'a>(&'a self, key: &'a SegmentKey) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(self.look(self.inner.segment_exists(key)))
    }

    fn get<'a>(&'a self, collection: Collection, id: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(self.look(self.inner.get(collection, id)))
    }

    fn last<'a>(&'a self, collection: Collection, scope: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(self.look(self.inner.last(collection, scope)))
    }

    fn list<'a>(
        &'a self,
        collection: Collection,
        scope: &'a str,
        page: Page<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(self.look(self.inner.list(collection, scope, page)))
    }

    fn due(&self, collection: Collection, until_ms: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        Box::pin(self.look(self.inner.due(collection, until_ms, limit)))
    }

    fn order(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.look(self.inner.order()))
    }

    fn feed(&self, after: FeedCursor, limit: u32) -> BoxFuture<'_, Result<Vec<FeedEntry>, StoreError>> {
        Box::pin(self.look(self.inner.feed(after, limit)))
    }

    fn segments<'a>(
        &'a self,
        after: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        Box::pin(self.look(self.inner.segments(after, limit)))
    }

    fn segments_before<'a>(
        &'a self,
        before: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        self.inner.segments_before(before, limit)
    }

    fn heads(&self) -> BoxFuture<'_, Result<Vec<Segment>, StoreError>> {
        Box::pin(self.look(self.inner.heads()))
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }
}
