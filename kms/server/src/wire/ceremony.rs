//! Ceremonies on the wire.

use hufu_core::record::Protection;
use hufu_core::{Error, Reason};
use hufu_engine::api::{CeremonyState, CeremonyView, TargetKind, TargetView};
use hufu_proto::v1;
use hufu_proto::v1::ceremony::State;
use hufu_proto::v1::share_target::Kind;

use super::missing;
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

/// A target as the wire shows it.
#[must_use]
pub fn target(view: &TargetView) -> v1::ShareTarget {
    let one = &view.record;
    let kind = if one.protection == Protection::Hsm { Kind::Hsm } else { Kind::Process };
    v1::ShareTarget {
        name: format!("shareTargets/{}", hex::encode(one.fingerprint)),
        key: one.key_name().to_string(),
        kind: kind.into(),
        sealing_key: one.public_key.clone(),
        evidence: one.evidence.clone(),
        simulated: one.simulated,
        create_time: Some(timestamp(one.created_at)),
        expire_time: Some(timestamp(one.expires_at)),
        ceremony: one.ceremony.map(|number| format!("ceremonies/{number}")).unwrap_or_default(),
    }
}

/// Where a target is to be.
///
/// # Errors
/// `MISSING_FIELD`, `INVALID_ARGUMENT`.
pub fn target_kind(kind: i32) -> Result<TargetKind, Error> {
    match Kind::try_from(kind) {
        Ok(Kind::Hsm) => Ok(TargetKind::Hsm),
        Ok(Kind::Process) => Ok(TargetKind::Process),
        Ok(Kind::Unspecified) => Err(missing("kind")),
        Err(_) => Err(Error::new(Reason::InvalidArgument, "there is no such kind of target").field("kind")),
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
