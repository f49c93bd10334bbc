//! The link to the token: one session, opened when needed, healed when it is broken, and what is tried again after that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::session::Session;
use hufu_core::backend::BackendError;

use crate::codes::Meaning;
use crate::fault::{Fault, describe, meaning};
use crate::module::Entered;
use crate::recovery::{self, Ending, Ladder, Patient, Repeat, Step};
use crate::token::Token;

/// A pause before the same call is made again on the same session, so that the device may recover.
const RETRY_PAUSE: Duration = Duration::from_millis(2);

/// One session, used by one thread.
pub(crate) struct Link {
    token: Arc<Token>,
    session: Option<Open>,
    ladder: Ladder,
    /// The module is to be restarted before the next try, if it is still of that generation.
    restart_due: Option<u64>,
    /// The token had no room for another session.
    crowded: bool,
}

struct Open {
    /// Never closed by its destructor: after a restart of the module its number may belong to another session.
    session: Session,
    module_generation: u64,
}

impl Link {
    pub(crate) fn new(token: Arc<Token>) -> Self {
        Self { token, session: None, ladder: Ladder::default(), restart_due: None, crowded: false }
    }

    pub(crate) fn token(&self) -> &Arc<Token> {
        &self.token
    }

    /// Whether the token had no room for this link's session the last time that it asked.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Does some work on the session, and heals it as far as that takes.
    pub(crate) fn run<T>(
        &mut self,
        repeat: Repeat,
        deadline: Instant,
        work: impl Fn(&Token, &Session) -> Result<T, Fault>,
    ) -> Result<T, BackendError> {
        let result = self.treated(repeat, deadline, work);
        if result.is_ok() {
            self.token.breaker.worked();
        }
        result
    }

    /// Finds out whether the token answers and is logged in, healing the link as for any work.
    pub(crate) fn probe(&mut self, deadline: Instant) -> Result<(), BackendError> {
        self.treated(Repeat::Safe, deadline, look)?;
        self.token.breaker.probed();
        Ok(())
    }

    fn treated<T>(
        &mut self,
        repeat: Repeat,
        deadline: Instant,
        work: impl Fn(&Token, &Session) -> Result<T, Fault>,
    ) -> Result<T, BackendError> {
        let mut ladder = std::mem::take(&mut self.ladder);
        let result = recovery::treat(&mut Working { link: self, work }, &mut ladder, repeat, deadline);
        self.ladder = ladder;
        result.map_err(|ending| match ending {
            Ending::Answered(answer) => answer,
            Ending::GivenUp(fault) => {
                let answer = fault.into_answer();
                self.token.breaker.failed(&answer.to_string());
                answer
            }
        })
    }

    fn log_in_again(&mut self, entered: &Entered<'_>) {
        // Handles of private objects end with the login.
        self.token.void_handles();
        let logged_in = self.session.as_ref().map(|open| self.token.log_in(&open.session));
        if !matches!(logged_in, Some(Ok(()))) {
            self.give_up(entered);
        }
    }

    fn restart_if_due(&mut self) {
        let Some(seen) = self.restart_due.take() else { return };
        if let Err(error) = self.token.module.restart(seen) {
            tracing::warn!(error = describe(&error), "the module cannot be initialised");
        }
    }

    /// The session, opened and logged in if there is none of the module's present generation.
    fn session(&mut self, entered: &Entered<'_>) -> Result<&Session, Fault> {
        let module_generation = entered.generation();
        let current = self.session.take().filter(|open| open.module_generation == module_generation);
        let open = match current {
            Some(open) => open,
            None => Open { session: self.open(entered)?, module_generation },
        };
        Ok(&self.session.insert(open).session)
    }

    fn open(&mut self, entered: &Entered<'_>) -> Result<Session, Fault> {
        let slot = self.token.slot(entered.library())?;
        let opened = entered.library().open_rw_session_no_drop(slot);
        self.crowded = opened.as_ref().is_err_and(|error| meaning(error) == Meaning::Full);
        let session = opened?;
        match self.log_in(&session) {
            Ok(()) => Ok(session),
            Err(fault) => {
                let _ = session.close();
                Err(fault)
            }
        }
    }

    fn log_in(&self, session: &Session) -> Result<(), Fault> {
        if !self.token.is_ready(session.get_session_info()?.session_state()) {
            // Whoever looked for private objects while nobody was logged in must learn of it, so this comes first.
            self.token.void_handles();
        }
        self.token.log_in(session)
    }

    fn give_up(&mut self, entered: &Entered<'_>) {
        self.token.void_handles();
        self.close(entered);
    }

    fn close(&mut self, entered: &Entered<'_>) {
        if let Some(open) = self.session.take()
            && open.module_generation == entered.generation()
        {
            // A broken one cannot be closed; trying is a courtesy to a device that counts its sessions.
            let _ = open.session.close();
        }
    }
}

/// A link with work to do on it.
struct Working<'a, F> {
    link: &'a mut Link,
    work: F,
}

impl<T, F: Fn(&Token, &Session) -> Result<T, Fault>> Patient<T> for Working<'_, F> {
    fn is_restart_due(&self) -> bool {
        self.link.restart_due.is_some()
    }

    fn attempt(&mut self) -> Result<T, Fault> {
        self.link.restart_if_due();
        let token = Arc::clone(&self.link.token);
        let entered = token.module.enter();
        let session = self.link.session(&entered)?;
        (self.work)(&token, session)
    }

    fn take(&mut self, step: Step) {
        let token = Arc::clone(&self.link.token);
        let entered = token.module.enter();
        match step {
            Step::Again => std::thread::sleep(RETRY_PAUSE),
            Step::Login => self.link.log_in_again(&entered),
            Step::Session => self.link.give_up(&entered),
            Step::Module => {
                // What failed was of the session's generation: if others have restarted the module since, that will do.
                let seen = self.link.session.as_ref().map_or(entered.generation(), |open| open.module_generation);
                self.link.give_up(&entered);
                self.link.restart_due = Some(seen);
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let token = Arc::clone(&self.token);
        self.close(&token.module.enter());
    }
}

/// Some tokens answer questions about sessions from memory; a random number comes from the device.
fn look(token: &Token, session: &Session) -> Result<(), Fault> {
    if !token.is_ready(session.get_session_info()?.session_state()) {
        return Err(Fault::Device(Error::Pkcs11(RvError::UserNotLoggedIn, Function::GetSessionInfo)));
    }
    match session.generate_random_slice(&mut [0; 8]) {
        Err(error) if meaning(&error) != Meaning::Unsupported => Err(error.into()),
        _ => Ok(()),
    }
}
