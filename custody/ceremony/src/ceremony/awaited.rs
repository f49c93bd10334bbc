//! What a ceremony waits for: for whoever guides people through it.

use hufu_custodian::Name;

use super::Ceremony;
use crate::quorum::Tally;
use crate::{At, State};

/// What comes next, and from whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Awaited {
    /// The ledger's receipt of the request.
    Receipt,
    /// Approvals.
    Approvals {
        /// What is there, and what it takes.
        tally: Tally,
        /// Who could still approve.
        from: Vec<Name>,
    },
    /// The end of the delay: milliseconds.
    Delay(u64),
    /// The time before which nothing is done: milliseconds since 1970.
    NotBefore(u64),
    /// So many shares.
    Shares(u32),
    /// The beginning.
    Beginning,
    /// The outcome.
    Outcome,
    /// Its expiry, to be written down.
    Expiry,
    /// Nothing any more.
    Nothing,
}

impl Ceremony {
    /// What it waits for at a time.
    #[must_use]
    pub fn awaited(&self, at: At) -> Awaited {
        if self.state.is_pending() && at.wall_ms >= self.request.expires_at_ms {
            return Awaited::Expiry;
        }
        match self.state {
            State::Proposed => Awaited::Receipt,
            State::Collecting => self.awaited_approvals(at),
            State::Delayed => Awaited::Delay(self.delay_left_ms(at)),
            State::Ready => self.awaited_when_ready(at),
            // Once its time or that of the approvals is over, nobody brings any more: it fails.
            State::Executing if self.awaits_shares() && self.takes_further_shares(at).is_ok() => {
                Awaited::Shares(self.shares_missing())
            }
            State::Executing => Awaited::Outcome,
            _ => Awaited::Nothing,
        }
    }

    fn awaited_when_ready(&self, at: At) -> Awaited {
        if at.wall_ms < self.request.not_before_ms {
            return Awaited::NotBefore(self.request.not_before_ms);
        }
        if !self.tally(at).is_met() {
            return self.awaited_approvals(at);
        }
        match self.shares_missing() {
            0 => Awaited::Beginning,
            missing => Awaited::Shares(missing),
        }
    }

    fn awaited_approvals(&self, at: At) -> Awaited {
        let has_approved =
            |who: &Name| self.approvals.iter().any(|one| one.who == *who && at.wall_ms < one.expires_at_ms);
        let names = self.grounds.roster().custodians().iter().map(|person| &person.name);
        let from = names.filter(|name| **name != self.request.proposer && !has_approved(name)).cloned().collect();
        Awaited::Approvals { tally: self.tally(at), from }
    }
}
