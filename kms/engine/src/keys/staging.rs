//! A state change on its way to the journal: rows, ledger events and the record that stands behind them.

use hufu_audit::Record as AuditRecord;
use hufu_core::Error;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Changeset, Collection, FeedItem, Guard, Row, RowSeal as _, Subject, Write};
use hufu_core::record::{KeyRecord, Record, RequestRecord, VersionRecord};
use hufu_verify::Event;

use crate::engine::{Engine, Permit};
use crate::leaf::{self, EventDetail};

/// Collects what one state change writes.
pub(crate) struct Staging<'a> {
    engine: &'a Engine,
    evidence: [u8; 32],
    changeset: Changeset,
}

impl<'a> Staging<'a> {
    /// Begins with the audit record that is the evidence of every event staged.
    pub(crate) fn new(engine: &'a Engine, entry: AuditEntry) -> Self {
        let entry = engine.salted(entry);
        let evidence = AuditRecord::new(&entry).hash();
        Self { engine, evidence, changeset: Changeset::audit_only(entry) }
    }

    /// A further audit record of the same change.
    pub(crate) fn also(&mut self, entry: AuditEntry) {
        self.changeset.audit.push(self.engine.salted(entry));
    }

    pub(crate) fn guard(&mut self, guard: Guard) {
        self.changeset.guards.push(guard);
    }

    /// Commits nothing once the rules have changed under which the caller may do this alone.
    pub(crate) fn rest_on_rules(&mut self, permit: &Permit) {
        self.changeset.guards.extend(permit.rules.clone());
    }

    pub(crate) fn write(&mut self, write: Write) {
        self.changeset.writes.push(write);
    }

    /// A new key.
    pub(crate) fn insert_key(&mut self, key: &KeyRecord) {
        self.guard(Guard::Absent(Collection::Key, key.id()));
        self.write(Write::Put(self.engine.keyring.integrity().row(key, 1)));
        self.changed(&key.id());
    }

    /// A key that was read at a revision.
    pub(crate) fn update_key(&mut self, key: &KeyRecord, revision: u64) {
        self.guard(Guard::Revision(Collection::Key, key.id(), revision));
        self.write(Write::Put(self.engine.keyring.integrity().row(key, revision + 1)));
        self.changed(&key.id());
    }

    /// A new version; its events have been staged.
    pub(crate) fn insert_version(&mut self, version: &VersionRecord) {
        self.guard(Guard::Absent(Collection::Version, version.id()));
        self.write(Write::Put(self.engine.keyring.integrity().row(version, 1)));
        self.changed(&version.scope());
    }

    /// A version that was read at a revision; its events have been staged.
    pub(crate) fn update_version(&mut self, version: &VersionRecord, revision: u64) {
        self.guard(Guard::Revision(Collection::Version, version.id(), revision));
        self.write(Write::Put(self.engine.keyring.integrity().row(version, revision + 1)));
        self.changed(&version.scope());
    }

    /// The first ledger event of a version.
    pub(crate) fn register(&mut self, version: &mut VersionRecord, at: u64) -> Result<(), Error> {
        self.event(version, true, Event::Register, at, EventDetail::default())
    }

    /// A further ledger event of a version.
    pub(crate) fn append(
        &mut self,
        version: &mut VersionRecord,
        event: Event,
        at: u64,
        detail: EventDetail,
    ) -> Result<(), Error> {
        self.event(version, false, event, at, detail)
    }

    /// A leaf for the ledger, that tells of a change of a subject.
    pub(crate) fn leaf(&mut self, subject: &str, row: Row) {
        self.guard(Guard::Absent(Collection::Leaf, row.id.clone()));
        self.changeset.feed.push(FeedItem { subject: Subject::new(subject), leaf: Some(row.id.clone()) });
        // The log signs what it finds: it takes only leaves that carry the service's tag.
        self.write(Write::Put(self.engine.keyring.seal(row)));
    }

    /// Hash of the audit record: the evidence of every event staged.
    pub(crate) fn evidence(&self) -> [u8; 32] {
        self.evidence
    }

    /// Remembers the request, so that its repetition is answered and not done again.
    pub(crate) fn remember(&mut self, request: Option<RequestRecord>) {
        let Some(request) = request else { return };
        self.guard(Guard::Absent(Collection::Request, request.id.clone()));
        self.write(Write::Put(self.engine.keyring.integrity().row(&request, 1)));
    }

    pub(crate) fn finish(self) -> Changeset {
        self.changeset
    }

    /// As [`Self::finish`], for what must be possible on a full disk too.
    pub(crate) fn finish_urgent(self) -> Changeset {
        self.changeset.urgent()
    }

    fn event(
        &mut self,
        version: &mut VersionRecord,
        first: bool,
        event: Event,
        at: u64,
        detail: EventDetail,
    ) -> Result<(), Error> {
        let origin = &self.engine.deployment.log_origin;
        let next = leaf::next_leaf(origin, version, first, event, at, detail, self.evidence)?;
        version.last_sequence = next.sequence;
        version.last_event = next.hash;
        self.leaf(&version.scope(), next.row);
        Ok(())
    }

    fn changed(&mut self, key: &str) {
        self.changeset.feed.push(FeedItem { subject: Subject::new(key), leaf: None });
    }
}
