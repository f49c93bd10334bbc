//! Commits groups one after another and tells on standard output what it was told: the body of the tests that make
//! system calls fail. `commit_loop DATABASE GROUPS (stop|go)`: with `stop` it ends at once when a commit of unknown
//! outcome is settled.

#![expect(clippy::unwrap_used, reason = "a test program may fail by panicking")]

use std::io::Write as _;
use std::path::Path;

use hufu_core::changeset::{Changeset, Collection, Row, Write};
use hufu_core::store::{CommitError, Sealer, Segment, SegmentKey, Store};
use hufu_storage::{SqliteOptions, SqliteStore};

struct Seals(u64);

impl Sealer for Seals {
    fn seal(&mut self, _: &[bool]) -> Segment {
        let (writer, first_seq, records) = ("w".into(), self.0, self.0.to_be_bytes().to_vec());
        let (previous_head, head) = ([0; 32], [1; 32]);
        Segment { writer, first_seq, count: 1, previous_head, head, records, sealed_at: 2 }
    }
}

/// Every third group writes a row, as its number.
fn batch(number: u64) -> [Changeset; 1] {
    let mut changeset = Changeset::default();
    if number.is_multiple_of(3) {
        let (collection, id) = (Collection::Key, format!("{number:06}"));
        let (scope, body, tag) = ("s".into(), vec![1; 300], vec![]);
        changeset.writes = vec![Write::Put(Row { collection, id, scope, due: None, revision: 1, body, tag })];
    }
    [changeset]
}

async fn settle(store: &SqliteStore, number: u64) -> &'static str {
    for _ in 0..20 {
        match store.segment_exists(&SegmentKey { writer: "w".into(), first_seq: number }).await {
            Ok(true) => return "committed",
            Ok(false) => return "absent",
            Err(_) => {}
        }
    }
    "unsettled"
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path, groups, then] = arguments.as_slice() else { return };
    let options = SqliteOptions { create: true, reserve_bytes: 0, ..SqliteOptions::default() };
    let store = SqliteStore::open(Path::new(path), options).await.unwrap();
    // A reader stays connected: the closing of the last connection would clear the log away.
    store.order().await.unwrap();
    let mut out = std::io::stdout();
    for number in 0..groups.parse().unwrap() {
        let committed = store.commit(&batch(number), &mut Seals(number)).await;
        let outcome = match committed {
            Ok(_) => "committed",
            Err(CommitError::NotCommitted(_)) => "absent",
            Err(CommitError::Unknown(_)) => settle(&store, number).await,
        };
        out.write_all(format!("{number} {outcome}\n").as_bytes()).unwrap();
        out.flush().unwrap();
        if then == "stop" && matches!(committed, Err(CommitError::Unknown(_))) {
            break;
        }
    }
    // No clean end: what counts is what stands in the files now.
    std::process::exit(0);
}
