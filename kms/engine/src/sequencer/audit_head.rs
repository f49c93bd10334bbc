//! Recording the head of this writer's audit chain on the log: from then on its tail cannot be cut unseen.

use std::collections::BTreeMap;

use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, Subject, Write};
use hufu_core::policy::Action;
use hufu_journal::Progress;
use hufu_log::{audit_leaf_row_id, audit_leaf_scope};
use hufu_tlog::leaf_hash;
use hufu_verify::{Event, Leaf};

use super::{Sequencer, SequencerError};
use crate::leaf::NEXT_SEQ;

/// Extension of an audit-head leaf: the writer whose chain it is.
const WRITER: &str = "writer";

/// How much of the chain the log knows.
#[derive(Default)]
pub(super) struct Anchored {
    /// Number of the first record that the last audit head does not cover.
    next_seq: u64,
    /// Records after it that the sequencer itself has caused.
    own: u64,
}

impl Anchored {
    /// The sequencer has recorded something of its own.
    pub(super) fn own(&mut self, records: usize) {
        self.own = self.own.saturating_add(u64::try_from(records).unwrap_or(u64::MAX));
    }

    /// Whether others have recorded something since.
    fn is_behind(&self, trail: &Progress) -> bool {
        trail.next_seq.saturating_sub(self.next_seq) > self.own
    }
}

impl Sequencer {
    /// Commits a leaf with the head of this writer's audit chain, if anything but the sequencer's own work was recorded
    /// since the last one. Answers whether it did.
    ///
    /// # Errors
    /// [`SequencerError::Journal`], [`SequencerError::Log`].
    pub async fn audit_head(&self) -> Result<bool, SequencerError> {
        let mut inner = self.inner.lock().await;
        let trail = self.parts.journal.progress().borrow().clone();
        if !inner.anchored.is_behind(&trail) {
            return Ok(false);
        }
        let changeset = self.head_changeset(&trail).await?;
        self.parts.journal.reserve()?.commit(changeset).await?;
        inner.anchored = Anchored { next_seq: trail.next_seq, own: 1 };
        Ok(true)
    }

    async fn head_changeset(&self, trail: &Progress) -> Result<Changeset, SequencerError> {
        let writer = &self.parts.holder;
        let scope = audit_leaf_scope(writer);
        let last = self.parts.store.last(Collection::Leaf, &scope).await?;
        let previous = last.map(|row| Ok::<_, SequencerError>((Leaf::decode(&row.body)?, leaf_hash(&row.body).0)));
        let previous = previous.transpose()?;
        let sequence = previous.as_ref().map_or(0, |(leaf, _)| leaf.sequence + 1);
        let now = self.parts.clock.now_ms();
        let leaf = Leaf {
            origin: self.parts.log.origin().to_owned(),
            sequence,
            previous: previous.map(|(_, hash)| hash),
            event: Event::AuditHead,
            key_id: None,
            algorithm: None,
            at: now,
            not_before: None,
            not_after: None,
            reason: None,
            compromised_at: None,
            evidence: trail.head,
            extensions: BTreeMap::from([
                (WRITER.to_owned(), writer.clone().into_bytes()),
                (NEXT_SEQ.to_owned(), trail.next_seq.to_be_bytes().to_vec()),
            ]),
        };
        let id = audit_leaf_row_id(writer, sequence);
        let subject = Subject::new(&scope);
        let row = Row {
            collection: Collection::Leaf,
            id: id.clone(),
            scope,
            due: None,
            revision: 1,
            body: leaf.encode()?,
            tag: Vec::new(),
        };
        let audit = AuditEntry {
            detail: Some(format!("audit head of {} records", trail.next_seq)),
            ..AuditEntry::done(now, AuditEntry::system(), Action::Sequence, "ledger")
        };
        Ok(Changeset {
            guards: vec![Guard::Absent(Collection::Leaf, id.clone())],
            writes: vec![Write::Put(self.parts.log.tagged(row))],
            audit: vec![audit],
            feed: vec![FeedItem { subject, leaf: Some(id) }],
            ..Changeset::default()
        })
    }
}
