//! The one connection that writes.

use hufu_core::store::{Segment, StoreError};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{Connection, Row as _, Sqlite, SqliteConnection};

use super::failure::Failure;
use crate::plan::{Plan, RowKey};
use crate::reads::{Bind, ORDER};

const APPEND: &str = "INSERT INTO segment (writer, first_seq, count, previous_head, head, records, sealed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const REVISION: &str = "SELECT revision FROM record WHERE collection = $1 AND id = $2";
const DELETE: &str = "DELETE FROM record WHERE collection = $1 AND id = $2";
const PUT: &str = "INSERT INTO record (collection, id, scope, due, revision, body, tag) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (collection, id) DO UPDATE SET \
     scope = excluded.scope, due = excluded.due, revision = excluded.revision, body = excluded.body, tag = excluded.tag";
const NUMBER: &str = "UPDATE commit_order SET n = $1";
const TELL: &str = "INSERT INTO feed (ord, pos, subject, leaf) VALUES ($1, $2, $3, $4)";
const SETTLE: &str = "UPDATE schema_version SET settled = settled + 1";

/// The one connection that writes, and what is known of its last commit.
pub(super) struct Writer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    /// The newest number of the commit order. Nobody else can change it while this store holds the lock file, so it
    /// is read once a connection and every group is spared a row that would have to travel between two threads.
    order: Option<u64>,
    in_transaction: bool,
    unsettled: bool,
}

impl Writer {
    /// A writer over an open connection.
    pub(super) fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self { options, connection: Some(connection), order: None, in_transaction: false, unsettled: false }
    }

    /// Commits an audit-only group and tells the newest number of the commit order.
    pub(super) async fn append(&mut self, segment: &Segment) -> Result<u64, Failure> {
        self.ready().await?;
        let order = self.order().await?;
        self.unsettled = true;
        let appended = append_on(self.connected()?, segment).await.map_err(Failure::at_commit);
        self.note(&appended);
        appended.map(|()| order)
    }

    /// Begins a state-changing group. If its future is dropped before [`Self::commit`], the next group undoes it.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        self.ready().await?;
        self.in_transaction = true;
        self.execute("BEGIN IMMEDIATE").await.map_err(Failure::before_commit)
    }

    /// The revision of a row.
    pub(super) async fn revision(&mut self, (collection, id): &RowKey<'_>) -> Result<Option<u64>, Failure> {
        let binds = [Bind::Int(collection.code().into()), Bind::Text(id)];
        let rows = query(REVISION, &binds).fetch_all(self.connected()?).await.map_err(Failure::before_commit)?;
        rows.first().map(number).transpose().map_err(Failure::before_commit)
    }

    /// The newest number of the commit order.
    pub(super) async fn order(&mut self) -> Result<u64, Failure> {
        if let Some(order) = self.order {
            return Ok(order);
        }
        let rows = query(ORDER, &[]).fetch_all(self.connected()?).await.map_err(Failure::before_commit)?;
        let read = rows.first().ok_or(sqlx::Error::RowNotFound).and_then(number).map_err(Failure::before_commit)?;
        self.order = Some(read);
        Ok(read)
    }

    /// Writes a planned group and tells the number of the commit order that is the newest once it is committed.
    pub(super) async fn write(&mut self, plan: &Plan<'_>, segment: &Segment) -> Result<u64, Failure> {
        let order = self.order().await? + u64::from(!plan.feed.is_empty());
        write_on(self.connected()?, plan, order, segment).await.map_err(Failure::before_commit)?;
        Ok(order)
    }

    /// Makes the group durable; the commit order then stands at `order`.
    pub(super) async fn commit(&mut self, order: u64) -> Result<(), Failure> {
        self.unsettled = true;
        self.order = None;
        let committed = self.execute("COMMIT").await.map_err(Failure::at_commit);
        self.in_transaction = committed.is_err();
        self.order = committed.is_ok().then_some(order);
        self.note(&committed);
        committed
    }

    /// Leaves a group without writing anything.
    pub(super) async fn roll_back(&mut self) -> Result<(), Failure> {
        self.execute("ROLLBACK").await.map_err(Failure::before_commit)?;
        self.in_transaction = false;
        Ok(())
    }

    /// Makes certain what became of a commit of unknown outcome.
    ///
    /// A write that reaches the disk takes the place of whatever the failed one may have left at the end of the
    /// write-ahead log, so that no recovery finds it there any more. Setting a value to itself would write nothing.
    pub(super) async fn settle(&mut self) -> Result<(), StoreError> {
        if !self.unsettled {
            return Ok(());
        }
        let settled = match self.ready().await {
            Ok(()) => self.execute(SETTLE).await.map_err(Failure::at_commit),
            Err(failure) => Err(failure),
        };
        if settled.is_err() {
            self.discard().await;
            return Err(StoreError::Unavailable("a commit of unknown outcome is not settled yet".into()));
        }
        self.unsettled = false;
        Ok(())
    }

    /// Throws the connection away: closing it undoes what it had begun. The next group opens a new one.
    pub(super) async fn discard(&mut self) {
        self.in_transaction = false;
        self.order = None;
        if let Some(connection) = self.connection.take() {
            // Waits for its thread, so that nothing it was told to do happens later.
            let _ = connection.close().await;
        }
    }

    /// Closes for good.
    pub(super) async fn close(&mut self) {
        self.discard().await;
    }

    async fn ready(&mut self) -> Result<(), Failure> {
        if self.in_transaction {
            self.discard().await;
        }
        if self.connection.is_none() {
            let opened = SqliteConnection::connect_with(&self.options).await.map_err(Failure::before_commit)?;
            self.connection = Some(opened);
        }
        Ok(())
    }

    fn connected(&mut self) -> Result<&mut SqliteConnection, Failure> {
        self.connection.as_mut().ok_or_else(|| Failure::before_commit(sqlx::Error::WorkerCrashed))
    }

    fn note<T>(&mut self, outcome: &Result<T, Failure>) {
        self.unsettled = outcome.as_ref().is_err_and(|failure| !failure.is_certain());
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)?;
        sqlx::query(sql).execute(connection).await.map(drop)
    }
}

/// A statement with its values.
pub(super) fn query<'a>(sql: &'static str, binds: &[Bind<'a>]) -> Query<'a, Sqlite, SqliteArguments> {
    binds.iter().fold(sqlx::query(sql), |query, bind| match *bind {
        Bind::Int(value) => query.bind(value),
        Bind::Text(value) => query.bind(value),
    })
}

async fn append_on(on: &mut SqliteConnection, segment: &Segment) -> Result<(), sqlx::Error> {
    let query = sqlx::query(APPEND)
        .bind(&*segment.writer)
        .bind(signed(segment.first_seq))
        .bind(i64::from(segment.count))
        .bind(segment.previous_head.as_slice())
        .bind(segment.head.as_slice())
        .bind(&*segment.records)
        .bind(signed(segment.sealed_at));
    // Ends only when the statement has committed. With RETURNING, `fetch_one` would end at the first row, which
    // comes before the commit, and lose its failure.
    query.execute(on).await.map(drop)
}

async fn write_on(
    on: &mut SqliteConnection,
    plan: &Plan<'_>,
    order: u64,
    segment: &Segment,
) -> Result<(), sqlx::Error> {
    for (collection, id) in &plan.deletes {
        sqlx::query(DELETE).bind(collection.code()).bind(*id).execute(&mut *on).await?;
    }
    for row in &plan.puts {
        let put = sqlx::query(PUT).bind(row.collection.code()).bind(&*row.id).bind(&*row.scope);
        let put = put.bind(row.due.map(signed)).bind(signed(row.revision)).bind(&*row.body).bind(&*row.tag);
        put.execute(&mut *on).await?;
    }
    if !plan.feed.is_empty() {
        sqlx::query(NUMBER).bind(signed(order)).execute(&mut *on).await?;
    }
    for (item, position) in plan.feed.iter().zip(0_i64..) {
        let tell = sqlx::query(TELL).bind(signed(order)).bind(position);
        tell.bind(&*item.subject.0).bind(item.leaf.as_deref()).execute(&mut *on).await?;
    }
    append_on(on, segment).await
}

fn number(row: &SqliteRow) -> Result<u64, sqlx::Error> {
    let value: i64 = row.try_get(0)?;
    u64::try_from(value).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A number that [`crate::limits`] has let through.
fn signed(value: u64) -> i64 {
    crate::limits::bound(value)
}
