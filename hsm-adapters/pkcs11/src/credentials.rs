//! The PIN: presented until the token refuses it once, and never again after that.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::types::RawAuthPin;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;
use parking_lot::Mutex;

use crate::codes::Meaning;
use crate::config::{LoginStep, LoginWatch};
use crate::fault::{Fault, describe, meaning};

/// How long a login waits for another one. A login that hangs must not hold the others.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// One wrong PIN retried is a locked token, so a refusal latches until the backend is opened anew.
pub(crate) struct Credentials {
    pin: SecretBytes,
    /// Held while the PIN is presented: two threads never present a wrong PIN twice.
    presenting: Mutex<()>,
    refused: OnceLock<String>,
    /// The token has taken this PIN before.
    accepted: AtomicBool,
    watch: Option<LoginWatch>,
}

impl Credentials {
    pub(crate) fn new(pin: SecretBytes, watch: Option<LoginWatch>) -> Self {
        let (presenting, refused, accepted) = (Mutex::new(()), OnceLock::new(), AtomicBool::new(false));
        Self { pin, presenting, refused, accepted, watch }
    }

    /// Logs the application in.
    pub(crate) fn login(&self, session: &Session) -> Result<(), Fault> {
        let Some(_alone) = self.presenting.try_lock_for(WAIT_MAX) else {
            return Err(BackendError::Unavailable("another login does not end".to_owned()).into());
        };
        if let Some(why) = self.refused.get() {
            return Err(BackendError::Credentials(why.clone()).into());
        }
        let pin = RawAuthPin::new(Box::new(self.pin.expose().to_vec()));
        LoginWatch::tell(self.watch.as_ref(), LoginStep::Presenting);
        let judged = session.login_with_raw(UserType::User, &pin);
        LoginWatch::tell(self.watch.as_ref(), LoginStep::Judged);
        self.judge(judged)
    }

    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.get().cloned()
    }

    fn judge(&self, result: Result<(), Error>) -> Result<(), Fault> {
        let Err(error) = result else {
            self.accepted.store(true, Ordering::Relaxed);
            return Ok(());
        };
        let why = describe(&error);
        let meaning = meaning(&error);
        if meaning == Meaning::Fine {
            // Another session, or another backend of this process, has presented it with success.
            self.accepted.store(true, Ordering::Relaxed);
            return Ok(());
        }
        if meaning == Meaning::Pin || is_of_unknown_meaning(&error) {
            tracing::error!(why, "the token refused the PIN: it is not tried again before the next start");
            return Err(BackendError::Credentials(self.refused.get_or_init(|| why).clone()).into());
        }
        if self.accepted.load(Ordering::Relaxed) || leaves_the_pin_alone(&error) {
            return Err(error.into());
        }
        // The first login of all: whatever the token means, the same PIN is not presented twice to find out.
        Err(BackendError::Unavailable(why).into())
    }
}

/// A code of the vendor's, or one that nobody knows, may say that the PIN is wrong.
fn is_of_unknown_meaning(error: &Error) -> bool {
    matches!(error, Error::Pkcs11(RvError::VendorDefined(_) | RvError::UnknownErrorCode(_), Function::Login))
}

/// The call was refused before the PIN was looked at.
fn leaves_the_pin_alone(error: &Error) -> bool {
    matches!(error, Error::Pkcs11(code, _) if crate::codes::entry(*code).refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(credentials: &Credentials, code: RvError) -> Result<(), Fault> {
        credentials.judge(Err(Error::Pkcs11(code, Function::Login)))
    }

    fn fresh() -> Credentials {
        Credentials::new(SecretBytes::from_slice(b"1234"), None)
    }

    #[test]
    fn a_refusal_latches_and_so_does_what_may_be_one() {
        for code in [RvError::PinIncorrect, RvError::PinLocked, RvError::VendorDefined(0x8000_0007)] {
            let credentials = fresh();
            credentials.judge(Ok(())).unwrap();
            assert!(matches!(judged(&credentials, code), Err(Fault::Answer(BackendError::Credentials(_)))));
            assert!(credentials.refused().is_some(), "{code:?}");
        }
    }

    #[test]
    fn before_the_pin_was_taken_once_nothing_is_tried_twice() {
        let credentials = fresh();
        let answer = judged(&credentials, RvError::FunctionFailed);
        assert!(matches!(answer, Err(Fault::Answer(BackendError::Unavailable(_)))), "{answer:?}");
        assert!(judged(&credentials, RvError::UserAlreadyLoggedIn).is_ok());
        assert!(matches!(judged(&credentials, RvError::FunctionFailed), Err(Fault::Device(_))));
        assert_eq!(credentials.refused(), None);
    }
}
