//! The store on SQLite: one process, one writer, a write-ahead log synchronised at every commit.

mod commit;
mod failure;
mod files;
mod open;
mod reserve;
mod writer;

pub use open::SqliteOptions;

use std::fs::File;
use std::path::Path;

use hufu_core::BoxFuture;
use hufu_core::changeset::{Changeset, Collection, Row};
use hufu_core::store::{
    CommitError, Committed, FeedCursor, FeedEntry, Page, Sealer, Segment, SegmentKey, Store, StoreError,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tokio::sync::Mutex;

use crate::OpenError;
use crate::readers::Readers;
use crate::reads::{self, Bind, Queries, ScopedReads};
use files::Place;
use reserve::Reserve;
use writer::Writer;

/// The store on SQLite.
///
/// Beside the database `NAME` stand `NAME.lock`, held while it is open, and `NAME.reserve`, space set aside for the
/// day the disk is full. On that day the reserve is given up at the first state-changing group that finds no room,
/// so that keys can still be revoked; from then on audit-only groups, and with them every use of a key, are refused
/// until there is room to set the reserve aside again.
///
/// Needs a Tokio runtime with time. Works on a thread of its own, so that any runtime will do.
pub struct SqliteStore {
    writer: Mutex<Writer>,
    readers: Readers<SqliteConnection>,
    reserve: Reserve,
    place: Place,
    _lock: File,
}

impl SqliteStore {
    /// Opens a database, creating and migrating it as needed.
    ///
    /// # Errors
    /// [`OpenError`] for each way in which that can fail.
    pub async fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        open::open(path, options).await
    }

    /// Gives up the reserved space and tells whether there was any. Done without being asked when a state-changing
    /// group finds the disk full.
    pub fn release_reserve(&self) -> bool {
        self.reserve.release()
    }

    /// Whether the reserved space has been given up: the disk is, or was, full.
    #[must_use]
    pub fn is_reserve_released(&self) -> bool {
        self.reserve.is_released()
    }

    /// Closes every connection after moving the write-ahead log into the database. The store is of no use
    /// afterwards; another one can open the database once it is dropped.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.lock().await.close().await;
    }
}

crate::reads::columns!(SqliteRow);

impl Queries for SqliteStore {
    type Row = SqliteRow;

    const SCOPED: ScopedReads = reads::scoped_reads!("INDEXED BY record_by_scope");

    async fn rows<'a>(&'a self, sql: &'static str, binds: &'a [Bind<'a>]) -> Result<Vec<SqliteRow>, StoreError> {
        let mut lease = self.readers.lease(false).await.map_err(|error| failure::explain(&error))?;
        let answer = self.readers.within(writer::query(sql, binds).fetch_all(&mut lease.connection)).await;
        let rows = answer.map_err(|error| failure::explain(&error))?;
        lease.give_back();
        Ok(rows)
    }

    fn explain(error: &sqlx::Error) -> StoreError {
        failure::explain(error)
    }
}

impl Store for SqliteStore {
    fn commit<'a>(
        &'a self,
        batch: &'a [Changeset],
        sealer: &'a mut dyn Sealer,
    ) -> BoxFuture<'a, Result<Committed, CommitError>> {
        Box::pin(self.commit_group(batch, sealer))
    }

    fn segment_exists<'a>(&'a self, key: &'a SegmentKey) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            self.writer.lock().await.settle().await?;
            reads::segment_exists(self, key).await
        })
    }

    fn get<'a>(&'a self, collection: Collection, id: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(reads::get(self, collection, id))
    }

    fn last<'a>(&'a self, collection: Collection, scope: &'a str) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(reads::last(self, collection, scope))
    }

    fn list<'a>(
        &'a self,
        collection: Collection,
        scope: &'a str,
        page: Page<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(reads::list(self, collection, scope, page))
    }

    fn due(&self, collection: Collection, until_ms: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        Box::pin(reads::due(self, collection, until_ms, limit))
    }

    fn order(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(reads::order(self))
    }

    fn feed(&self, after: FeedCursor, limit: u32) -> BoxFuture<'_, Result<Vec<FeedEntry>, StoreError>> {
        Box::pin(reads::feed(self, after, limit))
    }

    fn segments<'a>(
        &'a self,
        after: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        Box::pin(reads::segments(self, after, limit))
    }

    fn segments_before<'a>(
        &'a self,
        before: Option<&'a SegmentKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Segment>, StoreError>> {
        Box::pin(reads::segments_before(self, before, limit))
    }

    fn heads(&self) -> BoxFuture<'_, Result<Vec<Segment>, StoreError>> {
        Box::pin(reads::heads(self))
    }

    fn is_shared(&self) -> bool {
        false
    }
}
