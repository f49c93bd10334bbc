//! Writing down what was done with a root.

use hufu_core::Error;
use hufu_core::audit::AuditEntry;
use hufu_core::changeset::{Collection, Write};
use hufu_core::record::RootTranscriptRecord;
use hufu_core::store::Page;
use hufu_custodian::{Name, Roster, Signed};
use hufu_journal::JournalError;
use hufu_shares::{Deed, HandoverRequest, ManifestDigest, Opening, RootRecord, SignedManifest};

use crate::ceremonies::SOFTWARE;
use crate::engine::Engine;
use crate::fault;
use crate::keys::Staging;
use crate::leaf::{NextLeaf, PlainEvent, plain_leaf};
use crate::lifecycle::SERVER;

/// Attempts while other servers are opened.
const ATTEMPTS_MAX: usize = 8;
/// Rows that are read at once.
const PAGE_MAX: u32 = 20;

/// How the root of this start was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootOpening {
    /// The roster that the custodians are in.
    pub roster: Roster,
    /// The shares.
    pub manifest: SignedManifest,
    /// SHA-256 of the certificate that the server showed, DER.
    pub certificate: [u8; 32],
    /// What was asked of the custodians.
    pub request: HandoverRequest,
    /// What each of them signed.
    pub statements: Vec<Signed>,
    /// Whose shares opened it.
    pub by: Vec<Name>,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl Engine {
    /// Commits the opening of this start, with other records of the start: one is not without the other.
    pub(crate) async fn write_opening(&self, opening: &RootOpening, start: &[AuditEntry]) -> Result<(), Error> {
        let record = self.record_of(opening);
        let by: Vec<String> = opening.by.iter().map(ToString::to_string).collect();
        for _ in 0..ATTEMPTS_MAX {
            let number = self.next_opening().await?;
            let transcript = hex::encode(record.digest());
            let detail = format!("unsealed by the shares of {}; {} {transcript}", by.join(", "), super::name(number));
            let mut staging = Staging::new(self, self.lifecycle(SERVER, &detail));
            start.iter().cloned().for_each(|entry| staging.also(entry));
            let origin = &self.deployment.log_origin;
            let leaf = leaf(origin, &record, opening.manifest.digest(), staging.evidence())?;
            staging.leaf(&super::name(number), leaf.row);
            staging.guard(hufu_core::changeset::Guard::Absent(
                Collection::RootTranscript,
                RootTranscriptRecord::row_id(number),
            ));
            staging.write(Write::Put(self.keyring.integrity().row(&row_of(number, &record), 1)));
            if let Some(old) = number.checked_sub(RootTranscriptRecord::OPENINGS_KEPT).filter(|old| *old > 0) {
                staging.write(Write::Delete(Collection::RootTranscript, RootTranscriptRecord::row_id(old)));
            }
            match self.reserve()?.commit(staging.finish_urgent()).await {
                Err(JournalError::Guarded(_)) => {}
                other => return other.map(drop).map_err(fault::journal),
            }
        }
        Err(Error::new(hufu_core::Reason::Overloaded, "too many servers are opened at once").help("start it again"))
    }

    fn record_of(&self, opening: &RootOpening) -> RootRecord {
        let statements = opening.statements.clone();
        let deed = Deed::Opened(Opening::new(self.writer.clone(), opening.certificate, &opening.request, statements));
        let of = (self.deployment.log_origin.as_str(), SOFTWARE);
        RootRecord::new(of, opening.at_ms, &opening.roster, &opening.manifest, deed)
    }

    /// By the ids of rows alone: what is in them never stops a start.
    async fn next_opening(&self) -> Result<u64, Error> {
        let last = self.store.last(Collection::RootTranscript, RootTranscriptRecord::SCOPE).await;
        let Some(row) = last.map_err(fault::store)? else { return Ok(RootTranscriptRecord::BEGINNING + 1) };
        if self.told_of(&row).is_err() {
            tracing::error!(id = row.id, "the newest transcript of the root cannot be read: the start goes on");
        }
        match after(&row.id) {
            Some(next) => Ok(next),
            None => self.next_among_all().await,
        }
    }

    /// Where the newest row has an id that the service does not give: after the newest one that has.
    async fn next_among_all(&self) -> Result<u64, Error> {
        let (mut next, mut at) = (RootTranscriptRecord::BEGINNING + 1, None::<String>);
        for _ in 0..RootTranscriptRecord::OPENINGS_KEPT {
            let page = Page { after: at.as_deref(), limit: PAGE_MAX };
            let rows = self.store.list(Collection::RootTranscript, RootTranscriptRecord::SCOPE, page).await;
            let rows = rows.map_err(fault::store)?;
            next = rows.iter().filter_map(|row| after(&row.id)).max().map_or(next, |found| found.max(next));
            let Some(last) = rows.last() else { break };
            at = Some(last.id.clone());
        }
        Ok(next)
    }
}

/// The number after that of a row, if the row's id is that of a number which has one after it.
fn after(id: &str) -> Option<u64> {
    let number = id.parse().ok().filter(|number| RootTranscriptRecord::row_id(*number) == id)?;
    number.checked_add(1)
}

/// The record of a root that begins with its deployment.
#[must_use]
pub fn beginning(origin: &str, roster: &Roster, manifest: &SignedManifest) -> RootRecord {
    RootRecord::new((origin, SOFTWARE), manifest.unverified().made_at_ms(), roster, manifest, Deed::Split)
}

/// The row of a record that nobody has confirmed yet.
pub(crate) fn row_of(number: u64, record: &RootRecord) -> RootTranscriptRecord {
    RootTranscriptRecord { number, record: record.to_bytes().into(), confirmations: Vec::new() }
}

/// The leaf that names a record: whoever watches the log sees that a root was split, and each time a server was opened.
pub(crate) fn leaf(
    origin: &str,
    record: &RootRecord,
    manifest: ManifestDigest,
    evidence: [u8; 32],
) -> Result<NextLeaf, Error> {
    let digest = record.digest();
    plain_leaf(&PlainEvent {
        origin,
        id: digest,
        sequence: 0,
        previous: None,
        at: record.at_ms,
        names: [("root-transcript", digest), ("share-manifest", manifest.0)],
        evidence,
    })
}
