//! A store with nothing but what the log needs: guards, rows and the change feed.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use hufu_core::BoxFuture;
use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, Write};
use hufu_core::store::{
    CommitError, Committed, FeedCursor, FeedEntry, Page, Sealer, Segment, SegmentKey, Store, StoreError,
};
use parking_lot::Mutex;

#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) rows: BTreeMap<(Collection, String), Row>,
    pub(crate) feed: BTreeMap<FeedCursor, FeedItem>,
    pub(crate) order: u64,
}

#[derive(Default)]
pub(crate) struct TestStore(Mutex<State>);

impl TestStore {
    pub(crate) fn from_state(state: State) -> Self {
        Self(Mutex::new(state))
    }

    pub(crate) fn snapshot(&self) -> State {
        self.0.lock().clone()
    }

    pub(crate) fn restore(&self, state: State) {
        *self.0.lock() = state;
    }

    pub(crate) fn tamper(&self, with: impl FnOnce(&mut State)) {
        with(&mut self.0.lock());
    }

    /// Commits one changeset, unless a guard does not hold.
    pub(crate) fn apply(&self, changeset: &Changeset) -> Result<(), Guard> {
        assert!(!changeset.audit.is_empty(), "nothing is written without a record");
        let mut state = self.0.lock();
        for guard in &changeset.guards {
            let (Guard::Absent(collection, id) | Guard::Revision(collection, id, _)) = guard;
            let found = state.rows.get(&(*collection, id.clone())).map(|row| row.revision);
            let wanted = if let Guard::Revision(.., revision) = guard { Some(*revision) } else { None };
            if found != wanted {
                return Err(guard.clone());
            }
        }
        for write in &changeset.writes {
            match write {
                Write::Put(row) => {
                    let before = state.rows.insert((row.collection, row.id.clone()), row.clone());
                    let counted = before.map_or(0, |row| row.revision) + 1;
                    assert_eq!(row.revision, counted, "revision of {:?} `{}`", row.collection, row.id);
                }
                Write::Delete(collection, id) => drop(state.rows.remove(&(*collection, id.clone()))),
            }
        }
        state.order += u64::from(!changeset.feed.is_empty());
        let order = state.order;
        let items = changeset.feed.iter().zip(0..);
        state.feed.extend(items.map(|(item, position)| (FeedCursor { order, position }, item.clone())));
        Ok(())
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, StoreError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Store for TestStore {
    fn commit<'a>(
        &'a self,
        _: &'a [Changeset],
        _: &'a mut dyn Sealer,
    ) -> BoxFuture<'a, Result<Committed, CommitError>> {
        unreachable!("the log never commits")
    }

    fn segment_exists<'a>(&'a self, _: &'a SegmentKey) -> BoxFuture<'a, Result<bool, StoreError>> {
        unreachable!("the log never asks for segments")
    }

    fn get<'a>(&'a self, collection: Collection, id: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        ready(self.0.lock().rows.get(&(collection, id.to_owned())).cloned())
    }

    fn last<'a>(&'a self, collection: Collection, scope: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        let state = self.0.lock();
        let mut in_scope = state.rows.values().filter(|row| row.collection == collection && row.scope == scope);
        ready(in_scope.next_back().cloned())
    }

    fn list<'a>(
        &'a self,
        collection: Collection,
        scope: &'a str,
        page: Page<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        let state = self.0.lock();
        let after = (collection, page.after.unwrap_or_default().to_owned());
        let rows = state.rows.range((Excluded(after), Unbounded)).map(|(_, row)| row);
        let rows = rows.filter(|row| row.collection == collection && row.scope == scope);
        ready(rows.take(page.limit as usize).cloned().collect())
    }

    fn due(&self, _: Collection, _: u64, _: u32) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        ready(Vec::new())
    }

    fn order(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        ready(self.0.lock().order)
    }

    fn feed(&self, after: FeedCursor, limit: u32) -> BoxFuture<'_, Result<Vec<FeedEntry>, StoreError>> {
        let state = self.0.lock();
        let later = state.feed.range((Excluded(after), Unbounded)).take(limit as usize);
        ready(later.map(|(at, item)| FeedEntry { at: *at, item: item.clone() }).collect())
    }

    fn segments_before<'a>(
        &'a self,
        _: Option<&'a SegmentKey>,
        _: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn segments<'a>(&'a self, _: Option<&'a SegmentKey>, _: u32) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        ready(Vec::new())
    }

    fn heads(&self) -> BoxFuture<'_, Result<Vec<Segment>, StoreError>> {
        ready(Vec::new())
    }

    fn is_shared(&self) -> bool {
        true
    }
}
