//! Ceremonies on the wire.

use hufu_engine::api::{CeremonyState, CeremonyView};
use hufu_proto::v1;
use hufu_proto::v1::ceremony::State;

use super::time::{duration, timestamp};

/// A ceremony as the wire shows it.
#[must_use]
pub fn ceremony(view: &CeremonyView) -> v1::Ceremony {
    let one = &*view.ceremony;
    let request = one.request();
    let first = one.events().first();
    v1::Ceremony {
        name: format!("ceremonies/{}", view.number),
        tenant: view.tenant.as_ref().map(|tenant| format!("tenants/{tenant}")).unwrap_or_default(),
        ceremony_id: one.id().0.to_vec(),
        request_digest: one.digest().0.to_vec(),
        kind: request.act.kind().to_string(),
        title: request.title.as_str().to_owned(),
        proposer: request.proposer.to_string(),
        state: state(one.state()).into(),
        head: one.head().0.to_vec(),
        event_count: i32::try_from(one.events().len()).unwrap_or(i32::MAX),
        approvers: one.approvals().iter().map(|approval| approval.who.to_string()).collect(),
        awaited: view.awaited(),
        delay_left: view.delay_left_ms().map(duration),
        propose_time: first.map(|event| timestamp(event.at.wall_ms)),
        expire_time: Some(timestamp(request.expires_at_ms)),
        events: view.events(),
        roster: view.roster.clone(),
        policy: view.policy.clone(),
        next: view.next.clone(),
    }
}

fn state(state: CeremonyState) -> State {
    match state {
        CeremonyState::Proposed => State::Proposed,
        CeremonyState::Collecting => State::Collecting,
        CeremonyState::Delayed => State::Delayed,
        CeremonyState::Ready => State::Ready,
        CeremonyState::Executing => State::Executing,
        CeremonyState::Executed => State::Executed,
        CeremonyState::Rejected => State::Rejected,
        CeremonyState::Cancelled => State::Cancelled,
        CeremonyState::Expired => State::Expired,
        CeremonyState::Failed => State::Failed,
    }
}
