//! The only place where the messages of `hufu.v1` and the types of the engine meet.
//!
//! Conversions are strict: a value that this release does not know is refused and the field at fault is named.

pub mod audit;
pub mod ceremony;
pub mod crypto;
pub mod enums;
pub mod etag;
pub mod holder;
pub mod key;
pub mod ledger;
pub mod name;
pub mod page;
pub mod pem;
pub mod request_id;
pub mod seal;
pub mod share;
pub mod status;
pub mod time;
pub mod transfer;
pub mod update;
pub mod version;

use hufu_core::{Error, Reason};

/// Refuses a value, naming the field.
pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Error {
    Error::new(Reason::InvalidArgument, message).field(field)
}

/// Refuses a request in which a required field is missing.
pub(crate) fn missing(field: &'static str) -> Error {
    Error::new(Reason::MissingField, format!("`{field}` is required")).field(field)
}

/// Refuses a field that is longer than its limit.
pub(crate) fn too_large(field: &'static str, limit: &str) -> Error {
    Error::new(Reason::TooLarge, format!("`{field}` is longer than {limit}")).field(field)
}
