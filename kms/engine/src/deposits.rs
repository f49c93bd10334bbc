//! Keys that applications deposit for recovery: dealt by the application itself, signed and kept by the service, opened by nobody
//! but a quorum in a ceremony.

mod create;
mod delete;
mod read;
mod settle;

use hufu_core::name::DepositName;
use hufu_core::{Error, Reason};

/// The least threshold where the configuration names none: no single custodian has the key.
pub(crate) const THRESHOLD_MIN: u8 = 2;

pub(crate) fn not_found(name: &DepositName) -> Error {
    Error::new(Reason::DepositNotFound, format!("there is no deposit `{name}`")).field("name")
}
