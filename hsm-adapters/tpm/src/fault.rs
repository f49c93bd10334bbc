//! What went wrong on the TPM, and what it means.

use hufu_core::backend::BackendError;
use tss_esapi::Error;
use tss_esapi::constants::{Tss2ResponseCode, Tss2ResponseCodeKind as Kind};

use crate::peer;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// This is the answer.
    Answer(BackendError),
    /// The TPM says so.
    Tpm(Error),
}

/// What a response of the TPM means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    /// The authorization value is wrong or the TPM is locked: never try again.
    Refused,
    /// The connection, or what was loaded through it, is gone; nothing was done.
    Lost,
    /// Busy for now; nothing was done.
    Busy,
    /// The TPM has no such curve or scheme.
    Unsupported,
    /// The blob is of another TPM, or damaged.
    Foreign,
    /// The caller's point is not on the curve.
    Point,
    /// Anything else.
    Failed,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Tpm(error)
    }
}

impl From<BackendError> for Fault {
    fn from(answer: BackendError) -> Self {
        Self::Answer(answer)
    }
}

/// Reads a response code (TPM 2.0 Library, part 2, §6.6). What does not come from the TPM itself comes from the way to it.
pub(crate) fn meaning(error: &Error) -> Meaning {
    let Error::Tss2Error(code @ (Tss2ResponseCode::FormatOne(_) | Tss2ResponseCode::FormatZero(_))) = error else {
        return Meaning::Failed;
    };
    match code.kind() {
        Some(Kind::AuthFail | Kind::BadAuth | Kind::Lockout) => Meaning::Refused,
        Some(
            Kind::Retry | Kind::Yielded | Kind::Testing | Kind::NvRate | Kind::ObjectMemory | Kind::SessionMemory,
        ) => Meaning::Busy,
        Some(Kind::Curve | Kind::Scheme | Kind::Asymmetric | Kind::KeySize) => Meaning::Unsupported,
        Some(Kind::Integrity | Kind::Sensitive) => Meaning::Foreign,
        Some(Kind::EccPoint) => Meaning::Point,
        Some(
            Kind::Handle
            | Kind::ReferenceH0
            | Kind::ReferenceH1
            | Kind::ReferenceS0
            | Kind::ReferenceS1
            | Kind::Initialize
            | Kind::Failure,
        )
        | None => Meaning::Lost,
        Some(_) => Meaning::Failed,
    }
}

/// What the caller is told.
pub(crate) fn answer(error: &Error) -> BackendError {
    let why = format!("TPM: {error}");
    match meaning(error) {
        Meaning::Refused => BackendError::Credentials(why),
        Meaning::Lost | Meaning::Busy => BackendError::Unavailable(why),
        Meaning::Unsupported => BackendError::Unsupported(why),
        Meaning::Foreign => BackendError::Missing("the stored key is not of this TPM".to_owned()),
        Meaning::Point => BackendError::InvalidInput(peer::REFUSED.to_owned()),
        Meaning::Failed => BackendError::Failed(why),
    }
}
