//! Commits groups: seals, writes once, learns what changed, releases or withholds.

use std::sync::Arc;
use std::time::Duration;

use hufu_audit::{Chain, Record};
use hufu_core::ambient::Clock;
use hufu_core::changes::Changes;
use hufu_core::changeset::{Changeset, Subject};
use hufu_core::store::{
    CommitError, Committed, FeedCursor, FeedEntry, Sealer, Segment, SegmentKey, Store, StoreError, Verdict,
};
use tokio::sync::{oneshot, watch};

use crate::queue::{Entry, Queue};
use crate::{Durable, JournalError, Progress};

/// Entries of the change feed read at once.
const FEED_PAGE: u32 = 1_000;
/// An answer of the database older than this is not relied on without another question.
const ANSWER_AGE_MAX: Duration = Duration::from_millis(50);
/// Nor is one older than this at all: by then this server would refuse to begin.
const RELEASE_AGE_MAX: Duration = Duration::from_millis(800);
/// Longest pause between attempts to settle a commit of unknown outcome.
const SETTLE_PAUSE_MAX: Duration = Duration::from_secs(1);

type Waiter = oneshot::Sender<Result<Durable, JournalError>>;

/// What the journal works with.
pub struct Parts {
    /// Where it commits.
    pub store: Arc<dyn Store>,
    /// What it teaches about changes.
    pub changes: Arc<Changes>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Name of this start's audit writer; never used before.
    pub writer: String,
}

/// The part of the journal that commits. One a writer.
pub struct Committer {
    parts: Parts,
    chain: Chain,
    queue: Arc<Queue>,
    progress: watch::Sender<Progress>,
}

impl Committer {
    pub(crate) fn new(parts: Parts, queue: Arc<Queue>) -> (Self, watch::Receiver<Progress>) {
        let chain = Chain::new(&parts.writer);
        let start = Progress { order: parts.changes.applied(), head: chain.head(), ..Progress::default() };
        let (progress, receiver) = watch::channel(start);
        (Self { parts, chain, queue, progress }, receiver)
    }

    /// Commits what is queued, at most one group. For simulations; the thread gathers by itself. Answers whether there was
    /// anything.
    pub async fn step(&mut self) -> bool {
        let entries = self.queue.drain();
        let any = !entries.is_empty();
        if any {
            self.commit(entries).await;
        }
        any
    }

    /// Looks for the changes of other servers, on a shared database. The thread does it whenever it is idle.
    pub async fn poll(&mut self) {
        if !self.parts.store.is_shared() {
            return;
        }
        let asked = self.parts.clock.uptime();
        match self.catch_up(u64::MAX).await {
            Ok(()) => self.confirmed(asked),
            Err(error) => tracing::warn!(%error, "cannot read the change feed"),
        }
    }

    pub(crate) async fn commit(&mut self, entries: Vec<Entry>) {
        let count = entries.len();
        let (batch, waiters): (Vec<_>, Vec<_>) = entries.into_iter().map(|e| (e.changeset, e.waiter)).unzip();
        let asked = self.parts.clock.uptime();
        let mut sealer = GroupSealer::new(&self.chain, &batch, self.parts.clock.now_ms());
        let result = self.parts.store.commit(&batch, &mut sealer).await;
        let GroupSealer { sealed, .. } = sealer;
        let result = match result {
            Err(CommitError::Unknown(cause)) => self.settle(&batch, sealed.as_ref(), &cause).await,
            Err(CommitError::NotCommitted(cause)) => Err(JournalError::NotCommitted(cause)),
            Ok(committed) => Ok(committed),
        };
        match result {
            Ok(committed) => {
                self.succeeded();
                self.release(&batch, waiters, &committed, sealed, asked).await;
            }
            Err(error) => {
                self.failed(&error);
                waiters.into_iter().for_each(|waiter| drop(waiter.send(Err(error.clone()))));
            }
        }
        self.queue.answered(count);
    }

    async fn release(
        &mut self,
        batch: &[Changeset],
        waiters: Vec<Waiter>,
        committed: &Committed,
        sealed: Option<(Segment, Vec<bool>)>,
        asked: Duration,
    ) {
        if let Some((segment, _)) = &sealed {
            self.chain.advance(segment);
        }
        let known = self.learn(batch, committed).await && self.is_recent(asked).await;
        if known {
            self.confirmed(asked);
        }
        for ((changeset, waiter), verdict) in batch.iter().zip(waiters).zip(&committed.verdicts) {
            let answer = match (verdict, &changeset.grant) {
                (Verdict::Refused(guard), _) => Err(JournalError::Guarded(guard.clone())),
                (Verdict::Accepted, Some(grant)) if !known || !self.parts.changes.upholds(grant) => {
                    Err(JournalError::Withheld)
                }
                (Verdict::Accepted, _) => Ok(Durable { order: committed.order }),
            };
            // A caller that has gone away gets nothing, and needs nothing.
            drop(waiter.send(answer));
        }
    }

    /// Learns every change up to the commit's order. False when that is not known: then no output may be released.
    async fn learn(&mut self, batch: &[Changeset], committed: &Committed) -> bool {
        if committed.order <= self.parts.changes.applied() {
            return true;
        }
        if self.parts.store.is_shared() {
            return match self.catch_up(committed.order).await {
                Ok(()) => self.parts.changes.applied() >= committed.order,
                Err(error) => {
                    tracing::error!(%error, "cannot read the change feed: outputs are withheld");
                    false
                }
            };
        }
        // The only writer knows its own changes without asking.
        let accepted = batch.iter().zip(&committed.verdicts).filter(|(_, verdict)| **verdict == Verdict::Accepted);
        let subjects: Vec<&Subject> = accepted.flat_map(|(c, _)| &c.feed).map(|item| &item.subject).collect();
        self.parts.changes.learn(committed.order, subjects);
        true
    }

    /// Whether what is known is recent enough to release outputs by it. The answer to a commit may have been long on its way,
    /// and a revocation through another server may have been acknowledged meanwhile: then the feed is asked again.
    async fn is_recent(&mut self, asked: Duration) -> bool {
        if !self.parts.store.is_shared() || self.age(asked) <= ANSWER_AGE_MAX {
            return true;
        }
        let asked = self.parts.clock.uptime();
        match self.catch_up(u64::MAX).await {
            Ok(()) => self.age(asked) <= RELEASE_AGE_MAX,
            Err(error) => {
                tracing::error!(%error, "cannot read the change feed: outputs are withheld");
                false
            }
        }
    }

    fn age(&self, asked: Duration) -> Duration {
        self.parts.clock.uptime().saturating_sub(asked)
    }

    /// Reads the change feed until an order is known, or to its end.
    async fn catch_up(&mut self, until: u64) -> Result<(), StoreError> {
        let mut cursor = FeedCursor { order: self.parts.changes.applied(), position: u32::MAX };
        let mut group: Vec<FeedEntry> = Vec::new();
        while cursor.order <= until {
            let page = self.parts.store.feed(cursor, FEED_PAGE).await?;
            let Some(last) = page.last() else { break };
            cursor = last.at;
            for entry in page {
                if group.first().is_some_and(|first| first.at.order != entry.at.order) {
                    self.learn_group(&group);
                    group.clear();
                }
                group.push(entry);
            }
        }
        self.learn_group(&group);
        Ok(())
    }

    fn learn_group(&self, group: &[FeedEntry]) {
        if let Some(first) = group.first() {
            self.parts.changes.learn(first.at.order, group.iter().map(|entry| &entry.item.subject));
        }
    }

    /// Finds out what became of a commit of unknown outcome by looking for its segment. Until then the journal stands.
    async fn settle(
        &self,
        batch: &[Changeset],
        sealed: Option<&(Segment, Vec<bool>)>,
        cause: &str,
    ) -> Result<Committed, JournalError> {
        let Some((segment, accepted)) = sealed else { return Err(JournalError::NotCommitted(cause.to_owned())) };
        tracing::warn!(cause, "a commit has an unknown outcome");
        self.progress.send_modify(|progress| progress.stalled = Some(cause.to_owned()));
        let key = SegmentKey { writer: segment.writer.clone(), first_seq: segment.first_seq };
        let mut pause = Duration::from_millis(5);
        loop {
            match self.look_for(&key).await {
                Ok(None) => return self.settled(Err(JournalError::NotCommitted(cause.to_owned()))),
                Ok(Some(order)) => {
                    let verdicts = batch.iter().zip(accepted).map(|(c, ok)| verdict_of(c, *ok)).collect();
                    return self.settled(Ok(Committed { order, verdicts }));
                }
                Err(error) if self.queue.is_stopped() => {
                    tracing::error!(%error, "stopped before a commit was settled");
                    return Err(JournalError::Unknown);
                }
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(SETTLE_PAUSE_MAX);
        }
    }

    async fn look_for(&self, key: &SegmentKey) -> Result<Option<u64>, StoreError> {
        if self.parts.store.segment_exists(key).await? { self.parts.store.order().await.map(Some) } else { Ok(None) }
    }

    fn settled(&self, result: Result<Committed, JournalError>) -> Result<Committed, JournalError> {
        self.progress.send_modify(|progress| progress.stalled = None);
        result
    }

    fn succeeded(&self) {
        let mended = self.progress.send_if_modified(|progress| progress.failed.take().is_some());
        if mended {
            tracing::info!("groups are committed again");
        }
    }

    fn failed(&self, error: &JournalError) {
        tracing::error!(%error, "a group was not committed");
        let cause = error.to_string();
        self.progress.send_modify(|progress| {
            let before = progress.failed.as_ref().map_or(0, |(count, _)| *count);
            progress.failed = Some((before.saturating_add(1), cause));
        });
    }

    fn confirmed(&self, asked: Duration) {
        // What was asked then is known now: the age of the knowledge counts from the question.
        self.parts.changes.confirm(asked);
        let order = self.parts.changes.applied();
        self.progress.send_if_modified(|progress| {
            let feed_moved = progress.order != order;
            progress.order = order;
            progress.next_seq = self.chain.next_seq();
            progress.head = self.chain.head();
            feed_moved
        });
    }
}

/// The verdict as the sealer saw it; which guard failed is not remembered across an unknown outcome.
fn verdict_of(changeset: &Changeset, accepted: bool) -> Verdict {
    match changeset.guards.first() {
        Some(guard) if !accepted => Verdict::Refused(guard.clone()),
        _ => Verdict::Accepted,
    }
}

/// Seals the records of the accepted changesets. They are encoded before the transaction begins.
struct GroupSealer<'a> {
    chain: &'a Chain,
    records: Vec<Vec<Record>>,
    now: u64,
    sealed: Option<(Segment, Vec<bool>)>,
}

impl<'a> GroupSealer<'a> {
    fn new(chain: &'a Chain, batch: &[Changeset], now: u64) -> Self {
        let records = batch.iter().map(|c| c.audit.iter().map(Record::new).collect()).collect();
        Self { chain, records, now, sealed: None }
    }
}

impl Sealer for GroupSealer<'_> {
    fn seal(&mut self, accepted: &[bool]) -> Segment {
        let records = self.records.iter().zip(accepted).filter(|(_, accepted)| **accepted);
        let records: Vec<Record> = records.flat_map(|(records, _)| records.iter().cloned()).collect();
        let segment = self.chain.seal(records, self.now);
        self.sealed = Some((segment.clone(), accepted.to_vec()));
        segment
    }
}
