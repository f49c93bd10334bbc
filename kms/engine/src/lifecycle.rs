//! Start and stop of a server, recorded; and the chains of servers that ended before, closed.

use hufu_core::Error;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::Changeset;
use hufu_core::policy::Action;
use hufu_core::store::Segment;

use crate::engine::Engine;
use crate::fault;
use crate::root_transcripts::RootOpening;

/// Most chains closed at a start: those before them were closed by earlier starts.
const CLOSED_MAX: usize = 64;

/// What records about the server itself are about.
pub(crate) const SERVER: &str = "server";

impl Engine {
    /// Records the start. The only server of a database also records where the chains of its predecessors ended, so
    /// that a tail cut off later is noticed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn announce_start(&self) -> Result<(), Error> {
        let audit = self.start_entries().await?;
        self.commit_lifecycle(Changeset { audit, ..Changeset::default() }.urgent()).await
    }

    /// Records the start of a server whose root custodians opened, and in the same commit how they did: row, ledger leaf and audit
    /// record. A start that is not recorded was no opening either.
    ///
    /// # Errors
    /// Those of the database: the start must not go on.
    pub async fn announce_opened_start(&self, opening: &RootOpening) -> Result<(), Error> {
        self.write_opening(opening, &self.start_entries().await?).await
    }

    async fn start_entries(&self) -> Result<Vec<AuditEntry>, Error> {
        let mut audit = vec![self.lifecycle(SERVER, "started")];
        if !self.store.is_shared() {
            let heads = self.store.heads().await.map_err(fault::store)?;
            let dead = heads.iter().rev().filter(|segment| segment.writer != self.writer).take(CLOSED_MAX);
            audit.extend(dead.map(|segment| self.lifecycle(&closing_resource(&segment.writer), &closing(segment))));
        }
        Ok(audit)
    }

    /// Records the stop.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn announce_stop(&self) -> Result<(), Error> {
        self.commit_lifecycle(Changeset::audit_only(self.lifecycle(SERVER, "stopping"))).await
    }

    pub(crate) async fn commit_lifecycle(&self, changeset: Changeset) -> Result<(), Error> {
        self.reserve()?.commit(changeset).await.map(drop).map_err(fault::journal)
    }

    pub(crate) fn lifecycle(&self, resource: &str, detail: &str) -> AuditEntry {
        let entry = AuditEntry::done(self.clock.now_ms(), AuditEntry::system(), Action::Lifecycle, resource);
        AuditEntry { detail: Some(detail.to_owned()), ..entry }
    }
}

/// Resource under which the end of a writer's chain is recorded.
pub(crate) fn closing_resource(writer: &str) -> String {
    format!("audit/{writer}")
}

fn closing(segment: &Segment) -> String {
    format!("{} {}", segment.first_seq + u64::from(segment.count), hex::encode(segment.head))
}

/// What a later server recorded of where a chain ended: number of records and head.
pub(crate) fn parse_closing(entry: &AuditEntry) -> Option<(&str, u64, [u8; 32])> {
    let writer = entry.resource.strip_prefix("audit/").filter(|_| entry.action == Action::Lifecycle)?;
    let (records, head) = entry.detail.as_deref()?.split_once(' ')?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(head, &mut bytes).ok()?;
    Some((writer, records.parse().ok()?, bytes))
}
