//! Between the API's messages and the backend's.

use hufu_proto::v1;
use hufu_threshold::{HolderInfo, LinkError, Message, Share};
use tonic::{Code, Status};

/// Most characters of a holder's words that are passed on.
const WORDS_LEN_MAX: usize = 300;

pub(super) fn message(message: Message) -> v1::GenerationMessage {
    let Message { from, to, round, signed } = message;
    v1::GenerationMessage { from, to, round, signed }
}

pub(super) fn messages(answer: v1::GenerationMessages) -> Vec<Message> {
    let read = |message: v1::GenerationMessage| {
        let v1::GenerationMessage { from, to, round, signed } = message;
        Message { from, to, round, signed }
    };
    answer.messages.into_iter().map(read).collect()
}

pub(super) fn share(answer: v1::HolderShare) -> Share {
    let v1::HolderShare { key_version, group, number } = answer;
    Share { key_version, group, number }
}

pub(super) fn info(answer: v1::Holder) -> HolderInfo {
    let v1::Holder { name, deployment, roster, version, simulated } = answer;
    HolderInfo { name, deployment, roster, version: words(&version), simulated }
}

/// A failed call: silence, a no, or nothing there.
pub(super) fn error(status: &Status) -> LinkError {
    let why = root_cause(status);
    match status.code() {
        Code::NotFound => LinkError::Absent(why),
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Cancelled
        | Code::Aborted
        | Code::Unknown
        | Code::Internal
        | Code::DataLoss => LinkError::Unreachable(why),
        _ => LinkError::Refused(why),
    }
}

/// What lies behind a transport error, which itself says little.
fn root_cause(status: &Status) -> String {
    let first: &dyn std::error::Error = status;
    let causes = std::iter::successors(first.source(), |error| error.source());
    let last = causes.take(16).last().map(ToString::to_string);
    words(&last.unwrap_or_else(|| status.message().to_owned()))
}

/// Words of somebody else, fit to be shown.
fn words(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(WORDS_LEN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_refusal_and_absence_are_told_apart() {
        let of = |code| error(&Status::new(code, "why\n\u{7}"));
        assert_eq!(of(Code::Unavailable), LinkError::Unreachable("why".into()));
        assert_eq!(of(Code::PermissionDenied), LinkError::Refused("why".into()));
        assert_eq!(of(Code::Unimplemented), LinkError::Refused("why".into()));
        assert_eq!(of(Code::NotFound), LinkError::Absent("why".into()));
        assert_eq!(words(&"x".repeat(1_000)).len(), WORDS_LEN_MAX);
    }
}
