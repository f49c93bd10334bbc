//! Renders the one error of the service as a gRPC status with `google.rpc` details (AIP-193).

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hufu_core::{Error, Reason};
use hufu_proto::ERROR_DOMAIN;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// What a reason becomes on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rendering {
    /// The gRPC status code.
    pub code: Code,
    /// After how long another attempt may succeed by itself, if it may.
    pub retry_after: Option<Duration>,
}

/// The gRPC side of every reason: the only table of them. `docs/errors.md` tells it to people.
#[must_use]
pub fn rendering(reason: Reason) -> Rendering {
    let code = match reason {
        Reason::InvalidName
        | Reason::InvalidArgument
        | Reason::MissingField
        | Reason::TooLarge
        | Reason::UnsupportedAlgorithm
        | Reason::DecryptionFailed
        | Reason::KeyRejected
        | Reason::ShareRefused
        | Reason::MandateMissing
        | Reason::PageTokenInvalid
        | Reason::FieldMaskInvalid => Code::InvalidArgument,
        Reason::UnsupportedByBackend
        | Reason::WrongState
        | Reason::WrongPurpose
        | Reason::DigestNotAllowed
        | Reason::RequestIdReused
        | Reason::RevokedMeanwhile
        | Reason::Quarantined
        | Reason::UsageLimitReached
        | Reason::NotExportable
        | Reason::ImportJobClosed
        | Reason::TooMany
        | Reason::NotSealed
        | Reason::CeremoniesOff
        | Reason::CeremonyRefused
        | Reason::KeyInShares
        | Reason::NotRecoverable
        | Reason::MandateRefused
        | Reason::HolderRefused
        | Reason::ClockFrozen => Code::FailedPrecondition,
        Reason::PermissionDenied => Code::PermissionDenied,
        Reason::Unauthenticated => Code::Unauthenticated,
        Reason::KeyNotFound
        | Reason::VersionNotFound
        | Reason::ImportJobNotFound
        | Reason::CeremonyNotFound
        | Reason::ShareSetNotFound
        | Reason::TargetNotFound
        | Reason::DepositNotFound => Code::NotFound,
        Reason::AlreadyExists => Code::AlreadyExists,
        Reason::EtagMismatch | Reason::OutcomeUnknown => Code::Aborted,
        Reason::RateLimited => Code::ResourceExhausted,
        Reason::Overloaded
        | Reason::BackendUnavailable
        | Reason::StorageUnavailable
        | Reason::LedgerUnavailable
        | Reason::StaleReplica
        | Reason::TooFewHolders
        | Reason::Sealed => Code::Unavailable,
        Reason::DeadlineExceeded => Code::DeadlineExceeded,
        // A reason of a newer core is a fault of ours until it stands here; a test sees to it that none is forgotten.
        _ => Code::Internal,
    };
    Rendering { code, retry_after: retry_after(reason) }
}

fn retry_after(reason: Reason) -> Option<Duration> {
    let millis = match reason {
        Reason::Overloaded => 100,
        Reason::StaleReplica => 200,
        Reason::RateLimited
        | Reason::BackendUnavailable
        | Reason::StorageUnavailable
        | Reason::LedgerUnavailable
        | Reason::TooFewHolders => 1_000,
        _ => return None,
    };
    Some(Duration::from_millis(millis))
}

/// Renders an error for the caller and tells the log what the caller must not know.
#[must_use]
pub fn status(error: &Error) -> Status {
    let Rendering { code, retry_after } = rendering(error.reason());
    let message = match code {
        Code::Internal => concealed(error),
        _ => told(error),
    };
    Status::with_error_details(code, message, details(error, retry_after))
}

fn details(error: &Error, retry_after: Option<Duration>) -> ErrorDetails {
    let rule = error.by_rule().map(|rule| ("rule".to_owned(), rule.to_owned()));
    let metadata: HashMap<String, String> = rule.into_iter().collect();
    let mut details = ErrorDetails::with_error_info(error.reason().name(), ERROR_DOMAIN, metadata);
    if let Some(field) = error.at_field() {
        details.add_bad_request_violation(field, error.message());
    }
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    if let Some(help) = error.advice() {
        details.add_help_link(help, "");
    }
    details
}

/// An internal error says nothing but where the log knows more.
fn concealed(error: &Error) -> String {
    let correlation = correlation_id();
    tracing::error!(%correlation, ?error, "internal error");
    format!("internal error, correlation id `{correlation}`")
}

fn told(error: &Error) -> String {
    if let Some(cause) = error.cause() {
        tracing::warn!(reason = error.reason().name(), cause, "request failed");
    }
    error.message().to_owned()
}

/// Unique in a start of the server, and hardly ever the same in another one. It identifies; it guards nothing.
fn correlation_id() -> String {
    static START: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("correlation"));
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{:016x}-{}", *START, NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_rendered_as_the_documents_say() {
        let table = include_str!("../../../docs/errors.md");
        for reason in Reason::ALL {
            let row = table.lines().find(|line| line.starts_with(&format!("| `{}` |", reason.name())));
            let row = row.unwrap_or_else(|| panic!("`{}` is not in docs/errors.md", reason.name()));
            let documented = row.split('|').nth(2).unwrap().trim().replace('_', "").to_lowercase();
            let code = format!("{:?}", rendering(*reason).code).to_lowercase();
            assert_eq!(code, documented, "{}", reason.name());
        }
    }

    #[test]
    fn every_reason_is_in_the_proto_enum() {
        for reason in Reason::ALL {
            assert!(hufu_proto::v1::ErrorReason::from_name(reason.name()).is_some(), "{}", reason.name());
        }
    }

    #[test]
    fn waiting_is_advised_exactly_where_it_helps() {
        for reason in Reason::ALL {
            let Rendering { code, retry_after } = rendering(*reason);
            // A sealed server is there for load balancers as one that is away; but only people open it.
            let waits = matches!(code, Code::Unavailable | Code::ResourceExhausted) && *reason != Reason::Sealed;
            assert_eq!(retry_after.is_some(), waits, "{}", reason.name());
        }
    }

    #[test]
    fn details_carry_reason_field_and_help_but_never_the_cause() {
        let error = Error::new(Reason::InvalidName, "the name must be short")
            .field("key_id")
            .help("shorten it")
            .because("SELECT secret FROM rows");
        let status = status(&error);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.domain.as_str(), info.reason.as_str()), ("hufu", "INVALID_NAME"));
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "key_id");
        assert_eq!(details.help().unwrap().links[0].description, "shorten it");
        assert!(details.retry_info().is_none());
        assert_eq!(status.message(), "the name must be short");
        assert!(!format!("{status:?}").contains("SELECT"));
    }

    #[test]
    fn internal_errors_tell_a_correlation_id_and_nothing_else() {
        let status = status(&Error::new(Reason::Internal, "row 7 of table x").because("disk"));
        assert_eq!(status.code(), Code::Internal);
        assert!(status.message().starts_with("internal error, correlation id `"));
        assert!(!status.message().contains("row 7"));
    }
}
