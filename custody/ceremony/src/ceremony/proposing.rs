//! The first event.

use std::sync::Arc;

use hufu_custodian::{Custodian, Name, Signed};

use super::Ceremony;
use crate::event::{Event, What};
use crate::statement::Binding;
use crate::{At, CeremonyId, Grounds, Head, Refusal, Request, Rule, State, quorum};

/// What stands for the event before the first.
pub(super) const NOTHING_BEFORE: Head = Head([0; 32]);

pub(super) fn propose(grounds: Arc<Grounds>, proposal: Signed, at: At) -> Result<Ceremony, Refusal> {
    let request = Request::from_bytes(&proposal.statement)?;
    check_bound(&grounds, &request)?;
    let proposer = grounds.verify(&proposal)?;
    if proposer.name != request.proposer {
        return Err(Refusal::NotTheSigner { signer: proposer.name.clone(), named: request.proposer });
    }
    let terms = grounds.policy().terms(&request)?;
    check_role(proposer, terms.propose.as_ref(), "propose")?;
    check_window(&request, &terms, at)?;
    check_people(&grounds, &request, &terms)?;
    let first = Event { previous: NOTHING_BEFORE, at, what: What::Proposed(proposal) };
    let head = first.head();
    let binding = Binding {
        ceremony: CeremonyId(head.0),
        request: request.digest(),
        roster: grounds.roster_hash(),
        policy: grounds.policy_hash(),
    };
    let state = if terms.logged_first { State::Proposed } else { State::Collecting };
    let (events, approvals, shares, struck, quorum_at) = (vec![first], Vec::new(), Vec::new(), Vec::new(), None);
    Ok(Ceremony { grounds, request, terms, binding, state, events, head, approvals, quorum_at, shares, struck })
}

/// Whether someone has a role, if one is needed.
pub(super) fn check_role(person: &Custodian, role: Option<&Name>, what: &str) -> Result<(), Refusal> {
    match role {
        Some(role) if !person.has_role(role) => {
            Err(Refusal::MissingRole { who: person.name.clone(), needed: format!("`{role}` to {what}") })
        }
        _ => Ok(()),
    }
}

fn check_bound(grounds: &Grounds, request: &Request) -> Result<(), Refusal> {
    if request.deployment != grounds.policy().deployment {
        return Err(Refusal::OtherDeployment);
    }
    if request.roster != grounds.roster_hash() {
        return Err(Refusal::OtherRoster);
    }
    if request.policy == grounds.policy_hash() { Ok(()) } else { Err(Refusal::OtherPolicy) }
}

fn check_window(request: &Request, terms: &Rule, at: At) -> Result<(), Refusal> {
    let life_ms = request.expires_at_ms.saturating_sub(at.wall_ms);
    if life_ms == 0 {
        return Err(Refusal::CeremonyExpired);
    }
    if life_ms > ms(terms.lifetime_max_s) {
        return Err(Refusal::Window("it expires later than the policy allows"));
    }
    if life_ms <= ms(terms.delay_s) {
        return Err(Refusal::Window("it expires before its delay can be over"));
    }
    Ok(())
}

/// Milliseconds of seconds.
pub(super) fn ms(seconds: u32) -> u64 {
    u64::from(seconds).saturating_mul(1000)
}

/// Whether the roster has the people for it: a ceremony that can only wait and expire helps nobody.
fn check_people(grounds: &Grounds, request: &Request, terms: &Rule) -> Result<(), Refusal> {
    let roster = grounds.roster();
    for custodian in request.act.sharing().map_or(&[][..], |sharing| &sharing.custodians) {
        roster.find(custodian).map_err(|_| Refusal::UnknownCustodian(custodian.clone()))?;
    }
    let unreachable = |why: String| Err(Refusal::QuorumUnreachable(why));
    let others = || roster.custodians().iter().filter(|person| person.name != request.proposer);
    let most = quorum::count(others(), terms);
    if !most.is_met() {
        return unreachable(most.to_string());
    }
    if usize::try_from(terms.shares).unwrap_or(usize::MAX) > roster.custodians().len() {
        return unreachable(format!("{} custodians for shares", terms.shares));
    }
    match &terms.veto {
        Some(role) if !others().any(|person| person.has_role(role)) => {
            unreachable(format!("nobody but the proposer could veto as {role}"))
        }
        _ => Ok(()),
    }
}
