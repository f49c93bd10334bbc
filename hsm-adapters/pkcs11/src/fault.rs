//! What went wrong on the device, and what it means for the caller and for the session.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use hufu_core::backend::BackendError;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The device or its library says so; another session may help.
    Device(Error),
    /// This is the answer.
    Answer(BackendError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Device(error)
    }
}

impl From<BackendError> for Fault {
    fn from(error: BackendError) -> Self {
        Self::Answer(error)
    }
}

/// Whether a fault is one of the session, the handle or the device, so that a new session may mend it.
pub(crate) fn is_broken_session(error: &Error) -> bool {
    let Error::Pkcs11(code, _) = error else { return false };
    matches!(
        code,
        RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::DeviceError
            | RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::ObjectHandleInvalid
            | RvError::KeyHandleInvalid
            | RvError::UserNotLoggedIn
            | RvError::OperationActive
            | RvError::OperationNotInitialized
            | RvError::CryptokiNotInitialized
            | RvError::GeneralError
            | RvError::FunctionFailed
    )
}

/// Whether nothing was produced or changed yet, so that trying again cannot lead to a second result.
pub(crate) fn is_before_effect(error: &Error) -> bool {
    let Error::Pkcs11(_, function) = error else { return false };
    matches!(
        function,
        Function::GetSlotList
            | Function::GetTokenInfo
            | Function::OpenSession
            | Function::Login
            | Function::GetSessionInfo
            | Function::FindObjectsInit
            | Function::FindObjects
            | Function::FindObjectsFinal
            | Function::GetAttributeValue
            | Function::SignInit
            | Function::EncryptInit
            | Function::DecryptInit
    )
}

/// What the caller is told.
pub(crate) fn answer(error: &Error) -> BackendError {
    let why = describe(error);
    if is_broken_session(error) {
        return BackendError::Unavailable(why);
    }
    let Error::Pkcs11(code, _) = error else { return BackendError::Failed(why) };
    match code {
        RvError::MechanismInvalid
        | RvError::MechanismParamInvalid
        | RvError::FunctionNotSupported
        | RvError::CurveNotSupported
        | RvError::DomainParamsInvalid => BackendError::Unsupported(why),
        RvError::DataInvalid
        | RvError::DataLenRange
        | RvError::KeyFunctionNotPermitted
        | RvError::KeyTypeInconsistent => BackendError::InvalidInput(why),
        RvError::SessionCount | RvError::DeviceMemory | RvError::HostMemory => BackendError::Unavailable(why),
        _ => BackendError::Failed(why),
    }
}

/// Function and code in the standard's words; the library's own texts run to paragraphs.
pub(crate) fn describe(error: &Error) -> String {
    match error {
        Error::Pkcs11(code, function) => format!("C_{function:?}: {code:?}"),
        other => other.to_string(),
    }
}
