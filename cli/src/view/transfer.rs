use hufu_sdk::{Word as _, offline::ImportStatement, v1};
use serde::Serialize;

use super::{protection_text, time};
use crate::{
    output::View,
    table::{clean, pairs},
    time::rfc3339_millis,
};

/// An import job.
#[derive(Serialize)]
pub(crate) struct JobView {
    name: String,
    key: String,
    state: String,
    wrapping: String,
    attempts: i32,
    create_time: Option<String>,
    expire_time: Option<String>,
    close_time: Option<String>,
    simulated: bool,
    statement: String,
}

/// What a genuine offer says.
#[derive(Serialize)]
pub(crate) struct OfferView {
    job: String,
    key: String,
    algorithm: String,
    purpose: String,
    scheme: String,
    protection: String,
    exit: String,
    digest_allowed: bool,
    sm2_distinguishing_id: Option<String>,
    activate: bool,
    public_key_sha256: Option<String>,
    import_key_sha256: String,
    wrapping: String,
    simulated: bool,
    expire_time: Option<String>,
    log: String,
}

/// A wrapped key.
#[derive(Serialize)]
pub(crate) struct WrappedView {
    key_version: String,
    wrapping_key_version: String,
    protection: String,
    simulated: bool,
}

/// An exported key.
#[derive(Serialize)]
pub(crate) struct ExportView {
    key_version: String,
    algorithm: String,
    wrapping: String,
    recipient_sha256: String,
    protection: String,
    simulated: bool,
}

impl JobView {
    pub(crate) fn new(job: &v1::ImportJob) -> Self {
        Self {
            name: job.name.clone(),
            key: job.key_name.clone(),
            state: job.state().word(),
            wrapping: job.wrapping().word(),
            attempts: job.attempts,
            create_time: time(job.create_time),
            expire_time: time(job.expire_time),
            close_time: time(job.close_time),
            simulated: job.simulated,
            statement: job.statement.clone(),
        }
    }
}

impl View for JobView {
    fn text(&self) -> String {
        pairs([
            ("import job", self.name.clone()),
            ("for key", self.key.clone()),
            ("state", self.state.clone()),
            ("wrapping", self.wrapping.clone()),
            ("import key", if self.simulated { "simulated protection".to_owned() } else { String::new() }),
            ("attempts", self.attempts.to_string()),
            ("created", self.create_time.clone().unwrap_or_default()),
            ("expires", self.expire_time.clone().unwrap_or_default()),
            ("closed", self.close_time.clone().unwrap_or_default()),
        ])
    }
}

impl OfferView {
    pub(crate) fn new(statement: &ImportStatement) -> Self {
        Self {
            job: statement.job.clone(),
            key: statement.key.clone(),
            algorithm: statement.algorithm.clone(),
            purpose: statement.purpose.clone(),
            scheme: statement.scheme.clone(),
            protection: statement.protection.clone(),
            exit: statement.exit.clone(),
            digest_allowed: statement.digest_allowed,
            sm2_distinguishing_id: statement.distinguishing_id.clone(),
            activate: statement.activate,
            public_key_sha256: statement.public_key.map(hex::encode),
            import_key_sha256: hex::encode(statement.import_key),
            wrapping: statement.wrapping.clone(),
            simulated: statement.simulated,
            expire_time: rfc3339_millis(statement.expires_at),
            log: statement.origin.clone(),
        }
    }
}

impl View for OfferView {
    fn text(&self) -> String {
        pairs([
            ("import job", self.job.clone()),
            ("for key", self.key.clone()),
            ("algorithm", self.algorithm.clone()),
            ("purpose", self.purpose.clone()),
            ("scheme", self.scheme.clone()),
            ("protection", protection_text(&self.protection, self.simulated)),
            ("exit", self.exit.clone()),
            ("digests", if self.digest_allowed { "allowed" } else { "not allowed" }.to_owned()),
            ("SM2 id", self.sm2_distinguishing_id.clone().unwrap_or_default()),
            ("activated", if self.activate { "at once" } else { "not at once" }.to_owned()),
            ("public key", self.public_key_sha256.as_ref().map(|hash| format!("sha256:{hash}")).unwrap_or_default()),
            ("import key", format!("sha256:{}", self.import_key_sha256)),
            ("wrapping", self.wrapping.clone()),
            ("expires", self.expire_time.clone().unwrap_or_default()),
            ("signed by", self.log.clone()),
        ])
    }
}

impl WrappedView {
    pub(crate) fn new(wrapped: &v1::WrapKeyResponse) -> Self {
        Self {
            key_version: wrapped.key_version.clone(),
            wrapping_key_version: wrapped.wrapping_key_version.clone(),
            protection: wrapped.protection().word(),
            simulated: wrapped.simulated,
        }
    }
}

impl View for WrappedView {
    fn text(&self) -> String {
        format!("wrapped {} by {}\n", clean(&self.key_version), clean(&self.wrapping_key_version))
    }
}

impl ExportView {
    pub(crate) fn new(exported: &v1::ExportKeyResponse) -> Self {
        Self {
            key_version: exported.key_version.clone(),
            algorithm: exported.algorithm().word(),
            wrapping: exported.wrapping().word(),
            recipient_sha256: exported.recipient_fingerprint.clone(),
            protection: exported.protection().word(),
            simulated: exported.simulated,
        }
    }
}

impl View for ExportView {
    fn text(&self) -> String {
        let (version, recipient) = (clean(&self.key_version), clean(&self.recipient_sha256));
        format!("exported {version} to sha256:{recipient} ({})\n", self.wrapping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> ImportStatement {
        ImportStatement {
            origin: "dev.example/log".into(),
            job: "tenants/dev/importJobs/j".into(),
            key: "tenants/dev/keys/k".into(),
            algorithm: "sm2".into(),
            purpose: "sign".into(),
            scheme: "sm2-sm3".into(),
            protection: "software".into(),
            exit: "never".into(),
            digest_allowed: true,
            distinguishing_id: Some("a\nactivated  not at once".into()),
            activate: true,
            public_key: Some([1; 32]),
            import_key: [2; 32],
            wrapping: "rsa-aes-kwp".into(),
            simulated: false,
            expires_at: 1_700_000_000_000,
        }
    }

    /// The holder of the key sees all that it will do, and no identifier writes a line of its own.
    #[test]
    fn an_offer_shows_every_attribute() {
        let text = OfferView::new(&statement()).text();
        let line =
            |name: &str| text.lines().filter_map(|line| line.strip_prefix(name)).map(str::trim).collect::<Vec<_>>();
        assert_eq!((line("digests"), line("activated")), (vec!["allowed"], vec!["at once"]), "{text}");
        assert_eq!(line("SM2 id").len(), 1);
        let plain =
            ImportStatement { digest_allowed: false, activate: false, distinguishing_id: None, ..statement() };
        let text = OfferView::new(&plain).text();
        assert!(text.contains("not allowed") && text.contains("not at once") && !text.contains("SM2 id"), "{text}");
        let json = serde_json::to_value(OfferView::new(&statement())).unwrap();
        assert_eq!((&json["digest_allowed"], &json["activate"]), (&true.into(), &true.into()));
        assert_eq!(json["sm2_distinguishing_id"], "a\nactivated  not at once");
    }
}
