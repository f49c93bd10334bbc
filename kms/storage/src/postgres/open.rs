//! How a database is made ready.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::Mutex;

use super::PostgresStore;
use super::failure::explain_open;
use super::options::{PostgresOptions, session_options};
use super::writer::{Writer, limited};
use crate::OpenError;
use crate::migration::{Migration, pending};
use crate::readers::Readers;

static MIGRATIONS: [Migration; 1] =
    [Migration { version: 1, sql: include_str!("../../migrations/postgres/0001_initial.sql") }];

/// Settings whose being off loses acknowledged commits.
const MUST_BE_ON: [&str; 2] = ["fsync", "full_page_writes"];

pub(super) async fn connect(url: &str, options: PostgresOptions) -> Result<PostgresStore, OpenError> {
    let session = session_options(url, &options)?;
    let wait_max = options.wait_max;
    limited(wait_max, async { Ok(make_ready(&session, &options).await) }).await.map_err(|e| explain_open(&e))??;
    Ok(PostgresStore {
        writer: Mutex::new(Writer::new(session.clone(), wait_max)),
        readers: Readers::new(session, options.readers, wait_max),
    })
}

async fn make_ready(session: &PgConnectOptions, options: &PostgresOptions) -> Result<(), OpenError> {
    let mut connection = PgConnection::connect_with(session).await.map_err(|error| explain_open(&error))?;
    if !options.development {
        check_durable(&mut connection).await?;
    }
    migrate(&mut connection, &options.schema).await?;
    connection.close().await.map_err(|error| explain_open(&error))
}

async fn check_durable(on: &mut PgConnection) -> Result<(), OpenError> {
    for setting in MUST_BE_ON {
        let query = sqlx::query_scalar("SELECT current_setting($1)").bind(setting);
        let value: String = query.fetch_one(&mut *on).await.map_err(|error| explain_open(&error))?;
        if value != "on" {
            return Err(OpenError::NotDurable(setting));
        }
    }
    Ok(())
}

/// Runs what is missing in one transaction, one server at a time.
async fn migrate(on: &mut PgConnection, schema: &str) -> Result<(), OpenError> {
    let mut transaction = on.begin().await.map_err(|error| explain_open(&error))?;
    let found = lock_and_find(&mut transaction, schema).await.map_err(|error| explain_open(&error))?;
    for migration in pending(&MIGRATIONS, found)? {
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await.map_err(|error| explain_open(&error))?;
    }
    transaction.commit().await.map_err(|error| explain_open(&error))
}

/// The version of the schema, 0 for none.
async fn lock_and_find(on: &mut PgConnection, schema: &str) -> Result<i64, sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(1213548117, 0)").execute(&mut *on).await?;
    let known = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1").bind(schema).fetch_all(&mut *on).await?;
    if known.is_empty() {
        // The name has been checked to be a plain identifier.
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA \"{schema}\""))).execute(&mut *on).await?;
    }
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('schema_version') IS NOT NULL").fetch_one(&mut *on).await?;
    if !there {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT version FROM schema_version").fetch_one(on).await
}
