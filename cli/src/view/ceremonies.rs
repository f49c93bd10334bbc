use hufu_sdk::v1;
use serde::Serialize;

use super::time;
use crate::{
    output::View,
    table::{clean, pairs, table},
};

/// A ceremony in a service.
#[derive(Serialize)]
pub(crate) struct CeremonyView {
    name: String,
    tenant: String,
    ceremony_id: String,
    request_digest: String,
    kind: String,
    title: String,
    proposer: String,
    state: String,
    head: String,
    events: i32,
    approvers: Vec<String>,
    awaited: Vec<String>,
    delay_left_s: Option<i64>,
    propose_time: Option<String>,
    expire_time: Option<String>,
}

impl CeremonyView {
    pub(crate) fn new(ceremony: &v1::Ceremony) -> Self {
        let all = |names: &[String]| names.iter().map(|name| clean(name)).collect();
        Self {
            name: clean(&ceremony.name),
            tenant: clean(&ceremony.tenant),
            ceremony_id: hex::encode(&ceremony.ceremony_id),
            request_digest: hex::encode(&ceremony.request_digest),
            kind: clean(&ceremony.kind),
            title: clean(&ceremony.title),
            proposer: clean(&ceremony.proposer),
            state: ceremony.state().as_str_name().to_ascii_lowercase(),
            head: hex::encode(&ceremony.head),
            events: ceremony.event_count,
            approvers: all(&ceremony.approvers),
            awaited: all(&ceremony.awaited),
            delay_left_s: ceremony.delay_left.as_ref().map(|left| left.seconds),
            propose_time: time(ceremony.propose_time),
            expire_time: time(ceremony.expire_time),
        }
    }

    /// The lines for people.
    pub(crate) fn lines(&self) -> String {
        pairs([
            ("ceremony", self.name.clone()),
            ("about", self.tenant.clone()),
            ("kind", self.kind.clone()),
            ("title", self.title.clone()),
            ("proposed by", self.proposer.clone()),
            ("proposed", self.propose_time.clone().unwrap_or_default()),
            ("state", self.state.clone()),
            ("approved by", self.approvers.join(", ")),
            ("may still approve", self.awaited.join(", ")),
            ("delay left", self.delay_left_s.map(|seconds| format!("{seconds} s")).unwrap_or_default()),
            ("expires", self.expire_time.clone().unwrap_or_default()),
            ("ceremony id", self.ceremony_id.clone()),
            ("request digest", self.request_digest.clone()),
            ("head", self.head.clone()),
            ("events", self.events.to_string()),
        ])
    }
}

impl View for CeremonyView {
    fn text(&self) -> String {
        self.lines()
    }
}

/// Ceremonies, a line each.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct CeremoniesView(pub(crate) Vec<CeremonyView>);

impl View for CeremoniesView {
    fn text(&self) -> String {
        let row = |one: &CeremonyView| {
            let approved = one.approvers.len().to_string();
            vec![one.name.clone(), one.kind.clone(), one.state.clone(), approved, one.title.clone()]
        };
        table(&["NAME", "KIND", "STATE", "APPROVED", "TITLE"], &self.0.iter().map(row).collect::<Vec<_>>())
    }
}
