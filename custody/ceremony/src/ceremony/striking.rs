//! Shares that turn out wrong once the ceremony is at work: they are struck out, and others come in their place.

use hufu_custodian::Name;

use super::{Ceremony, Share};
use crate::{At, Refusal, State, StruckShare};

/// So often a custodian may bring something wrong. Whoever has done it so often brings nothing more to this ceremony.
pub const STRUCK_OF_ONE_MAX: usize = 3;
/// Most shares that are struck out in one ceremony.
pub const STRUCK_MAX: usize = 64;

impl Ceremony {
    /// Whether it is at work and waits for further shares: some were struck out, and nothing was done with the others yet.
    #[must_use]
    pub fn awaits_shares(&self) -> bool {
        self.state == State::Executing && self.shares_missing() > 0
    }

    /// Whether those shares can still come: the request's time is not over, and enough approvals hold, as at the beginning.
    pub(super) fn takes_further_shares(&self, at: At) -> Result<(), Refusal> {
        if at.wall_ms >= self.request.expires_at_ms {
            return Err(Refusal::CeremonyExpired);
        }
        self.check_quorum_holds(at)
    }

    /// Shares that were struck out, the first first.
    #[must_use]
    pub fn struck(&self) -> &[StruckShare] {
        &self.struck
    }

    pub(super) fn shares_struck(&mut self, struck: &[StruckShare]) -> Result<State, Refusal> {
        if struck.is_empty() {
            return Err(Refusal::malformed("shares that are struck out", "there are none"));
        }
        if self.steps().next().is_some() {
            return Err(Refusal::StruckTooLate);
        }
        for one in struck {
            let same = |share: &Share| (&share.who, share.index, share.digest) == (&one.who, one.index, one.digest);
            let at = self.shares.iter().position(same);
            self.shares.remove(at.ok_or_else(|| Refusal::NotBrought { who: one.who.clone(), index: one.index })?);
            if self.struck.len() >= STRUCK_MAX {
                return Err(Refusal::TooMany { what: "shares that are struck out", max: STRUCK_MAX });
            }
            self.struck.push(one.clone());
        }
        // With enough others left it would go on, and strike nothing.
        if self.shares_missing() == 0 { Err(Refusal::StruckTooLate) } else { Ok(State::Executing) }
    }

    /// Whether a share may still come: before the beginning, or in place of one that was struck out.
    pub(super) fn check_share_in_time(&self, at: At) -> Result<(), Refusal> {
        if self.state == State::Executing {
            self.takes_further_shares(at)?;
        }
        self.check_not_too_early(at)
    }

    /// Whether a custodian has brought something wrong too often.
    pub(super) fn check_not_struck_out(&self, who: &Name) -> Result<(), Refusal> {
        let times = self.struck.iter().filter(|one| one.who == *who).count();
        let max = STRUCK_OF_ONE_MAX;
        if times < max { Ok(()) } else { Err(Refusal::StruckOut { who: who.clone(), max }) }
    }
}
