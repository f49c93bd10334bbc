//! The SQLite store keeps the promises of the seam.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hufu_conformance::store;
use hufu_core::changeset::{Changeset, Collection, FeedItem, Row, Subject, Write};
use hufu_core::store::{CommitError, Page, Sealer, Segment, Store, StoreError};
use hufu_storage::{OpenError, SqliteOptions, SqliteStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _};

async fn open(path: &Path) -> Arc<dyn Store> {
    let options = SqliteOptions { create: true, reserve_bytes: 4096, ..SqliteOptions::default() };
    Arc::new(SqliteStore::open(path, options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_the_suite() {
    let dir = tempfile::tempdir().unwrap();
    let number = AtomicU32::new(0);
    let fresh = async || {
        let name = format!("{}.db", number.fetch_add(1, Ordering::Relaxed));
        open(&dir.path().join(name)).await
    };
    store::suite(fresh).await.unwrap();
}

#[tokio::test]
async fn keeps_everything_when_reopened() {
    let dir = tempfile::tempdir().unwrap();
    store::reopening(async || open(&dir.path().join("hufu.db")).await).await.unwrap();
}

struct Seals(u64);

impl Sealer for Seals {
    fn seal(&mut self, _: &[bool]) -> Segment {
        let first_seq = self.0;
        self.0 += 1;
        let (previous_head, head) = ([0; 32], [1; 32]);
        Segment { writer: "w".into(), first_seq, count: 1, previous_head, head, records: vec![7; 900], sealed_at: 2 }
    }
}

fn change(id: &str, length: usize) -> [Changeset; 1] {
    let (collection, scope, body, tag) = (Collection::Key, "s".into(), vec![9; length], vec![]);
    let row = Row { collection, id: id.into(), scope, due: None, revision: 1, body, tag };
    let feed = vec![FeedItem { subject: Subject::new(id), leaf: None }];
    [Changeset { writes: vec![Write::Put(row)], feed, ..Changeset::default() }]
}

async fn refusal(path: &Path, create: bool) -> OpenError {
    let options = SqliteOptions { create, reserve_bytes: 0, ..SqliteOptions::default() };
    SqliteStore::open(path, options).await.err().unwrap()
}

/// Runs SQL behind the store's back.
async fn tamper(path: &Path, sql: &str) {
    let mut other = SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
}

/// A closed database with some rows.
async fn filled(path: &Path) {
    let options = SqliteOptions { create: true, reserve_bytes: 0, ..SqliteOptions::default() };
    let store = SqliteStore::open(path, options).await.unwrap();
    let mut seals = Seals(0);
    for number in 0..50 {
        store.commit(&change(&format!("{number:03}"), 2_000), &mut seals).await.unwrap();
    }
    store.close().await;
}

#[tokio::test]
async fn a_second_opener_is_turned_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hufu.db");
    let first = open(&path).await;
    assert_eq!(refusal(&path, true).await, OpenError::AlreadyOpen(path.display().to_string()));
    first.commit(&change("a", 10), &mut Seals(0)).await.unwrap();
    drop(first);
    open(&path).await.get(Collection::Key, "a").await.unwrap().unwrap();
}

#[tokio::test]
async fn every_file_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hufu.db");
    let store = open(&path).await;
    store.commit(&change("a", 10), &mut Seals(0)).await.unwrap();
    let files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 5, "database, log, shared memory, lock and reserve: {files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    assert_eq!(refusal(&path("none"), false).await, OpenError::Absent(path("none").display().to_string()));
    fs::write(path("empty"), []).unwrap();
    assert!(matches!(refusal(&path("empty"), false).await, OpenError::Damaged(_)));
    fs::write(path("garbage"), vec![0x5a; 10_000]).unwrap();
    assert!(matches!(refusal(&path("garbage"), true).await, OpenError::Foreign(_)));
    tamper(&path("foreign"), "CREATE TABLE addresses (name TEXT)").await;
    assert!(matches!(refusal(&path("foreign"), true).await, OpenError::Foreign(_)));
    assert!(matches!(refusal(Path::new("/nowhere/at/all.db"), true).await, OpenError::Unavailable(_)));
}

#[tokio::test]
async fn a_damaged_or_newer_database_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for keep in [30_000_u64, 8_192, 4_000, 100] {
        let cut = path(&format!("cut-{keep}"));
        filled(&cut).await;
        fs::OpenOptions::new().write(true).open(&cut).unwrap().set_len(keep).unwrap();
        let refused = refusal(&cut, true).await;
        assert!(matches!(refused, OpenError::Damaged(_) | OpenError::Foreign(_)), "{keep}: {refused:?}");
    }
    filled(&path("no version")).await;
    tamper(&path("no version"), "DROP TABLE schema_version").await;
    assert!(matches!(refusal(&path("no version"), true).await, OpenError::Damaged(_)));
    filled(&path("newer")).await;
    tamper(&path("newer"), "UPDATE schema_version SET version = 7").await;
    assert_eq!(refusal(&path("newer"), true).await, OpenError::NewerSchema { found: 7, known: 1 });
}

#[tokio::test]
async fn impossible_values_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hufu.db");
    filled(&path).await;
    let sql =
        "UPDATE segment SET head = x'00' WHERE first_seq = 49; UPDATE record SET revision = -1 WHERE id = '007'";
    tamper(&path, sql).await;
    let store = open(&path).await;
    assert!(matches!(store.heads().await, Err(StoreError::Damaged(_))));
    assert!(matches!(store.get(Collection::Key, "007").await, Err(StoreError::Damaged(_))));
    assert!(store.get(Collection::Key, "008").await.unwrap().is_some());
}

#[tokio::test]
async fn searches_walk_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hufu.db");
    filled(&path).await;
    let scoped = "SELECT body FROM record INDEXED BY record_by_scope WHERE collection = 4 AND scope = 's'";
    let (after, last) = (format!("{scoped} AND id > 'a' ORDER BY id"), format!("{scoped} ORDER BY id DESC"));
    let expectations = [
        (&*after, "record_by_scope (collection=? AND scope=? AND id>?)"),
        (&*last, "record_by_scope (collection=? AND scope=?)"),
        ("SELECT body FROM record WHERE collection = 4 AND due <= 7 ORDER BY due, id LIMIT 5", "record_by_due"),
        ("SELECT subject FROM feed WHERE (ord, pos) > (1, 2) ORDER BY ord, pos LIMIT 5", "PRIMARY KEY"),
        (
            "SELECT head FROM segment WHERE (writer, first_seq) > ('w', 2) ORDER BY writer, first_seq",
            "(writer,first_seq)",
        ),
    ];
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    for (sql, index) in expectations {
        let plan = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&mut other).await;
        let plan: Vec<String> = plan.unwrap().iter().map(|row| row.get("detail")).collect();
        assert!(plan.len() == 1 && plan[0].contains(index), "{sql}: {plan:?}");
    }
}

#[tokio::test]
async fn a_full_disk_still_takes_what_is_urgent() {
    let dir = tempfile::tempdir().unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=6m", "tmpfs"];
    let mounted = std::process::Command::new("mount").args(mount).arg(dir.path()).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("skipped: no small file system can be mounted here");
        return;
    }
    let options = SqliteOptions { create: true, reserve_bytes: 2 << 20, ..SqliteOptions::default() };
    let store = SqliteStore::open(&dir.path().join("hufu.db"), options).await.unwrap();
    let outcome = tokio::spawn(fill_up(store)).await;
    std::process::Command::new("umount").arg(dir.path()).output().unwrap();
    outcome.unwrap();
}

#[tokio::test]
async fn a_database_that_was_removed_or_replaced_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hufu.db");
    filled(&path).await;
    let store =
        SqliteStore::open(&path, SqliteOptions { reserve_bytes: 0, ..SqliteOptions::default() }).await.unwrap();
    std::fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    let refused =
        |answer| matches!(answer, Err(CommitError::NotCommitted(why)) if why.contains("removed or replaced"));
    assert!(refused(store.commit(&[Changeset::default()], &mut Seals(1_000)).await));
    std::fs::copy(dir.path().join("elsewhere"), &path).unwrap();
    assert!(refused(store.commit(&change("new", 10), &mut Seals(1_000)).await));
    std::fs::rename(dir.path().join("elsewhere"), &path).unwrap();
    store.commit(&change("new", 10), &mut Seals(1_000)).await.unwrap();
}

async fn fill_up(store: SqliteStore) {
    let mut seals = Seals(0);
    let mut audits = 0;
    while store.commit(&[Changeset::default()], &mut seals).await.is_ok() {
        audits += 1;
        assert!(audits < 100_000, "the disk never fills");
    }
    assert!(!store.is_reserve_released(), "audit records do not touch the reserve");
    let mut seals = Seals(1_000_000);
    let mut number = 0;
    while store.commit(&change(&format!("x{number:03}"), 5_000), &mut seals).await.is_ok() {
        number += 1;
        assert!(number < 10_000, "the disk never fills");
    }
    assert!(!store.is_reserve_released(), "nor do changes that are not urgent");
    let before = store.order().await.unwrap();
    for number in 0..20 {
        let urgent = change(&format!("{number:03}"), 5_000).map(Changeset::urgent);
        store.commit(&urgent, &mut seals).await.unwrap();
    }
    assert!(store.is_reserve_released());
    let refused = store.commit(&[Changeset::default()], &mut seals).await;
    assert!(matches!(refused, Err(CommitError::NotCommitted(_))), "what is left is kept for what is urgent");
    assert!(store.commit(&change("y", 10), &mut seals).await.is_err(), "for changes that are not urgent either");
    let page = Page { after: None, limit: 100 };
    let listed = store.list(Collection::Key, "s", page).await.unwrap();
    assert_eq!(listed.iter().filter(|row| !row.id.starts_with('x')).count(), 20);
    assert_eq!(store.order().await.unwrap(), before + 20);
    assert!(!store.release_reserve(), "there is nothing more to give");
    store.close().await;
}
