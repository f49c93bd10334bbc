//! The link to the token: one session, opened when needed, given up when it is broken, and what is tried again after that.

use std::sync::Arc;
use std::time::Instant;

use cryptoki::session::Session;
use hufu_core::backend::BackendError;

use crate::fault::{Fault, answer, is_before_effect, is_broken_session};
use crate::module::Entered;
use crate::token::Token;

/// One session, used by one thread.
pub(crate) struct Link {
    token: Arc<Token>,
    session: Option<Open>,
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
        Self { token, session: None }
    }

    pub(crate) fn token(&self) -> &Arc<Token> {
        &self.token
    }

    /// Does some work on the session. A broken session is replaced once and, if that does not help, the module is restarted
    /// once; the work is tried again when that is safe and the deadline has not passed.
    pub(crate) fn run<T>(
        &mut self,
        repeat: Repeat,
        deadline: Instant,
        work: impl Fn(&Token, &Session) -> Result<T, Fault>,
    ) -> Result<T, BackendError> {
        let token = Arc::clone(&self.token);
        for tries_left in [2, 1, 0] {
            if Instant::now() >= deadline {
                return Err(BackendError::DeadlineExceeded);
            }
            let entered = token.module.enter();
            let generation = entered.generation();
            let error = match self.session(&entered).and_then(|session| work(&token, session)) {
                Ok(value) => {
                    token.serving();
                    return Ok(value);
                }
                Err(Fault::Answer(answer)) => return Err(answer),
                Err(Fault::Device(error)) => error,
            };
            if !is_broken_session(&error) {
                return Err(answer(&error));
            }
            self.give_up(&entered);
            drop(entered);
            token.down(&crate::fault::describe(&error));
            if tries_left == 0 || !(repeat == Repeat::Safe || is_before_effect(&error)) {
                return Err(answer(&error));
            }
            if tries_left == 1 {
                token.module.restart(generation).map_err(|error| answer(&error))?;
            }
        }
        Err(BackendError::Unavailable("the session could not be renewed".to_owned()))
    }

    /// The session, opened and logged in if there is none of the module's present generation.
    fn session(&mut self, entered: &Entered<'_>) -> Result<&Session, Fault> {
        let module_generation = entered.generation();
        let current = self.session.take().filter(|open| open.module_generation == module_generation);
        let open = match current {
            Some(open) => open,
            None => {
                let slot = self.token.slot(entered.context())?;
                let session = entered.context().open_rw_session_no_drop(slot)?;
                if let Err(fault) = self.token.credentials.login(&session) {
                    let _ = session.close();
                    return Err(fault);
                }
                Open { session, module_generation }
            }
        };
        Ok(&self.session.insert(open).session)
    }

    fn give_up(&mut self, entered: &Entered<'_>) {
        self.token.void_handles();
        if let Some(open) = self.session.take()
            && open.module_generation == entered.generation()
        {
            // It is broken already; closing is a courtesy to a device that counts its sessions.
            let _ = open.session.close();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let token = Arc::clone(&self.token);
        self.give_up(&token.module.enter());
    }
}
