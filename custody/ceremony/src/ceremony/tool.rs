//! What a custodian's own tool checks, with its own clock, before it gives a share away.

use super::proposing::ms;
use super::{Approval, Ceremony};
use crate::{Refusal, State, quorum};

impl Ceremony {
    /// Whether a share may be given now, as far as the custodian's own clock can tell. The service's clock may lie: it is
    /// not asked. The delay is counted from when enough people had decided, by the times that they signed themselves; the
    /// ceremony must have been replayed by this very tool, with the roster that it has pinned.
    ///
    /// # Errors
    /// [`Refusal::WrongState`], [`Refusal::TooEarly`], [`Refusal::CeremonyExpired`], [`Refusal::QuorumLapsed`],
    /// [`Refusal::DelayGoesOn`].
    pub fn check_before_sharing(&self, now_ms: u64) -> Result<(), Refusal> {
        if self.state != State::Ready && !self.awaits_shares() {
            return Err(Refusal::WrongState { state: self.state, event: "share" });
        }
        if now_ms < self.request.not_before_ms {
            return Err(Refusal::TooEarly);
        }
        if now_ms >= self.request.expires_at_ms {
            return Err(Refusal::CeremonyExpired);
        }
        let since_ms = self.decided_by_enough_at(now_ms)?;
        match ms(self.terms.delay_s).saturating_sub(now_ms.saturating_sub(since_ms)) {
            0 => Ok(()),
            left => Err(Refusal::DelayGoesOn(left)),
        }
    }

    /// When the last of those decided that it took: approvals that hold now, in the order of their times.
    fn decided_by_enough_at(&self, now_ms: u64) -> Result<u64, Refusal> {
        let mut live: Vec<&Approval> = self.approvals.iter().filter(|one| now_ms < one.expires_at_ms).collect();
        live.sort_by_key(|approval| approval.decided_at_ms);
        let mut people = Vec::new();
        for approval in live {
            people.extend(self.grounds.roster().find(&approval.who));
            if quorum::count(people.iter().copied(), &self.terms).is_met() {
                return Ok(approval.decided_at_ms);
            }
        }
        Err(Refusal::QuorumLapsed(quorum::count(people, &self.terms).to_string()))
    }
}
