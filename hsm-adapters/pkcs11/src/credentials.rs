//! The PIN: presented until the token refuses it once, and never again after that.

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::types::RawAuthPin;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;
use parking_lot::Mutex;

use crate::config::{LoginStep, LoginWatch};
use crate::fault::{Fault, describe};

/// One wrong PIN retried is a locked token, so a refusal latches until the backend is opened anew.
pub(crate) struct Credentials {
    pin: SecretBytes,
    refused: Mutex<Option<String>>,
    watch: Option<LoginWatch>,
}

impl Credentials {
    pub(crate) fn new(pin: SecretBytes, watch: Option<LoginWatch>) -> Self {
        Self { pin, refused: Mutex::new(None), watch }
    }

    /// Logs the application in. The lock is held meanwhile: two threads never present a wrong PIN twice.
    pub(crate) fn login(&self, session: &Session) -> Result<(), Fault> {
        let mut refused = self.refused.lock();
        if let Some(why) = &*refused {
            return Err(BackendError::Credentials(why.clone()).into());
        }
        let pin = RawAuthPin::new(Box::new(self.pin.expose().to_vec()));
        LoginWatch::tell(self.watch.as_ref(), LoginStep::Presenting);
        let judged = session.login_with_raw(UserType::User, &pin);
        LoginWatch::tell(self.watch.as_ref(), LoginStep::Judged);
        match judged {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) if is_refusal(&error) => {
                let why = describe(&error);
                *refused = Some(why.clone());
                Err(BackendError::Credentials(why).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }
}

fn is_refusal(error: &Error) -> bool {
    let Error::Pkcs11(code, _) = error else { return false };
    matches!(
        code,
        RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked
            | RvError::UserPinNotInitialized
    )
}
