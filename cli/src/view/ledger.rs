use hufu_sdk::{Word as _, offline, v1};
use serde::Serialize;

use super::time;
use crate::{output::View, table::pairs, time::rfc3339_millis};

/// A checkpoint.
#[derive(Serialize)]
pub(crate) struct CheckpointView {
    origin: String,
    tree_size: u64,
    root_hash: String,
    create_time: Option<String>,
    note: String,
}

/// The log's public key.
#[derive(Serialize)]
pub(crate) struct LogKeyView {
    verifier_key: String,
    origin: String,
    simulated: bool,
}

/// A bundle that was written to a file.
#[derive(Serialize)]
pub(crate) struct ProofView {
    key_version: String,
    tree_size: u64,
}

/// The log extends an earlier checkpoint.
#[derive(Serialize)]
pub(crate) struct ConsistentView {
    from_size: u64,
    tree_size: u64,
    origin: String,
}

/// What a bundle proves.
#[derive(Serialize)]
pub(crate) struct ReportView {
    #[serde(skip)]
    text: String,
    origin: String,
    tree_size: u64,
    root_hash: String,
    ledger_key_id: String,
    public_key_matches: bool,
    /// Of the SubjectPublicKeyInfo in the bundle.
    public_key_sha256: Option<String>,
    /// Whether the key is the one that was given with `--public`.
    #[serde(skip)]
    expected: bool,
    algorithm: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    status: String,
    erased: bool,
    revocation: Option<RevocationView>,
    last_event: String,
    last_event_time: Option<String>,
    events: Vec<EventView>,
}

#[derive(Serialize)]
struct RevocationView {
    reason: String,
    revoke_time: Option<String>,
    compromise_time: Option<String>,
}

#[derive(Serialize)]
struct EventView {
    sequence: u64,
    leaf_index: u64,
    event: String,
    time: Option<String>,
    reason: Option<String>,
    compromise_time: Option<String>,
    evidence: String,
}

impl CheckpointView {
    pub(crate) fn new(checkpoint: &v1::Checkpoint) -> Self {
        Self {
            origin: checkpoint.origin.clone(),
            tree_size: checkpoint.tree_size,
            root_hash: hex::encode(&checkpoint.root_hash),
            create_time: time(checkpoint.create_time),
            note: checkpoint.note.clone(),
        }
    }
}

impl View for CheckpointView {
    fn text(&self) -> String {
        pairs([
            ("log", self.origin.clone()),
            ("size", self.tree_size.to_string()),
            ("root", self.root_hash.clone()),
            ("signed", self.create_time.clone().unwrap_or_default()),
        ])
    }
}

impl LogKeyView {
    pub(crate) fn new(key: &v1::LogKey) -> Self {
        Self { verifier_key: key.verifier_key.clone(), origin: key.origin.clone(), simulated: key.simulated }
    }
}

impl View for LogKeyView {
    fn text(&self) -> String {
        let simulated =
            if self.simulated { "yes: nothing of this log proves anything outside development" } else { "" };
        pairs([("log", self.origin.clone()), ("key", self.verifier_key.clone()), ("simulated", simulated.to_owned())])
    }
}

impl ProofView {
    pub(crate) fn new(proof: &v1::KeyVersionProof) -> Self {
        Self { key_version: proof.key_version.clone(), tree_size: proof.tree_size }
    }
}

impl View for ProofView {
    fn text(&self) -> String {
        pairs([("version", self.key_version.clone()), ("checkpoint", self.tree_size.to_string())])
    }
}

impl ConsistentView {
    pub(crate) fn new(from_size: u64, newer: &v1::Checkpoint) -> Self {
        Self { from_size, tree_size: newer.tree_size, origin: newer.origin.clone() }
    }
}

impl View for ConsistentView {
    fn text(&self) -> String {
        let origin = crate::table::clean(&self.origin);
        format!("checkpoint {} of {origin} extends checkpoint {}\n", self.tree_size, self.from_size)
    }
}

impl ReportView {
    pub(crate) fn new(report: &offline::Report, public_key: Option<&[u8]>, expected: bool) -> Self {
        Self {
            text: in_our_words(report),
            origin: report.origin.clone(),
            tree_size: report.checkpoint_size,
            root_hash: hex::encode(report.root.0),
            ledger_key_id: hex::encode(report.key_id),
            public_key_matches: report.public_key_matches,
            public_key_sha256: public_key.map(offline::public_key_sha256).map(hex::encode),
            expected,
            algorithm: report.algorithm.clone(),
            not_before: report.not_before.and_then(rfc3339_millis),
            not_after: report.not_after.and_then(rfc3339_millis),
            status: report.status.to_string(),
            erased: report.erased,
            revocation: report.revocation.as_ref().map(RevocationView::new),
            last_event: report.last_event.to_string(),
            last_event_time: rfc3339_millis(report.at),
            events: report.events.iter().map(EventView::new).collect(),
        }
    }
}

impl View for ReportView {
    fn text(&self) -> String {
        let mut text: String = self.text.lines().map(|line| crate::table::clean(line) + "\n").collect();
        if let Some(hash) = &self.public_key_sha256 {
            let expected = if self.expected { ", as expected" } else { "" };
            text.push_str(&format!("public key: SHA-256 {hash}{expected}\n"));
        }
        text
    }
}

impl RevocationView {
    fn new(revocation: &offline::Revocation) -> Self {
        Self {
            reason: reason_word(&revocation.reason.to_string()),
            revoke_time: rfc3339_millis(revocation.at),
            compromise_time: revocation.compromised_at.and_then(rfc3339_millis),
        }
    }
}

impl EventView {
    fn new(event: &offline::EventSummary) -> Self {
        Self {
            sequence: event.sequence,
            leaf_index: event.index,
            event: event.event.to_string(),
            time: rfc3339_millis(event.at),
            reason: event.reason.map(|reason| reason_word(&reason.to_string())),
            compromise_time: event.compromised_at.and_then(rfc3339_millis),
            evidence: hex::encode(event.evidence),
        }
    }
}

/// The report with reasons spelled as everywhere on the command line.
fn in_our_words(report: &offline::Report) -> String {
    let reasons = report.events.iter().filter_map(|event| event.reason);
    reasons.fold(report.to_string(), |text, reason| {
        text.replace(&format!("({reason})"), &format!("({})", reason_word(&reason.to_string())))
    })
}

/// The ledger writes reasons as RFC 5280 does; the JSON form is one for all commands.
fn reason_word(reason: &str) -> String {
    v1::RevocationReason::from_word(reason).map_or_else(|_| reason.to_owned(), v1::RevocationReason::word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_the_words_of_the_command_line() {
        assert_eq!(reason_word("keyCompromise"), "key-compromise");
        assert_eq!(reason_word("unspecified"), "unspecified");
    }

    #[test]
    fn a_checkpoint_in_json_holds_the_note() {
        let checkpoint = v1::Checkpoint { note: "n\n".into(), root_hash: vec![1, 2], ..Default::default() };
        let json = serde_json::to_value(CheckpointView::new(&checkpoint)).unwrap();
        assert_eq!(json["note"], "n\n");
        assert_eq!(json["root_hash"], "0102");
    }
}
