//! Targets, and shares on their way to them.

use std::collections::BTreeMap;

use hufu_ceremony::{Ceremony, TargetEvidence, TargetKind};
use hufu_sdk::v1;
use hufu_shares::{Manifest, Share};
use serde::Serialize;

use super::time;
use crate::{output::View, table::clean};

/// A target, and what a request says of it.
#[derive(Serialize)]
pub(crate) struct TargetView {
    sealing_key: String,
    kind: &'static str,
    simulated: bool,
    claims: BTreeMap<String, String>,
    expire_time: Option<String>,
    act: String,
}

impl TargetView {
    pub(crate) fn new(
        drill: bool,
        version: &v1::KeyVersion,
        manifest: &Manifest,
        (target, evidence): (&v1::ShareTarget, &TargetEvidence),
    ) -> Self {
        let claims: BTreeMap<_, _> =
            evidence.claims.iter().map(|(claim, value)| (claim.to_string(), value.as_str().to_owned())).collect();
        let sealing_key = hex::encode(evidence.sealing_key.fingerprint());
        let kind = kind(evidence.kind);
        let act = act(version, manifest, (kind, &sealing_key, &claims));
        let act = if drill { act.replace("[act.recovery", "[act.drill") } else { act };
        let expire_time = time(target.expire_time);
        Self { sealing_key, kind, simulated: target.simulated, claims, expire_time, act }
    }
}

impl View for TargetView {
    fn text(&self) -> String {
        self.act.clone()
    }
}

/// The part of the request that names key, shares and target.
fn act(
    version: &v1::KeyVersion,
    manifest: &Manifest,
    (kind, sealing_key, claims): (&str, &str, &BTreeMap<String, String>),
) -> String {
    let (key, number) = version.name.split_once("/versions/").unwrap_or((&version.name, ""));
    let mut text = format!("[act.recovery]\nkey = \"{}\"\nversion = {}\n", clean(key), clean(number));
    if let Some(public_key) = manifest.subject().public_key {
        text += &format!("public_key = \"{}\"\n", hex::encode(public_key));
    }
    text += &format!(
        "shares = {{ set = \"{}\", epoch = {}, manifest = \"{}\" }}\n\n[act.recovery.target]\nkind = \"{kind}\"\n\
         sealing_key = \"{sealing_key}\"\n",
        manifest.set(),
        manifest.epoch(),
        manifest.digest(),
    );
    if !claims.is_empty() {
        text += "\n[act.recovery.target.evidence]\n";
    }
    for (claim, value) in claims {
        text += &format!("{claim} = {}\n", toml_text(value));
    }
    text
}

fn toml_text(text: &str) -> String {
    let escaped: String =
        text.chars().flat_map(|c| if matches!(c, '"' | '\\') { vec!['\\', c] } else { vec![c] }).collect();
    format!("\"{escaped}\"")
}

fn kind(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Hsm => "hsm",
        TargetKind::Tee => "tee",
        TargetKind::Process => "process",
    }
}

/// A share that is about to be given away, and for what.
#[derive(Serialize)]
pub(crate) struct ShareView {
    ceremony: String,
    digest: String,
    index: u8,
    /// What the share is of, as its dealer signed it.
    subject: String,
    sealed_to: String,
    claims: BTreeMap<String, String>,
    words: String,
}

impl ShareView {
    pub(crate) fn new(ceremony: &Ceremony, own: &Share, evidence: &TargetEvidence) -> Self {
        let claims = evidence.claims.iter().map(|(claim, value)| (claim.to_string(), value.to_string())).collect();
        Self {
            ceremony: ceremony.id().to_string(),
            digest: ceremony.digest().to_string(),
            index: own.index(),
            subject: own.manifest().unverified().subject().name.clone(),
            sealed_to: hex::encode(evidence.sealing_key.fingerprint()),
            claims,
            words: ceremony.request().words(),
        }
    }

    pub(crate) fn question(&self) -> String {
        let claims: String =
            self.claims.iter().map(|(claim, value)| format!("the target says, {claim}: {value}\n")).collect();
        format!(
            "{}{claims}Everything was checked: events, quorum, delay by your clock, evidence. Your share {} of {} is sealed to {}.",
            self.words, self.index, self.subject, self.sealed_to
        )
    }
}

impl View for ShareView {
    fn text(&self) -> String {
        format!("share {} is sealed to {}, for ceremony {}\n", self.index, self.sealed_to, self.ceremony)
    }
}
