use hufu_ceremony::{CeremonyPolicy, Decision, Event, Report, Request, What, Word, quorum, quoted};
use hufu_custodian::{Custodian, Signed};
use serde::Serialize;

use crate::{command::ceremony::Case, output::View, time::rfc3339_millis};

/// A request, in words as people sign them.
#[derive(Serialize)]
pub(crate) struct RequestView {
    kind: &'static str,
    deployment: String,
    number: u64,
    title: String,
    proposer: String,
    roster_hash: String,
    policy_hash: String,
    not_before: Option<String>,
    expires_at: Option<String>,
    digest: String,
    words: String,
}

impl RequestView {
    pub(crate) fn new(request: &Request) -> Self {
        Self {
            kind: request.act.kind().as_str(),
            deployment: request.deployment.as_str().to_owned(),
            number: request.number,
            title: request.title.as_str().to_owned(),
            proposer: request.proposer.to_string(),
            roster_hash: request.roster.to_string(),
            policy_hash: request.policy.to_string(),
            not_before: rfc3339_millis(request.not_before_ms),
            expires_at: rfc3339_millis(request.expires_at_ms),
            digest: request.digest().to_string(),
            words: request.words(),
        }
    }
}

impl View for RequestView {
    fn text(&self) -> String {
        self.words.clone()
    }
}

/// A policy, in words.
#[derive(Serialize)]
pub(crate) struct PolicyView {
    deployment: String,
    number: u32,
    kinds: Vec<&'static str>,
    hash: String,
    words: String,
}

impl PolicyView {
    pub(crate) fn new(policy: &CeremonyPolicy) -> Self {
        Self {
            deployment: policy.deployment.as_str().to_owned(),
            number: policy.number,
            kinds: policy.rules.keys().map(|kind| kind.as_str()).collect(),
            hash: policy.hash().to_string(),
            words: policy.words(),
        }
    }
}

impl View for PolicyView {
    fn text(&self) -> String {
        self.words.clone()
    }
}

/// A decision, and what it is about.
#[derive(Serialize)]
pub(crate) struct DecisionView {
    /// `approve` or `veto`.
    word: &'static str,
    who: String,
    organisation: String,
    ceremony: String,
    expires_at: Option<String>,
    /// What this approval is of the quorum by itself.
    counts_as: Option<String>,
    /// What is there of the quorum without it, if that is known.
    so_far: Option<String>,
    request: RequestView,
    words: String,
    #[serde(skip)]
    person: String,
}

impl DecisionView {
    pub(crate) fn new(decision: &Decision, own: &Custodian, case: &Case) -> Self {
        let alone = || quorum::count([own], case.ceremony().terms()).to_string();
        Self {
            word: decision.word.as_str(),
            who: own.name.to_string(),
            organisation: own.organisation.to_string(),
            ceremony: decision.binding.ceremony.to_string(),
            expires_at: rfc3339_millis(decision.expires_at_ms),
            counts_as: (decision.word == Word::Approve).then(alone),
            so_far: case.so_far(),
            request: RequestView::new(case.request()),
            words: decision.words(),
            person: format!("{} ({}) of {}", own.name, quoted(&own.full_name), own.organisation),
        }
    }

    /// What the custodian is asked.
    pub(crate) fn question(&self) -> String {
        let ask = match self.counts_as {
            Some(_) => "Have you compared the digest, and do you approve exactly this?",
            None if self.word == "cancel" => "Nothing of this will be done. Take it back?",
            None => "Nothing of this will be done. Veto?",
        };
        format!("{}{ask}", self.text())
    }
}

impl View for DecisionView {
    fn text(&self) -> String {
        let mut text = format!("{}\n{}you: {}\n", self.request.words, self.words, self.person);
        if let Some(so_far) = &self.so_far {
            text.push_str(&format!("approved so far: {so_far}\n"));
        }
        if let Some(counts_as) = &self.counts_as {
            text.push_str(&format!("your approval counts as: {counts_as}\n"));
        }
        text
    }
}

/// A transcript that verifies.
#[derive(Serialize)]
pub(crate) struct ReportView {
    verified: bool,
    ceremony: String,
    state: &'static str,
    software: String,
    head: String,
    /// Everyone's who approved, also of those whose approval has expired since.
    approvals: String,
    approvers: Vec<ApproverView>,
    events: Vec<EventView>,
    request: RequestView,
    words: String,
}

#[derive(Serialize)]
struct ApproverView {
    name: String,
    organisation: String,
}

#[derive(Serialize)]
struct EventView {
    /// By the service's clock.
    at: Option<String>,
    what: &'static str,
    /// Whose signature it carries.
    by: Option<String>,
}

impl ReportView {
    pub(crate) fn new(report: &Report) -> Self {
        let ceremony = report.ceremony();
        let roster = ceremony.grounds().roster();
        let people = ceremony.approvals().iter().filter_map(|approval| roster.find(&approval.who).ok());
        let approver = |one: hufu_ceremony::Approver| ApproverView {
            name: one.name.to_string(),
            organisation: one.organisation.to_string(),
        };
        Self {
            verified: true,
            ceremony: ceremony.id().to_string(),
            state: ceremony.state().as_str(),
            software: report.software().to_owned(),
            head: ceremony.head().to_string(),
            approvals: quorum::count(people, ceremony.terms()).to_string(),
            approvers: report.approvers().into_iter().map(approver).collect(),
            events: ceremony.events().iter().map(EventView::new).collect(),
            request: RequestView::new(ceremony.request()),
            words: report.words(),
        }
    }
}

impl EventView {
    fn new(event: &Event) -> Self {
        let by = signed(&event.what).map(|signed| signed.signer.to_string());
        Self { at: rfc3339_millis(event.at.wall_ms), what: event.what.as_str(), by }
    }
}

fn signed(what: &What) -> Option<&Signed> {
    match what {
        What::Proposed(signed)
        | What::Approved(signed)
        | What::Vetoed(signed)
        | What::Cancelled(signed)
        | What::ShareSubmitted(signed) => Some(signed),
        _ => None,
    }
}

impl View for ReportView {
    fn text(&self) -> String {
        format!("The transcript verifies.\n\n{}", self.words)
    }
}
