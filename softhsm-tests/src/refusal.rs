//! What a refusal says, read without the SDK.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The documented parts of a failed call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The gRPC status code.
    pub code: Code,
    /// `google.rpc.ErrorInfo.domain`; empty without one.
    pub domain: String,
    /// `google.rpc.ErrorInfo.reason`; empty without one.
    pub reason: String,
    /// Fields at fault.
    pub fields: Vec<String>,
    /// The text.
    pub message: String,
}

/// Reads a failed call.
pub fn refusal(status: &Status) -> Refusal {
    let details = status.get_error_details();
    let info = details.error_info();
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    Refusal {
        code: status.code(),
        domain: info.map(|info| info.domain.clone()).unwrap_or_default(),
        reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
        fields: violations.iter().map(|violation| violation.field.clone()).collect(),
        message: status.message().to_owned(),
    }
}
