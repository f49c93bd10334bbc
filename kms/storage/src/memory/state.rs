//! Everything that a memory store holds.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use hufu_core::changeset::{Collection, FeedItem, Row};
use hufu_core::store::{CommitError, FeedCursor, FeedEntry, Segment, SegmentKey};

use crate::plan::Plan;

/// Everything that a memory store holds. The fields are open, so that tests can look and tamper.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemoryState {
    /// Rows by collection and id.
    pub rows: BTreeMap<Collection, BTreeMap<String, Row>>,
    /// The change feed.
    pub feed: BTreeMap<FeedCursor, FeedItem>,
    /// Audit segments.
    pub segments: BTreeMap<SegmentKey, Segment>,
    /// The newest number of the commit order.
    pub order: u64,
}

impl MemoryState {
    /// The revision of a row.
    pub(super) fn revision(&self, collection: Collection, id: &str) -> Option<u64> {
        self.rows.get(&collection)?.get(id).map(|row| row.revision)
    }

    /// Writes a planned group.
    pub(super) fn apply(&mut self, plan: &Plan<'_>, segment: Segment) -> Result<(), CommitError> {
        let key = SegmentKey { writer: segment.writer.clone(), first_seq: segment.first_seq };
        if self.segments.contains_key(&key) {
            return Err(CommitError::NotCommitted("the segment is already there".into()));
        }
        self.segments.insert(key, segment);
        for (collection, id) in &plan.deletes {
            self.rows.entry(*collection).or_default().remove(*id);
        }
        for row in &plan.puts {
            self.rows.entry(row.collection).or_default().insert(row.id.clone(), (*row).clone());
        }
        if !plan.feed.is_empty() {
            self.order += 1;
        }
        for (item, position) in plan.feed.iter().zip(0..) {
            self.feed.insert(FeedCursor { order: self.order, position }, (*item).clone());
        }
        Ok(())
    }

    /// Rows of a scope by id.
    pub(super) fn in_scope<'a>(
        &'a self,
        collection: Collection,
        scope: &'a str,
        after: Option<&str>,
    ) -> impl DoubleEndedIterator<Item = &'a Row> {
        let from = after.map_or(Unbounded, Excluded);
        let rows = self.rows.get(&collection).map(|rows| rows.range::<str, _>((from, Unbounded)));
        rows.into_iter().flatten().map(|(_, row)| row).filter(move |row| row.scope == scope)
    }

    pub(super) fn due(&self, collection: Collection, until_ms: u64, limit: u32) -> Vec<Row> {
        let rows = self.rows.get(&collection).into_iter().flat_map(BTreeMap::values);
        let mut found: Vec<Row> = rows.filter(|row| row.due.is_some_and(|due| due <= until_ms)).cloned().collect();
        found.sort_by(|a, b| (a.due, &a.id).cmp(&(b.due, &b.id)));
        found.truncate(limit as usize);
        found
    }

    pub(super) fn feed_after(&self, after: FeedCursor, limit: u32) -> Vec<FeedEntry> {
        let later = self.feed.range((Excluded(after), Unbounded)).take(limit as usize);
        later.map(|(at, item)| FeedEntry { at: *at, item: item.clone() }).collect()
    }

    pub(super) fn segments_after(&self, after: Option<&SegmentKey>, limit: u32) -> Vec<Segment> {
        let from = after.map_or(Unbounded, Excluded);
        self.segments.range((from, Unbounded)).take(limit as usize).map(|(_, segment)| segment.clone()).collect()
    }

    pub(super) fn segments_before(&self, before: Option<&SegmentKey>, limit: u32) -> Vec<Segment> {
        let until = before.map_or(Unbounded, Excluded);
        let earlier = self.segments.range((Unbounded, until)).rev();
        earlier.take(limit as usize).map(|(_, segment)| segment.clone()).collect()
    }

    pub(super) fn heads(&self) -> Vec<Segment> {
        let last: BTreeMap<&str, &Segment> =
            self.segments.iter().map(|(key, segment)| (key.writer.as_str(), segment)).collect();
        last.into_values().cloned().collect()
    }
}
