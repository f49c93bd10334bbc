//! What a store is, written as plainly as can be.

use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, Write};
use hufu_core::store::{Committed, FeedCursor, FeedEntry, Verdict};

/// Rows and feed in plain vectors; no index, no cleverness.
#[derive(Default)]
pub(super) struct Model {
    rows: Vec<Row>,
    /// The change feed.
    pub(super) feed: Vec<FeedEntry>,
    /// The newest number of the commit order.
    pub(super) order: u64,
}

impl Model {
    /// What a commit of this batch must answer.
    pub(super) fn commit(&mut self, batch: &[Changeset]) -> Committed {
        let mut told = Vec::new();
        let mut verdicts = Vec::new();
        for changeset in batch {
            if let Some(guard) = changeset.guards.iter().find(|guard| !self.holds(guard)) {
                verdicts.push(Verdict::Refused(guard.clone()));
                continue;
            }
            changeset.writes.iter().for_each(|write| self.write(write));
            told.extend(changeset.feed.iter().cloned());
            verdicts.push(Verdict::Accepted);
        }
        self.tell(told);
        Committed { order: self.order, verdicts }
    }

    /// One row.
    pub(super) fn get(&self, collection: Collection, id: &str) -> Option<Row> {
        self.rows.iter().find(|row| row.collection == collection && row.id == id).cloned()
    }

    /// A scope, by id.
    pub(super) fn list(&self, collection: Collection, scope: &str) -> Vec<Row> {
        let mut found: Vec<Row> = self.rows.iter().filter(|row| row.collection == collection).cloned().collect();
        found.retain(|row| row.scope == scope);
        found.sort_by(|one, other| one.id.cmp(&other.id));
        found
    }

    /// Due rows, the longest due first.
    pub(super) fn due(&self, collection: Collection, until_ms: u64) -> Vec<Row> {
        let mut found: Vec<Row> = self.rows.iter().filter(|row| row.collection == collection).cloned().collect();
        found.retain(|row| row.due.is_some_and(|due| due <= until_ms));
        found.sort_by(|one, other| (one.due, &one.id).cmp(&(other.due, &other.id)));
        found
    }

    fn holds(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Absent(collection, id) => self.get(*collection, id).is_none(),
            Guard::Revision(collection, id, revision) => {
                self.get(*collection, id).is_some_and(|row| row.revision == *revision)
            }
        }
    }

    fn write(&mut self, write: &Write) {
        let (collection, id) = match write {
            Write::Put(row) => (row.collection, &row.id),
            Write::Delete(collection, id) => (*collection, id),
        };
        self.rows.retain(|row| !(row.collection == collection && row.id == *id));
        if let Write::Put(row) = write {
            self.rows.push(row.clone());
        }
    }

    fn tell(&mut self, told: Vec<FeedItem>) {
        if told.is_empty() {
            return;
        }
        self.order += 1;
        for (item, position) in told.into_iter().zip(0..) {
            self.feed.push(FeedEntry { at: FeedCursor { order: self.order, position }, item });
        }
    }
}
