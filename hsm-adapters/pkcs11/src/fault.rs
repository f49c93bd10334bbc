//! What went wrong on the device, and what it means for the caller and for the session.

use cryptoki::context::Function;
use cryptoki::error::Error;
use hufu_core::backend::BackendError;

use crate::codes::{self, Meaning};

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The device or its library says so.
    Device(Error),
    /// The token is in none of the slots, or in several.
    Absent(&'static str),
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

impl Fault {
    /// What it asks for; nothing where the answer stands.
    pub(crate) fn meaning(&self) -> Option<Meaning> {
        match self {
            Self::Device(error) => Some(meaning(error)),
            Self::Absent(_) => Some(Meaning::Gone),
            Self::Answer(_) => None,
        }
    }

    /// Whether nothing was produced or changed yet, so that trying again cannot lead to a second result.
    pub(crate) fn is_before_effect(&self) -> bool {
        match self {
            Self::Device(Error::Pkcs11(code, function)) => codes::entry(*code).refused || has_no_effect(*function),
            Self::Absent(_) => true,
            Self::Device(_) | Self::Answer(_) => false,
        }
    }

    /// What the caller is told.
    pub(crate) fn into_answer(self) -> BackendError {
        match self {
            Self::Device(error) => answer(&error),
            Self::Absent(why) => BackendError::Unavailable(why.to_owned()),
            Self::Answer(answer) => answer,
        }
    }
}

/// What an error of the library asks for. Those that are none of the device's are of our making.
pub(crate) fn meaning(error: &Error) -> Meaning {
    match error {
        Error::Pkcs11(code, _) => codes::entry(*code).meaning,
        Error::NullFunctionPointer => Meaning::Unsupported,
        _ => Meaning::Ours,
    }
}

/// What the caller is told.
pub(crate) fn answer(error: &Error) -> BackendError {
    let why = describe(error);
    match meaning(error) {
        Meaning::Retry | Meaning::Login | Meaning::Session | Meaning::Module | Meaning::Gone | Meaning::Full => {
            BackendError::Unavailable(why)
        }
        Meaning::Pin => BackendError::Credentials(why),
        Meaning::Input => BackendError::InvalidInput(why),
        Meaning::Unsupported => BackendError::Unsupported(why),
        // What is not genuine is told where a plaintext is expected; anywhere else it is as odd as the rest.
        Meaning::NotGenuine | Meaning::Fine | Meaning::Ours => BackendError::Failed(why),
    }
}

/// Function and code in the standard's words, and what the code means; the library's own texts run to paragraphs.
pub(crate) fn describe(error: &Error) -> String {
    match error {
        Error::Pkcs11(code, function) => format!("C_{function:?}: {code:?} ({})", codes::entry(*code).words),
        other => other.to_string(),
    }
}

/// Functions that only look or prepare.
fn has_no_effect(function: Function) -> bool {
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

#[cfg(test)]
mod tests {
    use cryptoki::error::RvError;

    use super::*;

    fn at(code: RvError, function: Function) -> Fault {
        Fault::Device(Error::Pkcs11(code, function))
    }

    #[test]
    fn what_may_have_had_an_effect_is_told_from_what_had_none() {
        assert!(at(RvError::DeviceError, Function::SignInit).is_before_effect());
        assert!(!at(RvError::DeviceError, Function::Sign).is_before_effect());
        assert!(!at(RvError::GeneralError, Function::GenerateKeyPair).is_before_effect());
        assert!(!at(RvError::SessionClosed, Function::Sign).is_before_effect());
        assert!(!at(RvError::FunctionFailed, Function::Sign).is_before_effect());
        assert!(at(RvError::SessionHandleInvalid, Function::Sign).is_before_effect());
        assert!(at(RvError::UserNotLoggedIn, Function::GenerateKeyPair).is_before_effect());
    }

    #[test]
    fn only_faults_that_pass_are_unavailable() {
        let answers = [
            (RvError::DeviceError, "unavailable"),
            (RvError::SessionCount, "unavailable"),
            (RvError::PinLocked, "credentials refused"),
            (RvError::MechanismInvalid, "unsupported"),
            (RvError::DataLenRange, "invalid input"),
            (RvError::ArgumentsBad, "failed"),
        ];
        for (code, expected) in answers {
            let told = at(code, Function::SignInit).into_answer().to_string();
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
