//! A session that writes, and the end of the one before it.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

/// How often at most it is looked whether the session before has ended.
const CHECKS_MAX: u32 = 100;
const CHECK_EVERY: Duration = Duration::from_millis(20);

// A server that waits for the standby's confirmation, or for its replay, keeps that; a weaker setting is raised.
const SET_UP: &str = "SELECT pg_backend_pid(), \
     (SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()), \
     set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') = 'remote_apply' \
     THEN 'remote_apply' ELSE 'on' END, false)";
const END: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2";

/// Tells one server process from every other, also from a later one with its number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pid: i32,
    started: String,
}

/// A session that writes.
pub(super) struct Session {
    /// Its connection.
    pub(super) connection: PgConnection,
    /// The server process behind it.
    pub(super) identity: Identity,
}

impl Session {
    /// Opens a session.
    pub(super) async fn open(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        let mut connection = PgConnection::connect_with(options).await?;
        let (pid, started, _): (i32, String, String) = sqlx::query_as(SET_UP).fetch_one(&mut connection).await?;
        Ok(Self { connection, identity: Identity { pid, started } })
    }

    /// Makes sure that an earlier session is over, so that nothing it was told is done any more.
    ///
    /// A server process does not notice at once that its client is gone: it may wait for a lock and commit much
    /// later. Only when it has ended is the outcome of its last commit settled.
    pub(super) async fn end(&mut self, other: &Identity) -> Result<(), sqlx::Error> {
        for _ in 0..CHECKS_MAX {
            let alive =
                sqlx::query(END).bind(other.pid).bind(&*other.started).fetch_all(&mut self.connection).await?;
            if alive.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(CHECK_EVERY).await;
        }
        Err(sqlx::Error::PoolTimedOut)
    }
}
