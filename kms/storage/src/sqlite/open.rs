//! How a database is opened.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::Mutex;

use super::failure::explain_open;
use super::reserve::Reserve;
use super::writer::Writer;
use super::{SqliteStore, files};
use crate::OpenError;
use crate::migration::{Migration, pending};
use crate::readers::Readers;

/// Marks the file as ours: `HUFU` in ASCII.
const APPLICATION_ID: i64 = 0x4855_4655;

static MIGRATIONS: [Migration; 1] =
    [Migration { version: 1, sql: include_str!("../../migrations/sqlite/0001_initial.sql") }];

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Whether an absent or empty database is created.
    pub create: bool,
    /// Connections for reads.
    pub readers: usize,
    /// Bytes set aside for the day the disk is full; 0 for none.
    pub reserve_bytes: u64,
    /// Page cache of the writer, in KiB. A reader has a quarter of it.
    pub cache_kib: u32,
    /// Longest wait for a lock, a connection or the answer of a read.
    pub wait_max: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { create: false, readers: 3, reserve_bytes: 16 << 20, cache_kib: 8192, wait_max: Duration::from_secs(5) }
    }
}

pub(super) async fn open(path: &Path, options: SqliteOptions) -> Result<SqliteStore, OpenError> {
    let lock = files::lock(path)?;
    files::prepare(path, options.create)?;
    let write = write_options(path, &options);
    let mut connection = SqliteConnection::connect_with(&write).await.map_err(|error| explain_open(&error))?;
    migrate(&mut connection).await?;
    files::sync_parent(path).map_err(|error| OpenError::Unavailable(error.to_string()))?;
    Ok(SqliteStore {
        writer: Mutex::new(Writer::new(write, connection)),
        readers: Readers::new(read_options(path, &options), options.readers, options.wait_max),
        reserve: Reserve::new(files::beside(path, ".reserve"), options.reserve_bytes),
        place: files::Place::of(path).map_err(|error| OpenError::Unavailable(error.to_string()))?,
        _lock: lock,
    })
}

fn common(path: &Path, options: &SqliteOptions, cache_kib: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(options.wait_max)
        .synchronous(SqliteSynchronous::Full)
        .statement_cache_capacity(32)
        .pragma("cache_size", format!("-{cache_kib}"))
        .pragma("mmap_size", "0")
        .pragma("temp_store", "MEMORY")
        // The file is not trusted: no functions from its schema, and pages are checked as they are read.
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .thread_name(|id| format!("sqlite-{id}"))
        .disable_statement_logging()
}

fn write_options(path: &Path, options: &SqliteOptions) -> SqliteConnectOptions {
    common(path, options, options.cache_kib)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("journal_size_limit", (64 << 20).to_string())
}

fn read_options(path: &Path, options: &SqliteOptions) -> SqliteConnectOptions {
    common(path, options, options.cache_kib / 4).pragma("query_only", "ON")
}

async fn migrate(on: &mut SqliteConnection) -> Result<(), OpenError> {
    let found = version(on).await?;
    for migration in pending(&MIGRATIONS, found)? {
        run(on, migration).await.map_err(|error| explain_open(&error))?;
    }
    Ok(())
}

/// 0 for an empty database.
async fn version(on: &mut SqliteConnection) -> Result<i64, OpenError> {
    let application_id = number(on, "PRAGMA application_id").await?;
    let tables = number(on, "SELECT COUNT(*) FROM sqlite_schema").await?;
    match (application_id, tables) {
        (0, 0) => Ok(0),
        (APPLICATION_ID, _) => number(on, "SELECT version FROM schema_version").await.map_err(|error| match error {
            OpenError::Unavailable(why) => OpenError::Damaged(why),
            other => other,
        }),
        _ => Err(OpenError::Foreign(format!("application id {application_id}, {tables} tables and indexes"))),
    }
}

async fn number(on: &mut SqliteConnection, sql: &'static str) -> Result<i64, OpenError> {
    sqlx::query_scalar(sql).fetch_one(on).await.map_err(|error| explain_open(&error))
}

async fn run(on: &mut SqliteConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    let mut transaction = on.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql("PRAGMA application_id = 1213548117").execute(&mut *transaction).await?;
    sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
    transaction.commit().await
}
