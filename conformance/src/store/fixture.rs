//! Rows, changesets and a sealer to try a store with.

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, Subject, Write};
use hufu_core::policy::Action;
use hufu_core::store::{CommitError, Committed, Sealer, Segment, SegmentKey, Store, Verdict};

/// Seals what it is told and remembers it.
pub(super) struct Seals {
    writer: String,
    next_seq: u64,
    head: [u8; 32],
    /// Every segment it has made.
    pub(super) made: Vec<Segment>,
}

impl Seals {
    /// A sealer of an audit writer's first segment.
    pub(super) fn new(writer: &str) -> Self {
        Self::from(writer, 0)
    }

    /// A sealer that goes on from a sequence number.
    pub(super) fn from(writer: &str, next_seq: u64) -> Self {
        Self { writer: writer.into(), next_seq, head: [0; 32], made: Vec::new() }
    }

    /// The key of the last segment.
    pub(super) fn last_key(&self) -> SegmentKey {
        let first_seq = self.made.last().map_or(0, |segment| segment.first_seq);
        SegmentKey { writer: self.writer.clone(), first_seq }
    }
}

impl Sealer for Seals {
    fn seal(&mut self, accepted: &[bool]) -> Segment {
        assert!(accepted.contains(&true), "nothing is sealed when nothing was accepted");
        let count = accepted.iter().filter(|accepted| **accepted).count() as u64;
        let previous_head = self.head;
        self.head = previous_head.map(|byte| byte.wrapping_add(7));
        let segment = Segment {
            writer: self.writer.clone(),
            first_seq: self.next_seq,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            previous_head,
            head: self.head,
            records: accepted.iter().map(|accepted| u8::from(*accepted)).collect(),
            sealed_at: 1_700_000_000_000 + self.next_seq % 1_000,
        };
        self.next_seq += count;
        self.made.push(segment.clone());
        segment
    }
}

/// A row with a body that tells its revision.
pub(super) fn row(collection: Collection, id: &str, scope: &str, revision: u64) -> Row {
    Row {
        collection,
        id: id.into(),
        scope: scope.into(),
        due: None,
        revision,
        body: format!("{id} at {revision}").into_bytes(),
        tag: vec![7; 32],
    }
}

/// A changeset that only records.
pub(super) fn records() -> Changeset {
    let action = Action::ALL.first().copied();
    let entry = action.map(|action| AuditEntry::done(1, AuditEntry::system(), action, "tenants/t/keys/k"));
    Changeset { audit: entry.into_iter().collect(), ..Changeset::default() }
}

/// A changeset that writes rows.
pub(super) fn puts(rows: impl IntoIterator<Item = Row>) -> Changeset {
    Changeset { writes: rows.into_iter().map(Write::Put).collect(), ..records() }
}

/// A changeset that others must hear of.
pub(super) fn tells(subjects: &[&str]) -> Changeset {
    Changeset { feed: subjects.iter().map(|subject| item(subject)).collect(), ..records() }
}

/// A feed item without a leaf.
pub(super) fn item(subject: &str) -> FeedItem {
    FeedItem { subject: Subject::new(subject), leaf: None }
}

/// The same changeset under a guard.
pub(super) fn guarded(guard: &Guard, changeset: Changeset) -> Changeset {
    Changeset { guards: vec![guard.clone()], ..changeset }
}

/// Commits one changeset that must be accepted, and tells the commit order.
pub(super) async fn accept(store: &dyn Store, seals: &mut Seals, changeset: Changeset) -> Result<u64, CommitError> {
    let committed = store.commit(&[changeset], seals).await?;
    assert_eq!(committed.verdicts, [Verdict::Accepted]);
    Ok(committed.order)
}

/// Which changesets were accepted.
pub(super) fn accepted(committed: &Committed) -> Vec<bool> {
    committed.verdicts.iter().map(|verdict| *verdict == Verdict::Accepted).collect()
}

/// A sealer with a name of its own for a task.
pub(super) fn numbered_writer(prefix: &str, number: usize) -> Seals {
    Seals::new(&format!("{prefix}-{number}"))
}
