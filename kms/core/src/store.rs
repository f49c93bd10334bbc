//! The store: where changesets are committed and rows are read.

use crate::BoxFuture;
use crate::changeset::{Changeset, Collection, FeedItem, Guard, Row};

/// A sealed run of audit records of one writer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// The audit writer: one a start of a server.
    pub writer: String,
    /// Sequence number of the first record, from 0, without gaps inside a writer.
    pub first_seq: u64,
    /// Number of records, at least 1.
    pub count: u32,
    /// Head of the writer's chain before this segment.
    pub previous_head: [u8; 32],
    /// Head after it.
    pub head: [u8; 32],
    /// The encoded records.
    pub records: Vec<u8>,
    /// When it was sealed.
    pub sealed_at: u64,
}

/// Seals the audit records of the changesets that passed their guards.
pub trait Sealer: Send {
    /// Called at most once a commit, inside its transaction, with a flag for each changeset of the batch. At least one
    /// is true.
    fn seal(&mut self, accepted: &[bool]) -> Segment;
}

/// What became of one changeset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Committed.
    Accepted,
    /// Nothing of it was written: this guard did not hold.
    Refused(Guard),
}

/// A commit that is durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Committed {
    /// The newest number in the commit order, read inside the same transaction: every state change numbered so or
    /// below was committed before this group, every other one after it.
    pub order: u64,
    /// One for each changeset of the batch.
    pub verdicts: Vec<Verdict>,
}

/// Why a commit did not succeed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommitError {
    /// Certainly nothing was written.
    #[error("not committed: {0}")]
    NotCommitted(String),
    /// It may or may not have been written; ask [`Store::segment_exists`].
    #[error("commit of unknown outcome: {0}")]
    Unknown(String),
}

/// Why a read failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database holds what no release of ours writes.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

/// A place in the change feed. Entries after it are those with a greater (order, position).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct FeedCursor {
    /// Number in the commit order.
    pub order: u64,
    /// Position inside the group of that number, from 0.
    pub position: u32,
}

/// One entry of the change feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedEntry {
    /// Where it stands.
    pub at: FeedCursor,
    /// What it tells.
    pub item: FeedItem,
}

/// Names a segment: writer and first sequence number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SegmentKey {
    /// The audit writer.
    pub writer: String,
    /// Sequence number of its first record.
    pub first_seq: u64,
}

/// A page of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page<'a> {
    /// Only rows with a greater id.
    pub after: Option<&'a str>,
    /// At most so many rows.
    pub limit: u32,
}

/// The seam to the database. Only `kms/journal` may call [`Store::commit`].
///
/// Reads see every commit acknowledged before they began. They are not snapshots of each other: what rests on two reads
/// guards both revisions.
pub trait Store: Send + Sync + 'static {
    /// Commits a group: checks the guards of each changeset in order, applies those that hold (each sees the writes of the ones
    /// before it), numbers the group in the commit order if any accepted changeset has feed items, seals, and makes all durable before it returns.
    /// If no changeset passes, nothing is written and no segment is sealed.
    fn commit<'a>(
        &'a self,
        batch: &'a [Changeset],
        sealer: &'a mut dyn Sealer,
    ) -> BoxFuture<'a, Result<Committed, CommitError>>;

    /// Whether the segment is there: settles a commit of unknown outcome.
    fn segment_exists<'a>(&'a self, key: &'a SegmentKey) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// One row.
    fn get<'a>(&'a self, collection: Collection, id: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>>;

    /// The row with the greatest id in a scope.
    fn last<'a>(&'a self, collection: Collection, scope: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>>;

    /// Rows of a scope in the order of their ids.
    fn list<'a>(
        &'a self,
        collection: Collection,
        scope: &'a str,
        page: Page<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// Rows that are due at or before a time, the longest due first.
    fn due(&self, collection: Collection, until_ms: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Row>, StoreError>>;

    /// The newest number in the commit order.
    fn order(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Entries of the change feed after a cursor, in order.
    fn feed(&self, after: FeedCursor, limit: u32) -> BoxFuture<'_, Result<Vec<FeedEntry>, StoreError>>;

    /// Audit segments after a key, by writer and sequence number.
    fn segments<'a>(
        &'a self,
        after: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>>;

    /// Audit segments before a key, the last first: by writer and sequence number, both descending.
    fn segments_before<'a>(
        &'a self,
        before: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>>;

    /// The last segment of every audit writer, by writer.
    fn heads(&self) -> BoxFuture<'_, Result<Vec<Segment>, StoreError>>;

    /// Whether other servers may write to the same database.
    fn is_shared(&self) -> bool;
}
