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
