//! What is done about a fault: steps that grow as long as the smaller one has not helped.

use std::time::Instant;

use hufu_core::backend::BackendError;

use crate::codes::Meaning;
use crate::fault::Fault;

/// Tries of one call, the first included: one before each step of the ladder, and the last after it.
const TRIES_MAX: usize = 5;

/// Whether an operation may be done twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Repeat {
    /// Doing it twice gives the same result.
    Safe,
    /// A second try could make a second key or another signature: only before the first had an effect.
    Unsafe,
}

/// Work on a session that can be healed.
pub(crate) trait Patient<T> {
    /// Whether the next try begins with a restart of the module.
    fn is_restart_due(&self) -> bool;

    /// Does the work once.
    fn attempt(&mut self) -> Result<T, Fault>;

    /// Readies the session, so that the next try takes the step.
    fn take(&mut self, step: Step);
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The token works; this is its answer.
    Answered(BackendError),
    /// It does not, or not in time for this work.
    GivenUp(Fault),
}

/// Does the work. After a fault it takes the step that the code asks for, or the one above the last that did not help; the
/// work is tried again when that is safe and the deadline has not passed. A step that comes too late for this work is taken
/// for the next.
pub(crate) fn treat<T>(
    patient: &mut impl Patient<T>,
    ladder: &mut Ladder,
    repeat: Repeat,
    deadline: Instant,
) -> Result<T, Ending> {
    let unsafe_work = repeat == Repeat::Unsafe;
    let mut restarted = false;
    for _ in 0..TRIES_MAX {
        if Instant::now() >= deadline {
            return Err(Ending::Answered(BackendError::DeadlineExceeded));
        }
        restarted |= patient.is_restart_due();
        let fault = match patient.attempt() {
            Ok(value) => {
                ladder.worked(unsafe_work);
                return Ok(value);
            }
            Err(fault) => fault,
        };
        let step = fault.meaning().and_then(|meaning| ladder.climb(meaning, unsafe_work));
        let Some(step) = step else { return Err(Ending::Answered(fault.into_answer())) };
        patient.take(step);
        let repeatable = !unsafe_work || fault.is_before_effect();
        if !repeatable || (restarted && step == Step::Module) {
            return Err(Ending::GivenUp(fault));
        }
    }
    Err(Ending::GivenUp(Fault::Absent("the session could not be renewed")))
}

/// A step of healing, the smallest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Step {
    /// The same session again.
    Again,
    /// Log in on the same session.
    Login,
    /// A new session.
    Session,
    /// C_Finalize and C_Initialize.
    Module,
}

/// Remembers, from call to call, which step was the last that did not help.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    last: Option<Step>,
    /// A fault hit what must not be repeated: only such work tells that it is over. A device may answer every question and
    /// still not sign.
    of_unsafe: bool,
}

impl Ladder {
    /// The step for a fault of that meaning; nothing when healing is no answer to it.
    pub(crate) fn climb(&mut self, meaning: Meaning, unsafe_work: bool) -> Option<Step> {
        let first = match meaning {
            Meaning::Retry => Step::Again,
            Meaning::Login => Step::Login,
            Meaning::Session | Meaning::Gone => Step::Session,
            Meaning::Module => Step::Module,
            _ => return None,
        };
        let step = self.last.map_or(first, |last| above(last).max(first));
        self.last = Some(step);
        self.of_unsafe |= unsafe_work;
        Some(step)
    }

    /// Work has succeeded.
    pub(crate) fn worked(&mut self, unsafe_work: bool) {
        if self.last.is_some() && (unsafe_work || !self.of_unsafe) {
            *self = Self::default();
        }
    }
}

/// A login that did not help is followed by a new session, and so is a second try.
fn above(step: Step) -> Step {
    match step {
        Step::Again | Step::Login => Step::Session,
        Step::Session | Step::Module => Step::Module,
    }
}

#[cfg(test)]
mod tests;
