use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::transport;
use crate::Error;

/// The parts of a status that matter here.
struct Parts {
    reason: String,
    message: String,
    field: Option<String>,
    help: Option<String>,
    retry_after: Option<Duration>,
}

/// Turns a failed call into an error of this crate.
pub(crate) fn error(status: &Status) -> Error {
    if let Some(error) = transport::error(status) {
        return error;
    }
    classify(status.code(), parts(status))
}

fn parts(status: &Status) -> Parts {
    let details = status.get_error_details();
    let reason =
        details.error_info().filter(|info| info.domain == hufu_proto::ERROR_DOMAIN).map(|info| info.reason.clone());
    let message = match status.message() {
        "" => status.code().description().to_lowercase(),
        message => message.to_owned(),
    };
    Parts {
        reason: reason.unwrap_or_else(|| code_name(status.code()).to_owned()),
        message,
        field: details
            .bad_request()
            .and_then(|bad| bad.field_violations.first())
            .map(|violation| violation.field.clone())
            .filter(|field| !field.is_empty()),
        help: details.help().and_then(|help| help.links.first()).map(|link| link.description.clone()),
        retry_after: details.retry_info().and_then(|info| info.retry_delay),
    }
}

/// Reasons of arguments that are what they should be, and yet not good.
const WELL_FORMED: [&str; 3] = ["DECRYPTION_FAILED", "KEY_REJECTED", "SHARE_REFUSED"];

fn classify(code: Code, parts: Parts) -> Error {
    let Parts { reason, message, field, help, retry_after } = parts;
    match code {
        // That a ciphertext is bad is the outcome of the call, not a fault in how it was made.
        Code::InvalidArgument if WELL_FORMED.contains(&reason.as_str()) => Error::Failed { reason, message, help },
        Code::InvalidArgument | Code::OutOfRange => Error::Invalid { reason, message, field, help },
        Code::NotFound => Error::NotFound { reason, message, help },
        Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::AlreadyExists
        | Code::Aborted => Error::Refused { reason, message, field, help },
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Cancelled => {
            Error::Unavailable { reason, message, retry_after, help }
        }
        _ => Error::Failed { reason, message, help },
    }
}

/// Stands for the reason when the service gave none.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn status(code: Code, reason: &str) -> Status {
        let mut details = ErrorDetails::with_error_info(reason, "hufu", HashMap::new());
        details.add_bad_request_violation("key_id", "too long");
        details.add_help_link("do otherwise", "");
        details.set_retry_info(Some(Duration::from_millis(7)));
        Status::with_error_details(code, "no", details)
    }

    #[test]
    fn details_are_read() {
        let refused = error(&status(Code::FailedPrecondition, "WRONG_STATE"));
        assert!(matches!(refused, Error::Refused { .. }));
        assert_eq!(refused.reason(), Some("WRONG_STATE"));
        assert_eq!(refused.field(), Some("key_id"));
        assert_eq!(refused.help(), Some("do otherwise"));
        let busy = error(&status(Code::Unavailable, "OVERLOADED"));
        assert!(matches!(busy, Error::Unavailable { retry_after: Some(d), .. } if d.as_millis() == 7));
    }

    #[test]
    fn codes_have_their_kinds() {
        let kind = |code, reason| error(&status(code, reason));
        assert!(matches!(kind(Code::NotFound, "KEY_NOT_FOUND"), Error::NotFound { .. }));
        assert!(matches!(kind(Code::InvalidArgument, "TOO_LARGE"), Error::Invalid { .. }));
        assert!(matches!(kind(Code::InvalidArgument, "DECRYPTION_FAILED"), Error::Failed { .. }));
        assert!(matches!(kind(Code::InvalidArgument, "SHARE_REFUSED"), Error::Failed { .. }));
        assert!(matches!(kind(Code::Aborted, "ETAG_MISMATCH"), Error::Refused { .. }));
        assert!(matches!(kind(Code::ResourceExhausted, "RATE_LIMITED"), Error::Unavailable { .. }));
        assert!(matches!(kind(Code::Internal, "INTERNAL"), Error::Failed { .. }));
    }

    #[test]
    fn a_bare_status_goes_by_its_code() {
        let bare = error(&Status::new(Code::Unimplemented, ""));
        assert_eq!(bare.reason(), Some("UNIMPLEMENTED"));
        assert!(!bare.to_string().is_empty());
        let foreign = ErrorDetails::with_error_info("X", "example.org", HashMap::new());
        let foreign = Status::with_error_details(Code::NotFound, "no", foreign);
        assert_eq!(error(&foreign).reason(), Some("NOT_FOUND"));
    }
}
