//! Exit codes. Scripts rely on them; `hufu --help` lists them.

use hufu_sdk::{Error, attestation::AttestationError};

use crate::failure::Failure;

/// What `hufu --help` says about exit codes.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  anything else: a bad signature, a bundle or a transcript that does not verify, a failure of the service
  2  usage: arguments, profile or input that cannot be meant
  3  refused by policy or by the state of the key: also a good signature of a compromised version,
     a bundle of another public key, a client certificate that is not accepted, a token that is not admitted,
     a roster that is not the pinned one, an enrolment that is not accepted, a share that is not what was dealt,
     a request that must not be answered, and a decision that would not count
  4  no such key or version
  5  the service, or something that it needs, is unavailable: try again later";

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Other = 1,
    Usage = 2,
    Refused = 3,
    NotFound = 4,
    Unavailable = 5,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

pub(crate) fn code(failure: &Failure) -> Exit {
    match failure {
        Failure::Sdk(error) => sdk_code(error),
        Failure::Usage { .. } | Failure::Read { .. } => Exit::Usage,
        Failure::Refused { .. } => Exit::Refused,
        #[cfg(feature = "assess")]
        Failure::NotAdmitted => Exit::Refused,
        #[cfg(feature = "assess")]
        Failure::Assess(error) => assess_code(error),
        #[cfg(feature = "custodian")]
        Failure::Custodian(error) => custodian_code(error),
        #[cfg(feature = "custodian")]
        Failure::Shares(error) => shares_code(error),
        #[cfg(feature = "custodian")]
        Failure::Ceremony(refusal) => ceremony_code(refusal),
        Failure::Write { .. } | Failure::Runtime(_) | Failure::Negative(_) | Failure::Declined => Exit::Other,
    }
}

#[cfg(feature = "assess")]
fn assess_code(error: &hufu_assess::Error) -> Exit {
    use hufu_assess::{Error, OpenError};
    match error {
        Error::Open(
            OpenError::Module { .. } | OpenError::NotFound(_) | OpenError::Ambiguous(_) | OpenError::PinEncoding,
        ) => Exit::Usage,
        _ => Exit::Other,
    }
}

#[cfg(feature = "custodian")]
fn custodian_code(error: &hufu_custodian_keys::Error) -> Exit {
    use hufu_custodian_keys::{Error, OpenError};
    match error {
        Error::PassphraseLen { .. } | Error::Cost(_) | Error::KeyFile(_) | Error::Place(_) | Error::Codec(_) => {
            Exit::Usage
        }
        Error::PinLen { .. } | Error::AnotherTpm { .. } => Exit::Usage,
        #[cfg(feature = "tpm")]
        Error::OpenTpm(hufu_custodian_keys::TpmOpenError::Tcti(_)) => Exit::Usage,
        Error::Open(
            OpenError::Module { .. } | OpenError::NotFound(_) | OpenError::Ambiguous(_) | OpenError::PinEncoding,
        ) => Exit::Usage,
        Error::Custodian(error) => pure_code(error),
        _ => Exit::Other,
    }
}

#[cfg(feature = "custodian")]
fn pure_code(error: &hufu_custodian::Error) -> Exit {
    use hufu_custodian::Error;
    match error {
        Error::NotPinned(_) | Error::Enrolment(_) | Error::Signature(_) | Error::Unknown(_) => Exit::Refused,
        Error::Text(_)
        | Error::Line { .. }
        | Error::Label { .. }
        | Error::Words { .. }
        | Error::Roster(_)
        | Error::TooLong { .. }
        | Error::Codec(_) => Exit::Usage,
        _ => Exit::Other,
    }
}

#[cfg(feature = "custodian")]
fn shares_code(error: &hufu_shares::Error) -> Exit {
    use hufu_shares::Error;
    match error {
        Error::Dealer | Error::OtherManifest | Error::Refused(_) | Error::Culprits(_) => Exit::Refused,
        Error::Manifest(_) | Error::Codec(_) | Error::TooLong { .. } => Exit::Usage,
        Error::Custodian(error) => pure_code(error),
        _ => Exit::Other,
    }
}

#[cfg(feature = "custodian")]
fn ceremony_code(refusal: &hufu_ceremony::Refusal) -> Exit {
    use hufu_ceremony::Refusal;
    match refusal {
        Refusal::Malformed { .. } | Refusal::Codec(_) | Refusal::TooLarge { .. } => Exit::Usage,
        _ => Exit::Refused,
    }
}

fn sdk_code(error: &Error) -> Exit {
    match error {
        Error::Usage { .. }
        | Error::Mandate(_)
        | Error::Invalid { .. }
        | Error::Profile(_)
        | Error::Word(_)
        | Error::VerifierKey(_) => Exit::Usage,
        Error::Attestation(
            AttestationError::TooLong(_)
            | AttestationError::PublicKey
            | AttestationError::Anchor(_)
            | AttestationError::Intermediate(_),
        ) => Exit::Usage,
        Error::Refused { .. } | Error::CertificateRefused { .. } | Error::Deposit(_) => Exit::Refused,
        Error::NotFound { .. } => Exit::NotFound,
        Error::Unavailable { .. } | Error::Transport { .. } => Exit::Unavailable,
        _ => Exit::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        String::new()
    }

    #[test]
    fn every_kind_of_failure_has_its_code() {
        let (reason, message, field, help) = (text, text, || None, || None);
        let cases = [
            (Error::Refused { reason: reason(), message: message(), field: field(), help: help() }, 3),
            (Error::Invalid { reason: reason(), message: message(), field: field(), help: help() }, 2),
            (Error::NotFound { reason: reason(), message: message(), help: help() }, 4),
            (Error::Unavailable { reason: reason(), message: message(), retry_after: None, help: help() }, 5),
            (Error::Failed { reason: reason(), message: message(), help: help() }, 1),
            (Error::Transport { message: message(), help: help() }, 5),
            (Error::CertificateRefused { message: message(), help: help() }, 3),
            (Error::Untrusted { message: message(), help: help() }, 1),
            (Error::Usage { message: message(), help: help() }, 2),
            (Error::Incomplete("x"), 1),
            (Error::Attestation(AttestationError::WrongKey), 1),
            (Error::Attestation(AttestationError::PublicKey), 2),
        ];
        for (error, expected) in cases {
            let shown = format!("{error:?}");
            assert_eq!(code(&Failure::Sdk(error)) as u8, expected, "{shown}");
        }
        assert_eq!(code(&Failure::Negative("the signature is bad".into())), Exit::Other);
        assert_eq!(code(&Failure::usage("x", "y")), Exit::Usage);
    }

    #[cfg(feature = "custodian")]
    #[test]
    fn what_custodians_meet_has_its_code() {
        use hufu_ceremony::Refusal;
        use hufu_shares::{Error, Fault};
        let refusal =
            hufu_shares::Refusal { custodian: "alice".parse().unwrap(), index: 1, fault: Fault::Commitment };
        for (failure, expected) in [
            (Failure::from(Error::Refused(refusal)), Exit::Refused),
            (Error::Dealer.into(), Exit::Refused),
            (Error::Manifest("x").into(), Exit::Usage),
            (Error::Custodian(hufu_custodian::Error::Text("x")).into(), Exit::Usage),
            (Error::Custodian(hufu_custodian::Error::Agreement(text())).into(), Exit::Other),
            (hufu_custodian::Error::NotPinned("x").into(), Exit::Refused),
            (Refusal::Malformed { what: "x", why: text() }.into(), Exit::Usage),
            (Refusal::CeremonyExpired.into(), Exit::Refused),
        ] {
            assert_eq!(code(&failure), expected, "{failure:?}");
        }
    }

    #[test]
    fn the_help_lists_every_code() {
        for code in 0..=5 {
            assert!(HELP.contains(&format!("\n  {code}  ")));
        }
    }
}
