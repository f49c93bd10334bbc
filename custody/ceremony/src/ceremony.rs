//! The ceremony: what may happen when. It is the replay of its events, and nothing else.

mod awaited;
mod collecting;
mod executing;
mod proposing;
mod striking;
mod tool;

use std::sync::Arc;

use hufu_custodian::{Name, Roster, Signed};

pub use awaited::Awaited;
pub use striking::{STRUCK_MAX, STRUCK_OF_ONE_MAX};

use crate::event::{EVENTS_MAX, Event, What};
use crate::quorum::{self, Tally};
use crate::statement::{Binding, Decision, ShareStatement, Word};
use crate::{
    Act, At, CeremonyId, CeremonyPolicy, Fingerprint, Grounds, Head, Refusal, Request, RequestDigest, Rule, State,
    StruckShare,
};

/// A ceremony at one time of its life. Only [`Ceremony::apply`] makes the next one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ceremony {
    grounds: Arc<Grounds>,
    request: Request,
    terms: Rule,
    binding: Binding,
    state: State,
    events: Vec<Event>,
    head: Head,
    approvals: Vec<Approval>,
    quorum_at: Option<At>,
    shares: Vec<Share>,
    struck: Vec<StruckShare>,
}

/// Someone's approval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// Who.
    pub who: Name,
    /// When, by this person's own clock: milliseconds since 1970.
    pub decided_at_ms: u64,
    /// From then on it counts no more: milliseconds since 1970.
    pub expires_at_ms: u64,
    /// How often this person has approved: an approval that expired can be given again.
    times: usize,
}

/// A share that was brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Share {
    /// By whom.
    pub who: Name,
    /// Its index.
    pub index: u32,
    /// SHA-256 of the share as it was sealed.
    pub digest: Fingerprint,
}

/// What someone remembers of a ceremony, to know later whether it was rolled back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// So many events.
    pub events: usize,
    /// The hash of the last of them.
    pub head: Head,
}

impl Ceremony {
    /// A new ceremony, of a request that its proposer signed.
    ///
    /// # Errors
    /// [`Refusal`]: whatever is wrong with the request, the signature, or the request under this roster and policy.
    pub fn propose(grounds: Arc<Grounds>, proposal: Signed, at: At) -> Result<Self, Refusal> {
        proposing::propose(grounds, proposal, at)
    }

    /// What the ceremony is after an event; nothing has changed when it is refused.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn apply(&self, what: What, at: At) -> Result<Self, Refusal> {
        let mut next = self.clone();
        next.take(what, at)?;
        Ok(next)
    }

    /// The ceremony of these events: each is judged again, with every signature.
    ///
    /// # Errors
    /// [`Refusal::Event`] names the first event that is wrong; [`Refusal::NotFirst`] when there is none.
    pub fn replay(grounds: Arc<Grounds>, events: &[Event]) -> Result<Self, Refusal> {
        let at = |place: usize, why| Refusal::Event { at: place, why: Box::new(why) };
        let (first, rest) = events.split_first().ok_or(Refusal::NotFirst)?;
        let mut ceremony = begin(grounds, first).map_err(|why| at(1, why))?;
        for (place, event) in (2..).zip(rest) {
            ceremony.follow(event).map_err(|why| at(place, why))?;
        }
        Ok(ceremony)
    }

    /// Whether this is what was seen before, and what came after it.
    ///
    /// # Errors
    /// [`Refusal::RolledBack`] when it is shorter, or went another way.
    pub fn extends(&self, seen: &Seen) -> Result<(), Refusal> {
        let head = if seen.events == self.events.len() {
            Some(self.head)
        } else {
            self.events.get(seen.events).map(|next| next.previous)
        };
        if head == Some(seen.head) { Ok(()) } else { Err(Refusal::RolledBack) }
    }

    fn follow(&mut self, event: &Event) -> Result<(), Refusal> {
        if event.previous != self.head {
            return Err(Refusal::BrokenChain);
        }
        self.take(event.what.clone(), event.at)
    }

    /// Judges an event and adds it. After a refusal this must not be used any more.
    fn take(&mut self, what: What, at: At) -> Result<(), Refusal> {
        self.check(&what, at)?;
        self.state = match &what {
            What::Proposed(_) => return Err(Refusal::NotFirst),
            What::Logged(_) => self.logged()?,
            What::Approved(signed) => self.approved(signed, at)?,
            What::Vetoed(signed) => self.vetoed(signed, at)?,
            What::Cancelled(signed) => self.cancelled(signed, at)?,
            What::DelayPassed => self.delay_passed(at)?,
            What::ShareSubmitted(signed) => self.share_submitted(signed, at)?,
            What::Began => self.began(at)?,
            What::SharesStruck(struck) => self.shares_struck(struck)?,
            What::StepDone(label, _) => self.step_done(label)?,
            What::Executed(_, receipts) => self.executed(receipts.len())?,
            What::Failed(_) => State::Failed,
            What::Expired => self.expired(at)?,
        };
        let event = Event { previous: self.head, at, what };
        self.head = event.head();
        self.events.push(event);
        Ok(())
    }

    /// What holds for every event: the state takes it, time goes on, and the ceremony's own time is not over.
    fn check(&self, what: &What, at: At) -> Result<(), Refusal> {
        let state = self.state;
        let taken = match what {
            What::Proposed(_) => return Err(Refusal::NotFirst),
            What::Logged(_) | What::Expired => state.is_pending(),
            // A wrong share takes nobody's veto away: nothing is done while others are awaited.
            What::Vetoed(_) | What::Cancelled(_) => state.is_pending() || self.awaits_shares(),
            What::Approved(_) => state.takes_approvals(),
            What::DelayPassed => state == State::Delayed,
            What::ShareSubmitted(_) => state == State::Ready || self.awaits_shares(),
            What::Began => state == State::Ready,
            What::SharesStruck(_) | What::StepDone(..) | What::Executed(..) | What::Failed(_) => {
                state == State::Executing
            }
        };
        if !taken {
            return Err(Refusal::WrongState { state, event: what.as_str() });
        }
        if !self.events.last().is_some_and(|last| at.follows(&last.at)) {
            return Err(Refusal::TimeBackwards);
        }
        let over = at.wall_ms >= self.request.expires_at_ms;
        if over && state.is_pending() && *what != What::Expired {
            return Err(Refusal::CeremonyExpired);
        }
        // The one that ends it always has room.
        let ends = matches!(what, What::Executed(..) | What::Failed(_) | What::Expired);
        if self.events.len() >= EVENTS_MAX - usize::from(!ends) {
            return Err(Refusal::TooMany { what: "events", max: EVENTS_MAX });
        }
        what.check()
    }

    /// Its id: the hash of its first event.
    #[must_use]
    pub fn id(&self) -> CeremonyId {
        self.binding.ceremony
    }

    /// The digest of its request.
    #[must_use]
    pub fn digest(&self) -> RequestDigest {
        self.binding.request
    }

    /// What its statements are bound to.
    #[must_use]
    pub fn binding(&self) -> Binding {
        self.binding
    }

    /// Roster and policy.
    #[must_use]
    pub fn grounds(&self) -> &Arc<Grounds> {
        &self.grounds
    }

    /// What is asked for.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What it takes: the policy's rule, raised by what the request asks for beyond it.
    #[must_use]
    pub fn terms(&self) -> &Rule {
        &self.terms
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// What happened, the first first.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The hash of the last event, and so of all.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// What to remember of it.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen { events: self.events.len(), head: self.head }
    }

    /// Who approved, also those whose approval has expired.
    #[must_use]
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// The shares that were brought, without those that were struck out.
    #[must_use]
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// The steps that are done, for whoever resumes it.
    pub fn steps(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.events.iter().filter_map(|event| match &event.what {
            What::StepDone(label, bytes) => Some((label.as_str(), bytes.as_slice())),
            _ => None,
        })
    }

    /// What is there of the quorum at a time: approvals that have expired by then do not count.
    #[must_use]
    pub fn tally(&self, at: At) -> Tally {
        let live = self.approvals.iter().filter(|approval| at.wall_ms < approval.expires_at_ms);
        quorum::count(live.filter_map(|approval| self.grounds.roster().find(&approval.who).ok()), &self.terms)
    }

    /// What someone signs to decide, at a time by the own clock, until another.
    #[must_use]
    pub fn decision(&self, who: &Name, word: Word, (decided_at_ms, expires_at_ms): (u64, u64)) -> Decision {
        Decision { binding: self.binding, who: who.clone(), word, decided_at_ms, expires_at_ms, reason: None }
    }

    /// What someone signs who brings a share; nothing when this kind takes none. `sealed_to` is the key that the tool really
    /// sealed it to.
    #[must_use]
    pub fn share_statement(
        &self,
        who: &Name,
        index: u32,
        digest: Fingerprint,
        sealed_to: Option<Fingerprint>,
    ) -> Option<ShareStatement> {
        let shares = self.request.act.shares()?;
        Some(ShareStatement { binding: self.binding, who: who.clone(), shares, index, digest, sealed_to })
    }

    /// Whether this ceremony, done, put a policy in the place of its own.
    #[must_use]
    pub fn puts_in_force(&self, next: &CeremonyPolicy) -> bool {
        let named = matches!(&self.request.act, Act::PolicyChange(act) if act.next == next.hash());
        self.state == State::Executed && named && next.deployment == self.request.deployment
    }

    /// Whether this ceremony, done, put a roster in the place of its own.
    #[must_use]
    pub fn seats(&self, next: &Roster) -> bool {
        let named = matches!(&self.request.act, Act::RosterChange(act) if act.next == next.hash());
        let follows =
            next.previous() == Some(self.binding.roster) && next.deployment() == self.request.deployment.as_str();
        self.state == State::Executed && named && follows
    }
}

fn begin(grounds: Arc<Grounds>, first: &Event) -> Result<Ceremony, Refusal> {
    let What::Proposed(proposal) = &first.what else { return Err(Refusal::NotFirst) };
    let ceremony = proposing::propose(grounds, proposal.clone(), first.at)?;
    if first.previous == proposing::NOTHING_BEFORE { Ok(ceremony) } else { Err(Refusal::BrokenChain) }
}
