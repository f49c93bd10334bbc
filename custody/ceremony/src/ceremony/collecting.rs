//! What custodians do: approve, veto, cancel, bring shares.

use hufu_custodian::{Custodian, Signed};

use super::proposing::check_role;
use super::{Approval, Ceremony, Share};
use crate::event::What;
use crate::statement::{Binding, Decision, ShareStatement, Word};
use crate::{APPROVALS_MAX, At, Refusal, SHARES_MAX, State, Target};

/// So often one person may approve: again only when the approval before has expired.
const APPROVALS_OF_ONE_MAX: usize = 3;
/// How far a custodian's clock may be ahead of the service's. A decision of tomorrow would count its delay from tomorrow.
const CLOCK_AHEAD_MS_MAX: u64 = 300_000;

impl Ceremony {
    pub(super) fn logged(&self) -> Result<State, Refusal> {
        if self.events.iter().any(|event| matches!(event.what, What::Logged(_))) {
            return Err(Refusal::LoggedTwice);
        }
        Ok(if self.state == State::Proposed { State::Collecting } else { self.state })
    }

    pub(super) fn approved(&mut self, signed: &Signed, at: At) -> Result<State, Refusal> {
        let (person, decision) = self.decided(signed, Word::Approve, at)?;
        let who = person.name.clone();
        if who == self.request.proposer {
            return Err(Refusal::ProposerApproves(who));
        }
        let before = self.approvals.iter().find(|approval| approval.who == who);
        if before.is_some_and(|approval| at.wall_ms < approval.expires_at_ms) {
            return Err(Refusal::AlreadyApproved(who));
        }
        let times = before.map_or(0, |approval| approval.times).saturating_add(1);
        if times > APPROVALS_OF_ONE_MAX {
            return Err(Refusal::TooMany { what: "approvals of one person", max: APPROVALS_OF_ONE_MAX });
        }
        if decision.decided_at_ms > at.wall_ms.saturating_add(CLOCK_AHEAD_MS_MAX)
            || decision.decided_at_ms >= decision.expires_at_ms
        {
            return Err(Refusal::DecidedInTheFuture(who));
        }
        let was_met = self.tally(at).is_met();
        self.approvals.retain(|approval| approval.who != who);
        check_room(self.approvals.len(), "approvals", APPROVALS_MAX)?;
        let Decision { decided_at_ms, expires_at_ms, .. } = decision;
        self.approvals.push(Approval { who, decided_at_ms, expires_at_ms, times });
        Ok(self.after_approval(was_met, at))
    }

    /// Whenever the quorum comes to be there, the delay begins: also when approvals had expired and others took their place.
    fn after_approval(&mut self, was_met: bool, at: At) -> State {
        let waits = matches!(self.state, State::Collecting | State::Delayed | State::Ready);
        if !waits || was_met || !self.tally(at).is_met() {
            return self.state;
        }
        self.quorum_at = Some(at);
        if self.terms.delay_s == 0 { State::Ready } else { State::Delayed }
    }

    pub(super) fn vetoed(&self, signed: &Signed, at: At) -> Result<State, Refusal> {
        let (person, _) = self.decided(signed, Word::Veto, at)?;
        let nobody =
            || Refusal::MissingRole { who: person.name.clone(), needed: "the policy lets nobody veto".to_owned() };
        let role = self.terms.veto.as_ref().ok_or_else(nobody)?;
        check_role(person, Some(role), "veto")?;
        Ok(State::Rejected)
    }

    pub(super) fn cancelled(&self, signed: &Signed, at: At) -> Result<State, Refusal> {
        let (person, _) = self.decided(signed, Word::Cancel, at)?;
        if person.name == self.request.proposer {
            return Ok(State::Cancelled);
        }
        let nobody =
            || Refusal::MissingRole { who: person.name.clone(), needed: "only the proposer cancels".to_owned() };
        let role = self.terms.cancel.as_ref().ok_or_else(nobody)?;
        check_role(person, Some(role), "cancel")?;
        Ok(State::Cancelled)
    }

    /// A decision that is genuine, of this ceremony, and says this word.
    fn decided(&self, signed: &Signed, word: Word, at: At) -> Result<(&Custodian, Decision), Refusal> {
        let person = self.grounds.verify(signed)?;
        let decision = Decision::from_bytes(&signed.statement)?;
        self.check_binding(&decision.binding)?;
        check_signer(person, &decision.who)?;
        if decision.word != word {
            return Err(Refusal::OtherWord(decision.word.as_str()));
        }
        if at.wall_ms >= decision.expires_at_ms {
            return Err(Refusal::DecisionExpired(decision.who));
        }
        Ok((person, decision))
    }

    pub(super) fn share_submitted(&mut self, signed: &Signed, at: At) -> Result<State, Refusal> {
        self.check_share_in_time(at)?;
        let person = self.grounds.verify(signed)?;
        let ShareStatement { binding, who, shares, index, digest, sealed_to } =
            ShareStatement::from_bytes(&signed.statement)?;
        self.check_binding(&binding)?;
        check_signer(person, &who)?;
        if self.request.act.shares() != Some(shares) {
            return Err(Refusal::OtherShares(who));
        }
        if sealed_to != self.request.act.target().map(|target: &Target| target.sealing_key) {
            return Err(Refusal::OtherTarget);
        }
        if index == 0 || index > SHARES_MAX {
            return Err(Refusal::ShareIndex { who, index });
        }
        self.check_not_struck_out(&who)?;
        let again = self.struck.iter().any(|share| share.digest == digest);
        if again || self.shares.iter().any(|share| share.who == who || share.index == index || share.digest == digest)
        {
            return Err(Refusal::ShareTwice { who, index });
        }
        check_room(self.shares.len(), "shares", SHARES_MAX)?;
        self.shares.push(Share { who, index, digest });
        Ok(self.state)
    }

    fn check_binding(&self, binding: &Binding) -> Result<(), Refusal> {
        if binding.roster != self.binding.roster {
            Err(Refusal::OtherRoster)
        } else if binding.policy != self.binding.policy {
            Err(Refusal::OtherPolicy)
        } else if binding.request != self.binding.request {
            Err(Refusal::OtherRequest)
        } else if binding.ceremony != self.binding.ceremony {
            Err(Refusal::OtherCeremony)
        } else {
            Ok(())
        }
    }
}

fn check_signer(person: &Custodian, named: &hufu_custodian::Name) -> Result<(), Refusal> {
    if person.name == *named {
        Ok(())
    } else {
        Err(Refusal::NotTheSigner { signer: person.name.clone(), named: named.clone() })
    }
}

fn check_room(len: usize, what: &'static str, max: u32) -> Result<(), Refusal> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    if len < max { Ok(()) } else { Err(Refusal::TooMany { what, max }) }
}
