//! The records that the service keeps, as rows know them.

mod ceiling;
mod ceremony;
mod deposit;
mod holder;
mod import_job;
mod intent;
mod key;
mod material;
mod meta;
mod principal;
mod request;
mod root;
mod root_transcript;
mod share_set;
mod target;
mod version;
mod wrapping_key;

pub use ceiling::UsageCeiling;
pub use ceremony::{CeremonyClock, CeremonyFile, CeremonyRecord, CeremonyRules};
pub use deposit::{Deletion, Deposit, DepositRelease};
pub use holder::{HolderClock, HolderSession, HolderShare};
pub use import_job::{ImportJob, ImportState, KeyToBe};
pub use intent::{Intent, IntentKind};
pub use key::{DISTINGUISHING_ID_DEFAULT, Exit, KeyRecord, Protection, Sharing};
pub use material::Material;
pub use meta::{Checkpoint, Deployment, Lease, LogPosition};
pub use principal::{LedgerMark, PrincipalRecord, Role, Tenant, TenantRotation};
pub use request::RequestRecord;
pub use root::{FIRST_ROOT_SLOT, NextMaster, RootSlot, RootState};
pub use root_transcript::RootTranscriptRecord;
pub use share_set::{SealedShares, ShareSetRecord};
pub use target::Target;
pub use version::{Attestation, KeyState, Locator, Origin, VersionRecord, VersionUid};
pub use wrapping_key::{Wrapped, WrappingKeyId, WrappingKeyRecord, WrappingKeyUse};

use crate::changeset::{Collection, Row};
use crate::codec::{self, CodecError};
use minicbor::{Decode, Encode};

/// A record that lives in a row: which collection, under which id, with which index columns.
pub trait Record: Encode<()> + for<'b> Decode<'b, ()> + Sized {
    /// The collection that holds such records.
    const COLLECTION: Collection;
    /// Domain of the encoded body.
    const DOMAIN: &'static str;
    /// Newest format version that this release writes and reads.
    const FORMAT: u32 = 1;

    /// The row id.
    fn id(&self) -> String;

    /// What the row belongs to; lists are by scope.
    fn scope(&self) -> String {
        String::new()
    }

    /// When the row wants attention, in milliseconds since the Unix epoch.
    fn due(&self) -> Option<u64> {
        None
    }

    /// The record as an untagged row of the given revision.
    fn to_row(&self, revision: u64) -> Row {
        Row {
            collection: Self::COLLECTION,
            id: self.id(),
            scope: self.scope(),
            due: self.due(),
            revision,
            body: codec::encode(Self::DOMAIN, Self::FORMAT, self),
            tag: Vec::new(),
        }
    }

    /// Reads a record from its row.
    ///
    /// # Errors
    /// [`CodecError`] when the body is malformed, newer, or disagrees with the row's own columns.
    fn from_row(row: &Row) -> Result<Self, CodecError> {
        let record: Self = codec::decode(Self::DOMAIN, Self::FORMAT, &row.body)?;
        let agrees = row.collection == Self::COLLECTION
            && record.id() == row.id
            && record.scope() == row.scope
            && record.due() == row.due;
        if agrees { Ok(record) } else { Err(CodecError::Malformed { domain: Self::DOMAIN }) }
    }
}
