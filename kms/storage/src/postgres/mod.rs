//! The store on PostgreSQL, shared by any number of servers.

mod commit;
mod failure;
mod open;
mod options;
mod session;
mod writer;

pub use options::PostgresOptions;

use hufu_core::BoxFuture;
use hufu_core::changeset::{Changeset, Collection, Row};
use hufu_core::store::{
    CommitError, Committed, FeedCursor, FeedEntry, Page, Sealer, Segment, SegmentKey, Store, StoreError,
};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use tokio::sync::Mutex;

use crate::OpenError;
use crate::readers::Readers;
use crate::reads::{self, Bind, Queries, ScopedReads};
use writer::Writer;

/// The store on PostgreSQL.
///
/// Commits go over one session, opened by the first commit on the Tokio runtime of whoever commits; reads over a few
/// others. The session must be a real one: a pooler between that hands transactions to changing backends would
/// break the settling of commits of unknown outcome.
pub struct PostgresStore {
    writer: Mutex<Writer>,
    readers: Readers<PgConnection>,
}

impl PostgresStore {
    /// Connects to a database, creating the schema and migrating it as needed.
    ///
    /// The URL is `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`. It comes from a file, never from the
    /// command line, and appears in no error.
    ///
    /// # Errors
    /// [`OpenError`] for each way in which that can fail.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        open::connect(url, options).await
    }

    /// Closes every connection. The store is of no use afterwards.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.lock().await.close().await;
    }
}

crate::reads::columns!(PgRow);

impl Queries for PostgresStore {
    type Row = PgRow;

    const SCOPED: ScopedReads = reads::scoped_reads!("");

    async fn rows<'a>(&'a self, sql: &'static str, binds: &'a [Bind<'a>]) -> Result<Vec<PgRow>, StoreError> {
        let mut fresh = false;
        loop {
            let mut lease = self.readers.lease(fresh).await.map_err(|error| failure::explain(&error))?;
            match self.readers.within(writer::query(sql, binds).fetch_all(&mut lease.connection)).await {
                Ok(rows) => {
                    lease.give_back();
                    return Ok(rows);
                }
                // It died while it was idle: that says nothing of the database.
                Err(error) if lease.was_idle && failure::is_lost(&error) => fresh = true,
                Err(error) => return Err(failure::explain(&error)),
            }
        }
    }

    fn explain(error: &sqlx::Error) -> StoreError {
        failure::explain(error)
    }
}

impl Store for PostgresStore {
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
        true
    }
}
