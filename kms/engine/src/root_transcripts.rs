//! What is written down of a root that custodians hold: that it was split, and each time they opened a server. A sealed server can
//! neither read its database nor sign, so an opening is written down with the start that follows it, in one commit.

mod confirm;
mod read;
mod write;

pub use write::{RootOpening, beginning};
pub(crate) use write::{leaf, row_of};

use hufu_core::record::RootTranscriptRecord;
use hufu_core::{Error, Reason};
use hufu_custodian::Signed;
use hufu_shares::RootRecord;

use crate::fault;

/// A record, the row that it was read from, and what came later.
struct Told {
    row: RootTranscriptRecord,
    revision: u64,
    record: RootRecord,
    confirmations: Vec<Signed>,
}

impl crate::Engine {
    async fn told(&self, number: u64) -> Result<Told, Error> {
        let id = RootTranscriptRecord::row_id(number);
        let row =
            self.store.get(hufu_core::changeset::Collection::RootTranscript, &id).await.map_err(fault::store)?;
        self.told_of(&row.ok_or_else(|| not_found(number))?)
    }

    fn told_of(&self, row: &hufu_core::changeset::Row) -> Result<Told, Error> {
        let locked = || {
            let name = format!("rootTranscripts/{}", row.id);
            self.directory.quarantine(&name, "the row is not as the service wrote it")
        };
        let revision = row.revision;
        let row: RootTranscriptRecord = self.keyring.integrity().open(row).map_err(|_| locked())?;
        let record = RootRecord::from_bytes(&row.record).map_err(|_| locked())?;
        let confirmations = row.confirmations.iter().map(|bytes| Signed::from_bytes(bytes));
        let confirmations = confirmations.collect::<Result<_, _>>().map_err(|_| locked())?;
        Ok(Told { row, revision, record, confirmations })
    }
}

fn name(number: u64) -> String {
    format!("rootTranscripts/{number}")
}

fn not_found(number: u64) -> Error {
    Error::new(Reason::CeremonyNotFound, format!("there is no `{}`", name(number)))
        .field("name")
        .help("`hufu unseal transcripts` lists those that are kept")
}
