//! What was done with a root that custodians hold.

use hufu_sdk::v1;
use hufu_shares::{Deed, RootReport};
use serde::Serialize;

use super::{share::SetView, time};
use crate::{
    output::View,
    table::{clean, pairs, table},
    time::rfc3339_millis,
};

/// A transcript that verifies.
#[derive(Serialize)]
pub(crate) struct RootReportView {
    verified: bool,
    /// `root-split` or `root-opened`.
    what: &'static str,
    deployment: String,
    /// By the clock of the machine that did it.
    at: Option<String>,
    software: String,
    /// The audit trail of the server that was opened.
    server: Option<String>,
    /// SHA-256 of the certificate that it showed.
    certificate: Option<String>,
    /// When it began to ask for shares.
    asked_at: Option<String>,
    /// Whose shares opened it; who has confirmed the own share.
    by: Vec<PersonView>,
    /// Who holds a share and is not among them.
    others: Vec<String>,
    roster: String,
    share_set: SetView,
    digest: String,
    /// Index in the log; nothing when the transcript has no receipt.
    logged_at: Option<u64>,
}

#[derive(Serialize)]
struct PersonView {
    name: String,
    organisation: String,
}

impl RootReportView {
    pub(crate) fn new(report: &RootReport, logged_at: Option<u64>) -> Self {
        let (record, manifest) = (&report.record, &report.manifest);
        let opening = match &record.deed {
            Deed::Split => None,
            Deed::Opened(opening) => Some(opening),
        };
        let roster = record.roster().ok();
        let person = |name: &hufu_custodian::Name| PersonView {
            name: name.to_string(),
            organisation: roster
                .as_ref()
                .and_then(|roster| roster.find(name).ok())
                .map_or_else(String::new, |one| one.organisation.to_string()),
        };
        let others = manifest.seats().iter().filter(|seat| !report.by.contains(&seat.custodian));
        let asked = opening.and_then(|opening| opening.request().ok());
        Self {
            verified: true,
            what: if opening.is_some() { "root-opened" } else { "root-split" },
            deployment: record.deployment.clone(),
            at: rfc3339_millis(record.at_ms),
            software: record.software.clone(),
            server: opening.map(|opening| opening.server.clone()),
            certificate: opening.map(|opening| hex::encode(opening.certificate)),
            asked_at: asked.and_then(|request| rfc3339_millis(request.made_at_ms)),
            by: report.by.iter().map(person).collect(),
            others: others.map(|seat| seat.custodian.to_string()).collect(),
            roster: manifest.roster().to_string(),
            share_set: SetView::new(manifest),
            digest: hex::encode(record.digest()),
            logged_at,
        }
    }

    fn people(&self) -> String {
        let person = |one: &PersonView| format!("{} of {}", one.name, one.organisation);
        self.by.iter().map(person).collect::<Vec<_>>().join(", ")
    }

    fn head(&self) -> &'static str {
        match self.server {
            Some(_) => "The transcript verifies: enough custodians opened a server.\n",
            None => "The transcript verifies: a root was made and split. Who ran that, it cannot tell.\n",
        }
    }
}

impl View for RootReportView {
    fn text(&self) -> String {
        let at = self.at.clone().unwrap_or_default();
        let (by, others) = match self.server {
            Some(_) => ("opened by", "not needed"),
            None => ("confirmed by", "not confirmed"),
        };
        let logged = match self.logged_at {
            Some(index) => format!("leaf {index} of the log, proven"),
            None => "no receipt: fetch the transcript from the service for one".to_owned(),
        };
        let lines = [
            ("deployment", self.deployment.clone()),
            (by, self.people()),
            (others, self.others.join(", ")),
            ("when", format!("{at}, by the clock of that machine")),
            ("asked since", self.asked_at.clone().unwrap_or_default()),
            ("server", self.server.clone().unwrap_or_default()),
            ("certificate", self.certificate.clone().unwrap_or_default()),
            ("software", self.software.clone()),
            ("roster", self.roster.clone()),
        ];
        let tail = [("record", self.digest.clone()), ("ledger", logged)];
        let text = pairs(lines.into_iter().chain(self.share_set.pairs()).chain(tail));
        format!("{}{text}", self.head())
    }
}

/// What a service has written down of its root. The transcript alone proves it.
#[derive(Serialize)]
pub(crate) struct RootTranscriptView {
    number: String,
    /// `root-split` or `root-opened`.
    what: &'static str,
    at: Option<String>,
    custodians: Vec<String>,
    server: Option<String>,
    digest: String,
}

impl RootTranscriptView {
    pub(crate) fn new(of: &v1::RootTranscript) -> Self {
        Self {
            number: clean(super::last(&of.name)),
            what: if of.server.is_empty() { "root-split" } else { "root-opened" },
            at: time(of.create_time),
            custodians: of.custodians.iter().map(|name| clean(name)).collect(),
            server: (!of.server.is_empty()).then(|| clean(&of.server)),
            digest: hex::encode(&of.digest),
        }
    }
}

impl View for RootTranscriptView {
    fn text(&self) -> String {
        let by = if self.server.is_some() { "opened by" } else { "confirmed by" };
        pairs([
            ("number", self.number.clone()),
            ("what", self.what.to_owned()),
            ("when", self.at.clone().unwrap_or_default()),
            (by, self.custodians.join(", ")),
            ("server", self.server.clone().unwrap_or_default()),
            ("record", self.digest.clone()),
        ])
    }
}

/// Several of them.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct RootTranscriptsView(pub(crate) Vec<RootTranscriptView>);

impl View for RootTranscriptsView {
    fn text(&self) -> String {
        let row = |one: &RootTranscriptView| {
            let at = one.at.clone().unwrap_or_default();
            vec![one.number.clone(), one.what.to_owned(), at, one.custodians.join(", ")]
        };
        table(&["NUMBER", "WHAT", "WHEN", "CUSTODIANS"], &self.0.iter().map(row).collect::<Vec<_>>())
    }
}
