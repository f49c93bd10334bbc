//! The PostgreSQL store keeps the promises of the seam. Needs `HUFU_TEST_POSTGRES`, the URL of a database in which
//! schemas may be created.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail by panicking and says what it skips")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use hufu_conformance::store;
use hufu_core::changeset::Changeset;
use hufu_core::store::{CommitError, Sealer, Segment, SegmentKey, Store};
use hufu_storage::{OpenError, PostgresOptions, PostgresStore};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Schemas of one test, dropped at its end.
struct Scratch {
    url: String,
    prefix: String,
    next: AtomicU32,
}

impl Scratch {
    fn new(test: &str) -> Option<Self> {
        let Ok(url) = std::env::var("HUFU_TEST_POSTGRES") else {
            println!("skipped: HUFU_TEST_POSTGRES not set");
            return None;
        };
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        Some(Self { url, prefix: format!("t_{test}_{nanos:x}"), next: AtomicU32::new(0) })
    }

    fn options(&self, number: u32) -> PostgresOptions {
        PostgresOptions {
            schema: format!("{}_{number}", self.prefix),
            development: true,
            ..PostgresOptions::default()
        }
    }

    async fn open(&self, number: u32) -> PostgresStore {
        self.next.fetch_max(number + 1, Ordering::Relaxed);
        PostgresStore::connect(&self.url, self.options(number)).await.unwrap()
    }

    async fn fresh(&self) -> PostgresStore {
        let number = self.next.load(Ordering::Relaxed);
        self.open(number).await
    }

    async fn admin(&self) -> PgConnection {
        let mut admin = PgConnection::connect(&self.url).await.unwrap();
        let path = format!("SET search_path TO {}_0", self.prefix);
        sqlx::raw_sql(AssertSqlSafe(path)).execute(&mut admin).await.unwrap();
        admin
    }

    async fn drop(self) {
        let mut admin = PgConnection::connect(&self.url).await.unwrap();
        for number in 0..self.next.load(Ordering::Relaxed) {
            let drop = format!("DROP SCHEMA {}_{number} CASCADE", self.prefix);
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
        }
    }
}

struct Seals(u64);

impl Sealer for Seals {
    fn seal(&mut self, _: &[bool]) -> Segment {
        let (previous_head, head) = ([0; 32], [1; 32]);
        let (writer, first_seq) = ("w".into(), self.0);
        Segment { writer, first_seq, count: 1, previous_head, head, records: vec![1], sealed_at: 2 }
    }
}

fn key(first_seq: u64) -> SegmentKey {
    SegmentKey { writer: "w".into(), first_seq }
}

fn audit_only() -> [Changeset; 1] {
    [Changeset::default()]
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_the_suite() {
    let Some(scratch) = Scratch::new("suite") else { return };
    store::suite(async || Arc::new(scratch.fresh().await) as Arc<dyn Store>).await.unwrap();
    scratch.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_everything_when_reopened() {
    let Some(scratch) = Scratch::new("reopen") else { return };
    store::reopening(async || Arc::new(scratch.open(0).await) as Arc<dyn Store>).await.unwrap();
    scratch.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_share_one_order() {
    let Some(scratch) = Scratch::new("share") else { return };
    store::sharing(async || Arc::new(scratch.open(0).await) as Arc<dyn Store>).await.unwrap();
    scratch.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_together_migrate_once() {
    let Some(scratch) = Scratch::new("race") else { return };
    let (one, two, three) = tokio::join!(scratch.open(0), scratch.open(0), scratch.open(0));
    for store in [one, two, three] {
        assert_eq!(store.order().await.unwrap(), 0);
    }
    scratch.drop().await;
}

#[tokio::test]
async fn a_lost_session_is_settled_and_replaced() {
    let Some(scratch) = Scratch::new("lost") else { return };
    let store = scratch.open(0).await;
    store.commit(&audit_only(), &mut Seals(0)).await.unwrap();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = $1 AND query LIKE '%append_segment%'";
    let ours = format!("hufu {}_0", scratch.prefix);
    sqlx::query(kill).bind(ours).execute(&mut scratch.admin().await).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let lost = store.commit(&audit_only(), &mut Seals(1)).await;
    assert!(matches!(lost, Err(CommitError::Unknown(_))), "{lost:?}");
    assert!(!store.segment_exists(&key(1)).await.unwrap());
    store.commit(&audit_only(), &mut Seals(1)).await.unwrap();
    assert!(store.segment_exists(&key(1)).await.unwrap());
    store.close().await;
    scratch.drop().await;
}

/// A server process whose client has gone may wait for the lock and commit much later: settling must end it first.
#[tokio::test]
async fn an_abandoned_commit_cannot_happen_after_it_was_settled() {
    let Some(scratch) = Scratch::new("late") else { return };
    let store = scratch.open(0).await;
    let mut admin = scratch.admin().await;
    let mut holds = admin.begin().await.unwrap();
    sqlx::raw_sql("SELECT lock_commit_order_alone()").execute(&mut *holds).await.unwrap();
    let (batch, mut seals) = (audit_only(), Seals(0));
    let abandoned = tokio::time::timeout(Duration::from_millis(300), store.commit(&batch, &mut seals)).await;
    assert!(abandoned.is_err(), "it waits for the lock");
    assert!(!store.segment_exists(&key(0)).await.unwrap());
    holds.rollback().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!store.segment_exists(&key(0)).await.unwrap(), "nothing happens any more");
    store.commit(&batch, &mut seals).await.unwrap();
    scratch.drop().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let Some(scratch) = Scratch::new("newer") else { return };
    scratch.open(0).await.close().await;
    sqlx::raw_sql("UPDATE schema_version SET version = 99").execute(&mut scratch.admin().await).await.unwrap();
    let refused = PostgresStore::connect(&scratch.url, scratch.options(0)).await.err();
    assert_eq!(refused, Some(OpenError::NewerSchema { found: 99, known: 1 }));
    scratch.drop().await;
}

#[tokio::test]
async fn errors_do_not_repeat_the_url() {
    let url = "postgres://someone:s3cret@127.0.0.1:1/hidden";
    let refused = PostgresStore::connect(url, PostgresOptions::default()).await.err().unwrap();
    let told = format!("{refused} {refused:?}");
    assert!(matches!(refused, OpenError::Unavailable(_)), "{told}");
    assert!(!told.contains("s3cret") && !told.contains("hidden"), "{told}");
}
