//! The link to the token: one session, opened when needed, healed when it is broken, and what is tried again after that.

use std::sync::Arc;
use std::time::Instant;

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState};
use hufu_core::backend::BackendError;

use crate::codes::Meaning;
use crate::fault::{Fault, meaning};
use crate::module::Entered;
use crate::recovery::{Ladder, RETRY_PAUSE, Step, TRIES_MAX};
use crate::token::Token;

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

/// Whether an operation may be done twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Repeat {
    /// Doing it twice gives the same result.
    Safe,
    /// A second try could make a second key or another signature: only before the first had an effect.
    Unsafe,
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

    /// Does some work on the session. After a fault the link is healed, by the step that the code asks for or the one above
    /// the last that did not help; the work is tried again when that is safe and the deadline has not passed. A step that
    /// comes too late for this work is taken for the next.
    pub(crate) fn run<T>(
        &mut self,
        repeat: Repeat,
        deadline: Instant,
        work: impl Fn(&Token, &Session) -> Result<T, Fault>,
    ) -> Result<T, BackendError> {
        let result = self.heal_and_try(repeat, deadline, work);
        if result.is_ok() {
            self.token.breaker.worked();
        }
        result
    }

    /// Finds out whether the token answers and is logged in, healing the link as for any work.
    pub(crate) fn probe(&mut self, deadline: Instant) -> Result<(), BackendError> {
        self.heal_and_try(Repeat::Safe, deadline, |_, session| look(session))?;
        self.token.breaker.probed();
        Ok(())
    }

    fn heal_and_try<T>(
        &mut self,
        repeat: Repeat,
        deadline: Instant,
        work: impl Fn(&Token, &Session) -> Result<T, Fault>,
    ) -> Result<T, BackendError> {
        let token = Arc::clone(&self.token);
        let unsafe_work = repeat == Repeat::Unsafe;
        let mut restarted = false;
        for _ in 0..TRIES_MAX {
            if Instant::now() >= deadline {
                return Err(BackendError::DeadlineExceeded);
            }
            restarted |= self.restart_if_due();
            let entered = token.module.enter();
            let fault = match self.session(&entered).and_then(|session| work(&token, session)) {
                Ok(value) => {
                    self.ladder.worked(unsafe_work);
                    return Ok(value);
                }
                Err(fault) => fault,
            };
            let step = fault.meaning().and_then(|meaning| self.ladder.climb(meaning, unsafe_work));
            let Some(step) = step else { return Err(fault.into_answer()) };
            self.prepare(step, &entered);
            drop(entered);
            let repeatable = !unsafe_work || fault.is_before_effect();
            if !repeatable || (restarted && step == Step::Module) {
                return Err(self.given_up(fault));
            }
            if step == Step::Again {
                std::thread::sleep(RETRY_PAUSE);
            }
        }
        Err(BackendError::Unavailable("the session could not be renewed".to_owned()))
    }

    fn given_up(&self, fault: Fault) -> BackendError {
        let answer = fault.into_answer();
        let (BackendError::Unavailable(why) | BackendError::Failed(why)) = &answer else { return answer };
        self.token.breaker.failed(why);
        answer
    }

    /// Readies the link so that the next try takes the step.
    fn prepare(&mut self, step: Step, entered: &Entered<'_>) {
        match step {
            Step::Again => {}
            Step::Login => self.log_in_again(entered),
            Step::Session => self.give_up(entered),
            Step::Module => {
                self.give_up(entered);
                self.restart_due = Some(entered.generation());
            }
        }
    }

    fn log_in_again(&mut self, entered: &Entered<'_>) {
        // Handles of private objects end with the login.
        self.token.void_handles();
        let logged_in = self.session.as_ref().map(|open| self.token.credentials.login(&open.session));
        if !matches!(logged_in, Some(Ok(()))) {
            self.give_up(entered);
        }
    }

    /// Restarts the module if that is due. Whether it was tried.
    fn restart_if_due(&mut self) -> bool {
        let Some(seen) = self.restart_due.take() else { return false };
        if let Err(error) = self.token.module.restart(seen) {
            tracing::warn!(error = crate::fault::describe(&error), "the module cannot be initialised");
        }
        true
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
        let slot = self.token.slot(entered.context())?;
        let opened = entered.context().open_rw_session_no_drop(slot);
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
        if session.get_session_info()?.session_state() != SessionState::RwUser {
            // Whoever looked for private objects while nobody was logged in must learn of it, so this comes first.
            self.token.void_handles();
        }
        self.token.credentials.login(session)
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

impl Drop for Link {
    fn drop(&mut self) {
        let token = Arc::clone(&self.token);
        self.close(&token.module.enter());
    }
}

/// Some tokens answer questions about sessions from memory; a random number comes from the device.
fn look(session: &Session) -> Result<(), Fault> {
    if session.get_session_info()?.session_state() != SessionState::RwUser {
        return Err(Fault::Device(Error::Pkcs11(RvError::UserNotLoggedIn, Function::GetSessionInfo)));
    }
    match session.generate_random_slice(&mut [0; 8]) {
        Err(error) if meaning(&error) != Meaning::Unsupported => Err(error.into()),
        _ => Ok(()),
    }
}
