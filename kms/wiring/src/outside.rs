//! What is kept outside the database, so that an older copy of it is noticed: the newest checkpoint and the audit head.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use hufu_core::BoxFuture;
use hufu_core::codec;
use hufu_core::store::{Segment, SegmentKey, Store, StoreError};
use hufu_engine::sequencer::{OutsideCheckpoint, OutsideError};
use minicbor::{Decode, Encode};
use tokio::sync::oneshot;

use crate::files;

const FILE_LEN_MAX: u64 = 64 << 10;
const HEAD_DOMAIN: &str = "hufu-outside-audit-head";
/// Writes that wait for the thread.
const QUEUE_MAX: usize = 16;

/// How far an audit writer had come when it was last seen.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub(crate) struct AuditHead {
    #[n(0)]
    pub(crate) writer: String,
    #[n(1)]
    pub(crate) next_seq: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) head: [u8; 32],
}

/// The directory outside the database. A thread of its own writes, since each write waits for the disk.
#[derive(Clone)]
pub(crate) struct Outside {
    checkpoint: PathBuf,
    audit_head: PathBuf,
    writer: SyncSender<Job>,
}

struct Job {
    path: PathBuf,
    content: Vec<u8>,
    done: oneshot::Sender<std::io::Result<()>>,
}

impl Outside {
    pub(crate) fn new(directory: &Path) -> std::io::Result<Self> {
        files::private_dir(directory)?;
        let (writer, jobs) = sync_channel(QUEUE_MAX);
        thread::Builder::new().name("outside".to_owned()).spawn(move || write_all(&jobs))?;
        Ok(Self { checkpoint: directory.join("checkpoint"), audit_head: directory.join("audit-head"), writer })
    }

    pub(crate) async fn store_audit_head(&self, head: &AuditHead) -> std::io::Result<()> {
        self.write(&self.audit_head, codec::encode(HEAD_DOMAIN, 1, head)).await
    }

    pub(crate) fn audit_head(&self) -> std::io::Result<Option<AuditHead>> {
        let malformed = |error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        match files::read_if_there(&self.audit_head, FILE_LEN_MAX)? {
            Some(bytes) => codec::decode(HEAD_DOMAIN, 1, &bytes).map(Some).map_err(malformed),
            None => Ok(None),
        }
    }

    async fn write(&self, path: &Path, content: Vec<u8>) -> std::io::Result<()> {
        let gone = || std::io::Error::other("the writing thread is gone");
        let (done, answer) = oneshot::channel();
        self.writer.try_send(Job { path: path.to_owned(), content, done }).map_err(std::io::Error::other)?;
        answer.await.map_err(|_| gone())?
    }
}

impl OutsideCheckpoint for Outside {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>, OutsideError>> {
        let unreadable = |error: &dyn std::fmt::Display| OutsideError::Unreadable(error.to_string());
        let read = files::read_if_there(&self.checkpoint, FILE_LEN_MAX).map_err(|error| unreadable(&error));
        let note =
            read.and_then(|bytes| bytes.map(String::from_utf8).transpose().map_err(|error| unreadable(&error)));
        Box::pin(std::future::ready(note))
    }

    fn store<'a>(&'a self, note: &'a str) -> BoxFuture<'a, Result<(), OutsideError>> {
        Box::pin(async move {
            let written = self.write(&self.checkpoint, note.as_bytes().to_vec()).await;
            written.map_err(|error| OutsideError::Unwritable(error.to_string()))
        })
    }
}

/// Whether the database still has everything that the audit head outside it tells of.
pub(crate) async fn covers(store: &dyn Store, outside: &AuditHead) -> Result<bool, StoreError> {
    let Some(last_seq) = outside.next_seq.checked_sub(1) else { return Ok(true) };
    let heads = store.heads().await?;
    let Some(last) = heads.iter().find(|segment| segment.writer == outside.writer) else { return Ok(false) };
    match end_of(last).cmp(&outside.next_seq) {
        std::cmp::Ordering::Less => Ok(false),
        std::cmp::Ordering::Equal => Ok(last.head == outside.head),
        std::cmp::Ordering::Greater => {
            // Heads are only ever taken between segments: the next one begins there and names the head before it.
            let key = SegmentKey { writer: outside.writer.clone(), first_seq: last_seq };
            let next = store.segments(Some(&key), 1).await?;
            Ok(next.first().is_some_and(|segment| {
                segment.writer == outside.writer
                    && segment.first_seq == outside.next_seq
                    && segment.previous_head == outside.head
            }))
        }
    }
}

fn end_of(segment: &Segment) -> u64 {
    segment.first_seq + u64::from(segment.count)
}

fn write_all(jobs: &Receiver<Job>) {
    while let Ok(Job { path, content, done }) = jobs.recv() {
        // Whoever has stopped waiting needs no answer.
        drop(done.send(files::replace(&path, &content)));
    }
}
