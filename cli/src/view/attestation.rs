use hufu_sdk::attestation::{Link, Policy, Statement};
use serde::Serialize;

use crate::{
    output::View,
    table::{pairs, table},
    time::rfc3339_millis,
};

/// What a vendor says about a key, verified.
#[derive(Serialize)]
pub(crate) struct StatementView {
    vendor: String,
    model: Option<String>,
    serial: Option<String>,
    firmware: Option<String>,
    non_exportable: bool,
    generated_on_device: bool,
    policies: Vec<String>,
    public_key_sha256: String,
    at: Option<String>,
    chain: Vec<LinkView>,
}

#[derive(Serialize)]
struct LinkView {
    subject: String,
    sha256: String,
    not_before: Option<String>,
    not_after: Option<String>,
}

impl StatementView {
    pub(crate) fn new(statement: &Statement, at_ms: u64) -> Self {
        Self {
            vendor: statement.vendor.to_string(),
            model: statement.model.clone(),
            serial: statement.serial.clone(),
            firmware: statement.firmware.clone(),
            non_exportable: statement.non_exportable,
            generated_on_device: statement.generated_on_device,
            policies: statement.policies.iter().map(Policy::to_string).collect(),
            public_key_sha256: hex::encode(statement.public_key_sha256),
            at: rfc3339_millis(at_ms),
            chain: statement.chain.iter().map(LinkView::new).collect(),
        }
    }
}

impl LinkView {
    fn new(link: &Link) -> Self {
        Self {
            subject: link.subject.clone(),
            sha256: hex::encode(link.sha256),
            not_before: rfc3339_millis(link.not_before_ms),
            not_after: rfc3339_millis(link.not_after_ms),
        }
    }
}

impl View for StatementView {
    fn text(&self) -> String {
        let some = |text: &Option<String>| text.clone().unwrap_or_default();
        let yes = |holds: bool| if holds { "yes" } else { "not said" }.to_owned();
        let mut text = pairs([
            ("attested by", self.vendor.clone()),
            ("model", some(&self.model)),
            ("serial", some(&self.serial)),
            ("firmware", some(&self.firmware)),
            ("made there", yes(self.generated_on_device)),
            ("stays there", yes(self.non_exportable)),
            ("policies", self.policies.join(", ")),
            ("public key", format!("SHA-256 {}", self.public_key_sha256)),
            ("as of", some(&self.at)),
        ]);
        let rows: Vec<_> = self.chain.iter().map(|link| vec![link.subject.clone(), link.sha256.clone()]).collect();
        text.push('\n');
        text.push_str(&table(&["CERTIFICATE, THE TRUSTED ROOT LAST", "SHA-256"], &rows));
        text
    }
}
