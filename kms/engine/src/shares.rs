//! Share sets: what custodians hold together, as the service keeps it. `hufu_shares` judges, the engine commits.
//!
//! INVARIANT: the service keeps manifests that the log's key signed and shares that are sealed to custodians: nothing that it could open.
//! Each new epoch, and each epoch that comes into force, is a leaf on the ledger, whose hash the set's row holds. A row that is not
//! as its newest leaf says, an older copy of it above all, is locked: a dead epoch does not come back.

mod among;
mod confirm;
mod dealt;
mod read;
mod stage;
mod stored;

use hufu_core::{Error, Reason};

pub(crate) use among::sharing;
pub(crate) use dealt::Terms;
pub(crate) use stored::StoredSet;

/// What the caller is told of shares that are refused.
pub(crate) fn refused(error: &hufu_shares::Error) -> Error {
    Error::new(Reason::ShareRefused, error.to_string())
}
