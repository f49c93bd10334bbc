//! The reads: statements, bounds and rows, the same for both databases.

use hufu_core::changeset::{Collection, FeedItem, Row, Subject};
use hufu_core::store::{FeedCursor, FeedEntry, Page, Segment, SegmentKey, StoreError};

use crate::limits::bound;

/// A value bound to a statement.
#[derive(Clone, Copy)]
pub(crate) enum Bind<'a> {
    /// A 64-bit integer.
    Int(i64),
    /// A text without a zero character.
    Text(&'a str),
}

/// The columns of a result row, counted from 0.
pub(crate) trait Columns {
    /// An integer.
    fn int(&self, at: usize) -> Result<i64, sqlx::Error>;
    /// An integer or nothing.
    fn int_opt(&self, at: usize) -> Result<Option<i64>, sqlx::Error>;
    /// A text.
    fn text(&self, at: usize) -> Result<String, sqlx::Error>;
    /// A text or nothing.
    fn text_opt(&self, at: usize) -> Result<Option<String>, sqlx::Error>;
    /// Bytes.
    fn bytes(&self, at: usize) -> Result<Vec<u8>, sqlx::Error>;
}

/// Makes [`Columns`] of a driver's row type.
macro_rules! columns {
    ($row:ty) => {
        impl crate::reads::Columns for $row {
            fn int(&self, at: usize) -> Result<i64, sqlx::Error> {
                sqlx::Row::try_get(self, at)
            }
            fn int_opt(&self, at: usize) -> Result<Option<i64>, sqlx::Error> {
                sqlx::Row::try_get(self, at)
            }
            fn text(&self, at: usize) -> Result<String, sqlx::Error> {
                sqlx::Row::try_get(self, at)
            }
            fn text_opt(&self, at: usize) -> Result<Option<String>, sqlx::Error> {
                sqlx::Row::try_get(self, at)
            }
            fn bytes(&self, at: usize) -> Result<Vec<u8>, sqlx::Error> {
                sqlx::Row::try_get(self, at)
            }
        }
    };
}
pub(crate) use columns;

/// The reads along a scope. They must walk the index on it; a planner without statistics has to be told.
pub(crate) struct ScopedReads {
    last: &'static str,
    list: &'static str,
    list_after: &'static str,
}

/// Makes [`ScopedReads`] with a database's way to name an index.
macro_rules! scoped_reads {
    ($index:literal) => {
        crate::reads::ScopedReads::new(
            concat!(
                "SELECT id, scope, due, revision, body, tag FROM record ",
                $index,
                " WHERE collection = $1 AND scope = $2 ORDER BY id DESC LIMIT 1"
            ),
            concat!(
                "SELECT id, scope, due, revision, body, tag FROM record ",
                $index,
                " WHERE collection = $1 AND scope = $2 ORDER BY id LIMIT $3"
            ),
            concat!(
                "SELECT id, scope, due, revision, body, tag FROM record ",
                $index,
                " WHERE collection = $1 AND scope = $2 AND id > $4 ORDER BY id LIMIT $3"
            ),
        )
    };
}
pub(crate) use scoped_reads;

impl ScopedReads {
    /// Its statements.
    pub(crate) const fn new(last: &'static str, list: &'static str, list_after: &'static str) -> Self {
        Self { last, list, list_after }
    }
}

/// A database that answers statements.
pub(crate) trait Queries: Sync {
    /// Its rows.
    type Row: Columns + Send;

    /// The reads along a scope.
    const SCOPED: ScopedReads;

    /// All rows of an answer.
    fn rows<'a>(
        &'a self,
        sql: &'static str,
        binds: &'a [Bind<'a>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send + 'a;

    /// What a failure of decoding means.
    fn explain(error: &sqlx::Error) -> StoreError;
}

const GET: &str = "SELECT id, scope, due, revision, body, tag FROM record WHERE collection = $1 AND id = $2";
const DUE: &str = "SELECT id, scope, due, revision, body, tag FROM record WHERE collection = $1 AND due <= $2 \
     ORDER BY due, id LIMIT $3";
/// The newest number of the commit order.
pub(crate) const ORDER: &str = "SELECT n FROM commit_order";
const FEED: &str = "SELECT ord, pos, subject, leaf FROM feed WHERE (ord, pos) > ($1, $2) ORDER BY ord, pos LIMIT $3";
const SEGMENTS: &str = "SELECT writer, first_seq, count, previous_head, head, records, sealed_at FROM segment \
     ORDER BY writer, first_seq LIMIT $1";
const SEGMENTS_AFTER: &str = "SELECT writer, first_seq, count, previous_head, head, records, sealed_at FROM segment \
     WHERE (writer, first_seq) > ($2, $3) ORDER BY writer, first_seq LIMIT $1";
const SEGMENTS_LAST: &str = "SELECT writer, first_seq, count, previous_head, head, records, sealed_at FROM segment \
     ORDER BY writer DESC, first_seq DESC LIMIT $1";
const SEGMENTS_BEFORE: &str = "SELECT writer, first_seq, count, previous_head, head, records, sealed_at FROM segment \
     WHERE (writer, first_seq) < ($2, $3) ORDER BY writer DESC, first_seq DESC LIMIT $1";
// Hops from writer to writer along the primary key: a scan would read every segment ever written.
const HEADS: &str = "WITH RECURSIVE known(writer) AS (\
     SELECT (SELECT MIN(writer) FROM segment) \
     UNION ALL \
     SELECT (SELECT MIN(s.writer) FROM segment s WHERE s.writer > known.writer) FROM known WHERE known.writer IS NOT NULL\
     ) SELECT s.writer, s.first_seq, s.count, s.previous_head, s.head, s.records, s.sealed_at \
     FROM known JOIN segment s ON s.writer = known.writer \
     AND s.first_seq = (SELECT MAX(m.first_seq) FROM segment m WHERE m.writer = known.writer) ORDER BY s.writer";
/// Finds a segment.
pub(crate) const SEGMENT_EXISTS: &str = "SELECT first_seq FROM segment WHERE writer = $1 AND first_seq = $2";

pub(crate) async fn get<Q: Queries>(on: &Q, collection: Collection, id: &str) -> Result<Option<Row>, StoreError> {
    if id.contains('\0') {
        return Ok(None);
    }
    let found = on.rows(GET, &[Bind::Int(collection.code().into()), Bind::Text(id)]).await?;
    found.first().map(|columns| row::<Q>(collection, columns)).transpose()
}

pub(crate) async fn last<Q: Queries>(on: &Q, collection: Collection, scope: &str) -> Result<Option<Row>, StoreError> {
    if scope.contains('\0') {
        return Ok(None);
    }
    let found = on.rows(Q::SCOPED.last, &[Bind::Int(collection.code().into()), Bind::Text(scope)]).await?;
    found.first().map(|columns| row::<Q>(collection, columns)).transpose()
}

pub(crate) async fn list<Q: Queries>(
    on: &Q,
    collection: Collection,
    scope: &str,
    page: Page<'_>,
) -> Result<Vec<Row>, StoreError> {
    if scope.contains('\0') {
        return Ok(Vec::new());
    }
    let binds = [Bind::Int(collection.code().into()), Bind::Text(scope), Bind::Int(page.limit.into())];
    let found = match page.after {
        None => on.rows(Q::SCOPED.list, &binds).await?,
        Some(after) => {
            let [collection, scope, limit] = binds;
            on.rows(Q::SCOPED.list_after, &[collection, scope, limit, Bind::Text(storable(after))]).await?
        }
    };
    found.iter().map(|columns| row::<Q>(collection, columns)).collect()
}

pub(crate) async fn due<Q: Queries>(
    on: &Q,
    collection: Collection,
    until_ms: u64,
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    let binds = [Bind::Int(collection.code().into()), Bind::Int(bound(until_ms)), Bind::Int(limit.into())];
    let found = on.rows(DUE, &binds).await?;
    found.iter().map(|columns| row::<Q>(collection, columns)).collect()
}

pub(crate) async fn order<Q: Queries>(on: &Q) -> Result<u64, StoreError> {
    let found = on.rows(ORDER, &[]).await?;
    let columns = found.first().ok_or_else(|| StoreError::Damaged("the commit order is missing".into()))?;
    unsigned::<Q>(columns, 0)
}

pub(crate) async fn feed<Q: Queries>(on: &Q, after: FeedCursor, limit: u32) -> Result<Vec<FeedEntry>, StoreError> {
    let binds = [Bind::Int(bound(after.order)), Bind::Int(after.position.into()), Bind::Int(limit.into())];
    let found = on.rows(FEED, &binds).await?;
    found.iter().map(|columns| feed_entry::<Q>(columns)).collect()
}

pub(crate) async fn segments<Q: Queries>(
    on: &Q,
    after: Option<&SegmentKey>,
    limit: u32,
) -> Result<Vec<Segment>, StoreError> {
    beside(on, [SEGMENTS, SEGMENTS_AFTER], after, limit).await
}

pub(crate) async fn segments_before<Q: Queries>(
    on: &Q,
    before: Option<&SegmentKey>,
    limit: u32,
) -> Result<Vec<Segment>, StoreError> {
    beside(on, [SEGMENTS_LAST, SEGMENTS_BEFORE], before, limit).await
}

/// Segments on one side of a key: the statement without one, and the statement with one.
async fn beside<Q: Queries>(
    on: &Q,
    [all, from]: [&'static str; 2],
    key: Option<&SegmentKey>,
    limit: u32,
) -> Result<Vec<Segment>, StoreError> {
    let limit = Bind::Int(limit.into());
    let found = match key {
        None => on.rows(all, &[limit]).await?,
        Some(SegmentKey { writer, first_seq }) => {
            let first_seq = if writer.contains('\0') { i64::MAX } else { bound(*first_seq) };
            on.rows(from, &[limit, Bind::Text(storable(writer)), Bind::Int(first_seq)]).await?
        }
    };
    found.iter().map(|columns| segment::<Q>(columns)).collect()
}

pub(crate) async fn heads<Q: Queries>(on: &Q) -> Result<Vec<Segment>, StoreError> {
    let found = on.rows(HEADS, &[]).await?;
    found.iter().map(|columns| segment::<Q>(columns)).collect()
}

pub(crate) async fn segment_exists<Q: Queries>(on: &Q, key: &SegmentKey) -> Result<bool, StoreError> {
    let Some([writer, first_seq]) = segment_binds(key) else { return Ok(false) };
    Ok(!on.rows(SEGMENT_EXISTS, &[writer, first_seq]).await?.is_empty())
}

/// What to bind to [`SEGMENT_EXISTS`]; none when no such segment can be stored.
pub(crate) fn segment_binds(key: &SegmentKey) -> Option<[Bind<'_>; 2]> {
    let first_seq = i64::try_from(key.first_seq).ok()?;
    (!key.writer.contains('\0')).then_some([Bind::Text(&key.writer), Bind::Int(first_seq)])
}

/// A bound up to its first zero character: no stored text has one, so the same texts are greater.
fn storable(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

fn row<Q: Queries>(collection: Collection, columns: &Q::Row) -> Result<Row, StoreError> {
    Ok(Row {
        collection,
        id: columns.text(0).map_err(|e| Q::explain(&e))?,
        scope: columns.text(1).map_err(|e| Q::explain(&e))?,
        due: columns.int_opt(2).map_err(|e| Q::explain(&e))?.map(|due| natural("due", due)).transpose()?,
        revision: unsigned::<Q>(columns, 3)?,
        body: columns.bytes(4).map_err(|e| Q::explain(&e))?,
        tag: columns.bytes(5).map_err(|e| Q::explain(&e))?,
    })
}

fn feed_entry<Q: Queries>(columns: &Q::Row) -> Result<FeedEntry, StoreError> {
    let at = FeedCursor { order: unsigned::<Q>(columns, 0)?, position: small::<Q>(columns, 1)? };
    let subject = Subject::new(&columns.text(2).map_err(|e| Q::explain(&e))?);
    let leaf = columns.text_opt(3).map_err(|e| Q::explain(&e))?;
    Ok(FeedEntry { at, item: FeedItem { subject, leaf } })
}

fn segment<Q: Queries>(columns: &Q::Row) -> Result<Segment, StoreError> {
    Ok(Segment {
        writer: columns.text(0).map_err(|e| Q::explain(&e))?,
        first_seq: unsigned::<Q>(columns, 1)?,
        count: small::<Q>(columns, 2)?,
        previous_head: hash::<Q>(columns, 3)?,
        head: hash::<Q>(columns, 4)?,
        records: columns.bytes(5).map_err(|e| Q::explain(&e))?,
        sealed_at: unsigned::<Q>(columns, 6)?,
    })
}

fn hash<Q: Queries>(columns: &Q::Row, at: usize) -> Result<[u8; 32], StoreError> {
    let bytes = columns.bytes(at).map_err(|e| Q::explain(&e))?;
    bytes.try_into().map_err(|_| StoreError::Damaged("a segment's head has not 32 bytes".into()))
}

fn small<Q: Queries>(columns: &Q::Row, at: usize) -> Result<u32, StoreError> {
    let value = unsigned::<Q>(columns, at)?;
    u32::try_from(value).map_err(|_| StoreError::Damaged(format!("{value} exceeds 32 bits")))
}

fn unsigned<Q: Queries>(columns: &Q::Row, at: usize) -> Result<u64, StoreError> {
    natural("number", columns.int(at).map_err(|e| Q::explain(&e))?)
}

fn natural(name: &str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Damaged(format!("a {name} is {value}")))
}
