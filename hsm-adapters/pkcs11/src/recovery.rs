//! What is done about a fault: steps that grow as long as the smaller one has not helped.

use std::time::Duration;

use crate::codes::Meaning;

/// Tries of one call, the first included: one before each step of the ladder, and the last after it.
pub(crate) const TRIES_MAX: usize = 5;

/// A pause before the same call is made again, so that the device may recover.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(2);

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
mod tests {
    use super::*;

    #[test]
    fn steps_grow_until_the_module_is_restarted_and_stay_there() {
        let mut ladder = Ladder::default();
        let steps: Vec<_> = (0..4).map(|_| ladder.climb(Meaning::Retry, false).unwrap()).collect();
        assert_eq!(steps, [Step::Again, Step::Session, Step::Module, Step::Module]);
        ladder.worked(false);
        assert_eq!(ladder.climb(Meaning::Login, false), Some(Step::Login));
        assert_eq!(ladder.climb(Meaning::Login, false), Some(Step::Session));
        assert_eq!(Ladder::default().climb(Meaning::Module, false), Some(Step::Module));
    }

    #[test]
    fn a_device_that_answers_but_does_not_sign_is_restarted() {
        let mut ladder = Ladder::default();
        assert_eq!(ladder.climb(Meaning::Session, true), Some(Step::Session));
        ladder.worked(false);
        assert_eq!(ladder.climb(Meaning::Session, true), Some(Step::Module));
        ladder.worked(true);
        assert_eq!(ladder.climb(Meaning::Session, true), Some(Step::Session));
    }

    #[test]
    fn what_is_no_fault_has_no_step() {
        for meaning in [Meaning::Pin, Meaning::Input, Meaning::Unsupported, Meaning::Full, Meaning::Ours] {
            assert_eq!(Ladder::default().climb(meaning, false), None);
        }
    }
}
