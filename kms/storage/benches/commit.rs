//! What a commit costs: wall time and CPU time of the whole process, for audit-only groups of 1, 8 and 64 records
//! and for a state change. SQLite runs on a disk and on `/dev/shm`, where synchronising costs nothing; the difference
//! is the disk's. PostgreSQL runs where `HUFU_TEST_POSTGRES` says.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may fail by panicking and prints its results")]

use std::path::Path;
use std::time::Instant;

use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, Subject, Write};
use hufu_core::store::{Page, Sealer, Segment, Store};
use hufu_storage::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore};

const GROUPS: u64 = 3_000;
const RECORD_BYTES: usize = 200;
const KEYS: u64 = 100_000;

struct Seals {
    next_seq: u64,
    records: Vec<u8>,
}

impl Sealer for Seals {
    fn seal(&mut self, accepted: &[bool]) -> Segment {
        let first_seq = self.next_seq;
        self.next_seq += accepted.len() as u64;
        Segment {
            writer: "writer-of-this-start".into(),
            first_seq,
            count: u32::try_from(accepted.len()).unwrap(),
            previous_head: [1; 32],
            head: [2; 32],
            records: self.records.clone(),
            sealed_at: 1_700_000_000_000,
        }
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for dir in ["/dev/shm", "."] {
            let scratch = tempfile::tempdir_in(dir).unwrap();
            let options = SqliteOptions { create: true, ..SqliteOptions::default() };
            let store = SqliteStore::open(&scratch.path().join("bench.db"), options).await.unwrap();
            measure(&format!("sqlite in {dir}"), &store).await;
            store.close().await;
        }
        many_keys().await;
        if let Ok(url) = std::env::var("HUFU_TEST_POSTGRES") {
            let schema = format!("bench_{}", std::process::id());
            let options = PostgresOptions { schema, ..PostgresOptions::default() };
            measure("postgres", &PostgresStore::connect(&url, options).await.unwrap()).await;
        } else {
            println!("skipped: HUFU_TEST_POSTGRES not set");
        }
    });
}

async fn measure(name: &str, store: &dyn Store) {
    let mut seals = Seals { next_seq: 0, records: Vec::new() };
    for records in [1, 8, 64] {
        seals.records = vec![0xa5; records * RECORD_BYTES];
        let batch = vec![Changeset::default(); records];
        let (wall, cpu) = timed(async || {
            store.commit(&batch, &mut seals).await.unwrap();
        })
        .await;
        println!("{name}: audit-only group of {records:>2}: {wall:>7.1} µs wall, {cpu:>6.1} µs CPU");
    }
    let mut number = 0;
    let (wall, cpu) = timed(async || {
        number += 1;
        store.commit(&[creation(number)], &mut seals).await.unwrap();
    })
    .await;
    println!("{name}: state change of 3 rows: {wall:>7.1} µs wall, {cpu:>6.1} µs CPU");
    let (wall, cpu) = timed(async || {
        store.get(Collection::Key, "key 00000001").await.unwrap().unwrap();
    })
    .await;
    println!("{name}: read of one row: {wall:>7.1} µs wall, {cpu:>6.1} µs CPU");
}

/// How much memory a store with many keys takes, and how long it takes to open.
async fn many_keys() {
    let scratch = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = scratch.path().join("many.db");
    let options = SqliteOptions { create: true, ..SqliteOptions::default() };
    let store = SqliteStore::open(&path, options.clone()).await.unwrap();
    let mut seals = Seals { next_seq: 0, records: vec![0; RECORD_BYTES] };
    for group in 0..KEYS / 100 {
        let batch: Vec<_> = (0..100).map(|number| creation(group * 100 + number)).collect();
        store.commit(&batch, &mut seals).await.unwrap();
    }
    store.close().await;
    drop(store);
    let before = Instant::now();
    let store = SqliteStore::open(&path, options).await.unwrap();
    let mut after = String::new();
    let mut listed = 0;
    loop {
        let rows = store.list(Collection::Key, "tenants/t", Page { after: Some(&after), limit: 500 }).await.unwrap();
        let Some(last) = rows.last() else { break };
        listed += rows.len();
        after = last.id.clone();
    }
    let resident = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = resident.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().replace('\t', " ");
    println!("sqlite: opened and listed {listed} keys in {:?}, {resident}", before.elapsed());
    store.close().await;
}

/// A key, its version and a request, as one use case would write them.
fn creation(number: u64) -> Changeset {
    let id = format!("key {number:08}");
    let row = |collection, body: usize| {
        let (id, scope) = (id.clone(), "tenants/t".into());
        Row { collection, id, scope, due: None, revision: 1, body: vec![3; body], tag: vec![4; 32] }
    };
    let rows = [row(Collection::Key, 200), row(Collection::Version, 500), row(Collection::Request, 100)];
    Changeset {
        guards: vec![Guard::Absent(Collection::Key, id.clone())],
        writes: rows.into_iter().map(Write::Put).collect(),
        feed: vec![FeedItem { subject: Subject::new(&id), leaf: None }],
        ..Changeset::default()
    }
}

/// Microseconds of wall time and of CPU time a round.
async fn timed(mut round: impl AsyncFnMut()) -> (f64, f64) {
    for _ in 0..100 {
        round().await;
    }
    let (wall, cpu) = (Instant::now(), cpu_nanos());
    for _ in 0..GROUPS {
        round().await;
    }
    let rounds = GROUPS as f64 * 1_000.0;
    (wall.elapsed().as_nanos() as f64 / rounds, (cpu_nanos() - cpu) as f64 / rounds)
}

/// CPU time of every thread of this process.
fn cpu_nanos() -> u64 {
    let tasks = std::fs::read_dir(Path::new("/proc/self/task")).unwrap();
    let of_task = |task: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    };
    tasks.filter_map(of_task).sum()
}
