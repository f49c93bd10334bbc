//! The one session that writes.

use std::time::Duration;

use hufu_core::store::{Segment, StoreError};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Connection, PgConnection, Postgres, Row as _};
use tokio::time::timeout;

use super::failure::{Failure, explain};
use super::session::{Identity, Session};
use crate::limits::bound;
use crate::plan::{Plan, RowKey};
use crate::reads::{Bind, ORDER};

const APPEND: &str = "SELECT append_segment($1, $2, $3, $4, $5, $6, $7)";
// The lock is taken before any row is looked at. It holds off every other group of every server until this one has
// committed, so the guards need no row locks, and a later statement sees all that was committed before.
const BEGIN: &str = "BEGIN; SELECT lock_commit_order_alone()";
const REVISIONS: &str = "SELECT g.place, r.revision FROM unnest($1::int2[], $2::text[]) \
     WITH ORDINALITY AS g(collection, id, place) JOIN record r ON r.collection = g.collection AND r.id = g.id";
// One round trip for a whole group. The parts see one snapshot, and no two of them the same row.
const WRITE: &str = "WITH \
     gone AS (DELETE FROM record USING unnest($1::int2[], $2::text[]) AS d(collection, id) \
         WHERE record.collection = d.collection AND record.id = d.id), \
     put AS (INSERT INTO record (collection, id, scope, due, revision, body, tag) \
         SELECT * FROM unnest($3::int2[], $4::text[], $5::text[], $6::int8[], $7::int8[], $8::bytea[], $9::bytea[]) \
         ON CONFLICT (collection, id) DO UPDATE SET scope = excluded.scope, due = excluded.due, \
         revision = excluded.revision, body = excluded.body, tag = excluded.tag), \
     numbered AS (UPDATE commit_order SET n = n + 1 WHERE cardinality($10::text[]) > 0 RETURNING n), \
     told AS (INSERT INTO feed (ord, pos, subject, leaf) SELECT numbered.n, f.place - 1, f.subject, f.leaf \
         FROM numbered, unnest($10::text[], $11::text[]) WITH ORDINALITY AS f(subject, leaf, place)), \
     sealed AS (INSERT INTO segment (writer, first_seq, count, previous_head, head, records, sealed_at) \
         VALUES ($12, $13, $14, $15, $16, $17, $18)) \
     SELECT COALESCE((SELECT n FROM numbered), (SELECT n FROM commit_order))";

/// The one session that writes, and what is known of the one before it.
pub(super) struct Writer {
    options: PgConnectOptions,
    wait_max: Duration,
    session: Option<Session>,
    /// The last server process that may still be at work on a group.
    before: Option<Identity>,
}

impl Writer {
    /// A writer without a session yet. The server gives up after `wait_max`; we do so a little later.
    pub(super) fn new(options: PgConnectOptions, wait_max: Duration) -> Self {
        Self { options, wait_max: wait_max + wait_max / 4, session: None, before: None }
    }

    /// Takes the session out for a group; one that fails or is abandoned is not given back and dies, and the next one
    /// sees to it that the server has noticed.
    pub(super) async fn take(&mut self) -> Result<Session, Failure> {
        let opened = match self.session.take() {
            Some(session) => Ok(session),
            None => limited(self.wait_max, self.open()).await,
        };
        let session = opened.map_err(Failure::before_commit)?;
        self.before = Some(session.identity.clone());
        Ok(session)
    }

    /// Gives the session back after a group whose outcome is certain.
    pub(super) fn give_back(&mut self, session: Session) {
        self.before = None;
        self.session = Some(session);
    }

    /// Makes certain what became of a commit of unknown outcome.
    pub(super) async fn settle(&mut self) -> Result<(), StoreError> {
        if self.before.is_some() {
            let session = limited(self.wait_max, self.open()).await.map_err(|error| explain(&error))?;
            self.give_back(session);
        }
        Ok(())
    }

    /// Closes for good.
    pub(super) async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            // It is between groups and has nothing to lose.
            let _ = session.connection.close().await;
        }
    }

    /// The longest wait for one answer.
    pub(super) fn wait_max(&self) -> Duration {
        self.wait_max
    }

    async fn open(&self) -> Result<Session, sqlx::Error> {
        let mut session = Session::open(&self.options).await?;
        if let Some(before) = &self.before {
            session.end(before).await?;
        }
        Ok(session)
    }
}

/// Runs a step, no longer than it may take.
pub(super) async fn limited<T>(
    wait_max: Duration,
    step: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(wait_max, step).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// A statement with its values.
pub(super) fn query<'a>(sql: &'static str, binds: &[Bind<'a>]) -> Query<'a, Postgres, PgArguments> {
    binds.iter().fold(sqlx::query(sql), |query, bind| match *bind {
        Bind::Int(value) => query.bind(value),
        Bind::Text(value) => query.bind(value),
    })
}

/// Commits an audit-only group in one round trip and tells the newest number of the commit order.
pub(super) async fn append(on: &mut PgConnection, segment: &Segment) -> Result<u64, sqlx::Error> {
    only_number(on, with_segment(sqlx::query(APPEND), segment)).await
}

/// Begins a state-changing group, alone.
pub(super) async fn begin(on: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(BEGIN).execute(on).await.map(drop)
}

/// The revisions of rows, those that are there.
pub(super) async fn revisions(on: &mut PgConnection, keys: &[RowKey<'_>]) -> Result<Vec<(usize, u64)>, sqlx::Error> {
    let collections: Vec<i16> = keys.iter().map(|(collection, _)| collection.code()).collect();
    let ids: Vec<&str> = keys.iter().map(|(_, id)| *id).collect();
    let rows = sqlx::query(REVISIONS).bind(collections).bind(ids).fetch_all(on).await?;
    rows.iter().map(|row| Ok((usize::try_from(number(row, 0)? - 1).unwrap_or(usize::MAX), number(row, 1)?))).collect()
}

/// The newest number of the commit order.
pub(super) async fn order(on: &mut PgConnection) -> Result<u64, sqlx::Error> {
    only_number(on, sqlx::query(ORDER)).await
}

/// Writes a planned group and tells the newest number of the commit order.
pub(super) async fn write(on: &mut PgConnection, plan: &Plan<'_>, segment: &Segment) -> Result<u64, sqlx::Error> {
    let puts = &plan.puts;
    let query = sqlx::query(WRITE)
        .bind(plan.deletes.iter().map(|(collection, _)| collection.code()).collect::<Vec<_>>())
        .bind(plan.deletes.iter().map(|(_, id)| *id).collect::<Vec<_>>())
        .bind(puts.iter().map(|row| row.collection.code()).collect::<Vec<_>>())
        .bind(puts.iter().map(|row| &*row.id).collect::<Vec<_>>())
        .bind(puts.iter().map(|row| &*row.scope).collect::<Vec<_>>())
        .bind(puts.iter().map(|row| row.due.map(bound)).collect::<Vec<_>>())
        .bind(puts.iter().map(|row| bound(row.revision)).collect::<Vec<_>>())
        .bind(puts.iter().map(|row| &*row.body).collect::<Vec<_>>())
        .bind(puts.iter().map(|row| &*row.tag).collect::<Vec<_>>())
        .bind(plan.feed.iter().map(|item| &*item.subject.0).collect::<Vec<_>>())
        .bind(plan.feed.iter().map(|item| item.leaf.as_deref()).collect::<Vec<_>>());
    only_number(on, with_segment(query, segment)).await
}

/// Ends a group.
pub(super) async fn end(on: &mut PgConnection, how: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(how).execute(on).await.map(drop)
}

fn with_segment<'a>(
    query: Query<'a, Postgres, PgArguments>,
    segment: &'a Segment,
) -> Query<'a, Postgres, PgArguments> {
    query
        .bind(&*segment.writer)
        .bind(bound(segment.first_seq))
        .bind(i64::from(segment.count))
        .bind(segment.previous_head.as_slice())
        .bind(segment.head.as_slice())
        .bind(&*segment.records)
        .bind(bound(segment.sealed_at))
}

async fn only_number(on: &mut PgConnection, query: Query<'_, Postgres, PgArguments>) -> Result<u64, sqlx::Error> {
    // To the end of the answer: a statement that commits itself can fail after its row was sent.
    let rows = query.fetch_all(on).await?;
    rows.first().ok_or(sqlx::Error::RowNotFound).and_then(|row| number(row, 0))
}

fn number(row: &PgRow, at: usize) -> Result<u64, sqlx::Error> {
    let value: i64 = row.try_get(at)?;
    u64::try_from(value).map_err(|error| sqlx::Error::Decode(error.into()))
}
