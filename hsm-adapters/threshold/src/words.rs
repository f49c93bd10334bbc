//! What holders did, in words for the caller.

use hufu_core::backend::{BackendError, HolderFault, HoldersError};

use crate::link::LinkError;

/// A fault of a holder that did what an honest one may do.
pub(crate) fn fault(holder: &str, what: impl ToString) -> HolderFault {
    HolderFault { holder: holder.to_owned(), misbehaved: false, what: what.to_string() }
}

/// A fault of a holder that did what no honest one does.
pub(crate) fn misconduct(holder: &str, what: impl std::fmt::Display) -> HolderFault {
    HolderFault { holder: holder.to_owned(), misbehaved: true, what: format!("misbehaved: {what}") }
}

/// The error of holders of whom some did not do what all must.
pub(crate) fn not_all(what: impl Into<String>, failed: Vec<(String, LinkError)>) -> BackendError {
    let refused = failed.iter().any(|(_, error)| !matches!(error, LinkError::Unreachable(_)));
    let faults = failed.iter().map(|(holder, error)| fault(holder, error)).collect();
    error(refused, what, faults)
}

pub(crate) fn error(refused: bool, what: impl Into<String>, faults: Vec<HolderFault>) -> BackendError {
    BackendError::Holders(Box::new(HoldersError { refused, what: what.into(), faults }))
}
