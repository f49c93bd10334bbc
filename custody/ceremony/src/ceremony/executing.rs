//! What the service does: waits out the delay, begins, works step by step, ends.

use super::Ceremony;
use super::proposing::ms;
use crate::event::STEPS_MAX;
use crate::{At, Ident, Refusal, State};

impl Ceremony {
    /// How much of the delay is left in milliseconds; all of it before the quorum is there.
    #[must_use]
    pub fn delay_left_ms(&self, at: At) -> u64 {
        let delay = ms(self.terms.delay_s);
        self.quorum_at.map_or(delay, |since| at.left_ms(&since, delay))
    }

    /// How many shares are still missing.
    #[must_use]
    pub fn shares_missing(&self) -> u32 {
        self.terms.shares.saturating_sub(u32::try_from(self.shares.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn delay_passed(&self, at: At) -> Result<State, Refusal> {
        match self.delay_left_ms(at) {
            0 => Ok(State::Ready),
            left => Err(Refusal::DelayGoesOn(left)),
        }
    }

    pub(super) fn check_not_too_early(&self, at: At) -> Result<(), Refusal> {
        if at.wall_ms < self.request.not_before_ms { Err(Refusal::TooEarly) } else { Ok(()) }
    }

    pub(super) fn began(&self, at: At) -> Result<State, Refusal> {
        self.check_not_too_early(at)?;
        self.check_quorum_holds(at)?;
        self.check_shares_there()?;
        Ok(State::Executing)
    }

    pub(super) fn check_quorum_holds(&self, at: At) -> Result<(), Refusal> {
        let tally = self.tally(at);
        if tally.is_met() { Ok(()) } else { Err(Refusal::QuorumLapsed(tally.to_string())) }
    }

    fn check_shares_there(&self) -> Result<(), Refusal> {
        match self.shares_missing() {
            0 => Ok(()),
            missing => Err(Refusal::SharesMissing { missing }),
        }
    }

    pub(super) fn step_done(&self, label: &Ident) -> Result<State, Refusal> {
        self.check_shares_there()?;
        if self.steps().any(|(done, _)| done == label.as_str()) {
            return Err(Refusal::StepTwice(label.as_str().to_owned()));
        }
        if self.steps().count() >= STEPS_MAX {
            return Err(Refusal::TooMany { what: "steps", max: STEPS_MAX });
        }
        Ok(State::Executing)
    }

    pub(super) fn executed(&self, receipts: usize) -> Result<State, Refusal> {
        self.check_shares_there()?;
        if self.terms.logged_first && receipts == 0 {
            return Err(Refusal::ReceiptMissing);
        }
        Ok(State::Executed)
    }

    pub(super) fn expired(&self, at: At) -> Result<State, Refusal> {
        if at.wall_ms < self.request.expires_at_ms { Err(Refusal::NotExpired) } else { Ok(State::Expired) }
    }
}
