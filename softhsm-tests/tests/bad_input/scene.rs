//! A server with a key in every state, and the judge of the rows.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use hufu_sdk::{AuditFilter, Client, KeyRef, NewImport, NewKey, v1};
use hufu_softhsm_tests::{Daemon, Raw, raw_channel, refusal};
use tonic::Code;

use super::Row;
use super::base::Base;
use super::derived::Method;

pub(crate) struct Scene {
    _daemon: Daemon,
    pub(crate) client: Client,
    raw: Raw,
    documented: HashMap<String, Code>,
    pub(crate) tree_size: u64,
}

/// Everything that a refused request must not change.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Snapshot {
    keys: Vec<String>,
    /// Number of records of what was done for callers.
    done: usize,
}

impl Snapshot {
    /// What is in one and not in the other, a line each.
    pub(crate) fn difference(&self, other: &Self) -> String {
        let gone = self.keys.iter().filter(|key| !other.keys.contains(key)).map(|key| format!("- {key}"));
        let new = other.keys.iter().filter(|key| !self.keys.contains(key)).map(|key| format!("+ {key}"));
        let done = format!("records of what was done: {} and {}", self.done, other.done);
        gone.chain(new).chain([done]).collect::<Vec<_>>().join("\n")
    }
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let daemon = Daemon::start_dev();
        let client = daemon.client("admin");
        prepare(&client).await;
        let raw = Raw::new(raw_channel(&daemon.profile("admin")));
        let tree_size = client.checkpoint().await.unwrap().tree_size;
        Self { client, raw, documented: documented(), tree_size, _daemon: daemon }
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        let mut keys = Vec::new();
        for key in self.client.keys().take(1_000).await.unwrap().0 {
            let name: KeyRef = key.name.parse().unwrap();
            let versions = self.client.key_versions(&name).take(1_000).await.unwrap().0;
            keys.push(format!("{key:?} {versions:?}"));
        }
        let done = AuditFilter {
            outcome: Some(v1::AuditOutcome::Allowed),
            page_size: Some(1_000),
            ..AuditFilter::default()
        };
        let records = self.client.audit_records(done).take(100_000).await.unwrap().0;
        Snapshot { keys, done: records.iter().filter(|record| record.principal != "system").count() }
    }

    /// Says what is wrong with the answer to a row, if something is.
    pub(crate) async fn check(&self, method: &Method, row: &Row) -> Option<String> {
        let told = match self.raw.call(&method.path, row.body.clone()).await {
            Ok(_) => return Some(format!("{}: {}: done, not {}", method.name, row.what, row.reason)),
            Err(status) => refusal(&status),
        };
        let code = self.documented.get(row.reason).copied();
        let good = told.reason == row.reason && Some(told.code) == code && told.domain == hufu_proto::ERROR_DOMAIN;
        let clean = !told.message.is_empty()
            && !["panicked", "SELECT", "sqlx", ".rs:"].iter().any(|w| told.message.contains(w));
        (!good || !clean).then(|| format!("{}: {}: expected {}, got {told:?}", method.name, row.what, row.reason))
    }

    /// Makes the request that was spoiled before, unspoiled.
    pub(crate) async fn control(&self, method: &Method, base: &Base) {
        let answer = self.raw.call(&method.path, base.body.clone()).await;
        match answer {
            Ok(_) => {}
            Err(status) if matches!(method.name.as_str(), "ImportKey" | "UnwrapKey") => {
                assert_eq!(refusal(&status).reason, "KEY_REJECTED");
            }
            // The root of this server is not split.
            Err(status) if method.name.contains("Root") => assert_eq!(refusal(&status).reason, "CEREMONY_NOT_FOUND"),
            Err(status) if method.name == "SubmitShare" => assert_eq!(refusal(&status).reason, "NOT_SEALED"),
            Err(status) if method.name == "Decrypt" => assert_eq!(refusal(&status).reason, "DECRYPTION_FAILED"),
            Err(status) => panic!("{} should have been done: {:?}", method.name, refusal(&status)),
        }
    }
}

/// Keys of every purpose and in every state that a row needs.
async fn prepare(client: &Client) {
    use v1::Algorithm::{Aes256Gcm, Aes256Kwp, Ed25519, HmacSha256, MlKem768, P256, Rsa3072, X25519};
    let new = |id: &str, algorithm| NewKey::new(id, algorithm, v1::Protection::Software);
    let pre_active = |id: &str| NewKey { pre_active: true, ..new(id, P256) };
    let keys = [
        NewKey::new("signer", P256, v1::Protection::Hsm),
        NewKey { digest_allowed: true, ..new("digester", P256) },
        new("edwards", Ed25519),
        new("cipher", Aes256Gcm),
        new("coder", HmacSha256),
        new("sharer", MlKem768),
        new("meeter", X25519),
        NewKey { purpose: Some(v1::Purpose::Agree), ..NewKey::new("token-meeter", P256, v1::Protection::Hsm) },
        NewKey { purpose: Some(v1::Purpose::Encrypt), ..new("opener", Rsa3072) },
        new("wrapper", Aes256Kwp),
        NewKey { exit: Some(v1::Exit::Exportable), ..new("leaver", HmacSha256) },
        NewKey { exit: Some(v1::Exit::Exportable), ..new("leaving-pair", P256) },
        new("updated", P256),
        new("rotated", P256),
        pre_active("pre-active"),
        new("active", P256),
        new("suspended", P256),
        new("revoked", P256),
        new("deactivated", P256),
        new("compromised", P256),
        pre_active("destroyed"),
        pre_active("scheduled"),
        pre_active("spare"),
    ];
    for key in keys {
        client.create_key(key).await.unwrap();
    }
    let version = |id: &str| id.parse::<KeyRef>().unwrap().at(1);
    client.suspend_key_version(&version("suspended")).await.unwrap();
    for (id, reason) in
        [("deactivated", v1::RevocationReason::Superseded), ("compromised", v1::RevocationReason::KeyCompromise)]
    {
        client.revoke_key_version(&version(id), reason, None).await.unwrap();
    }
    let day = Duration::from_secs(86_400);
    client.schedule_destroy_key_version(&version("scheduled"), day).await.unwrap();
    let key = new("expected", HmacSha256);
    let job = NewImport { job: Some("open".into()), key, public_key: None, import_algorithm: None, lifetime: None };
    client.create_import_job(job).await.unwrap();
    client.prove_key_version(&"signer".parse().unwrap()).await.unwrap();
}

/// The gRPC code of each reason, from the table that people read.
fn documented() -> HashMap<String, Code> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let reason = cells.next()?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        Some((reason, code(cells.next()?)?))
    });
    rows.collect()
}

fn code(name: &str) -> Option<Code> {
    let codes = [
        ("INVALID_ARGUMENT", Code::InvalidArgument),
        ("NOT_FOUND", Code::NotFound),
        ("ALREADY_EXISTS", Code::AlreadyExists),
        ("PERMISSION_DENIED", Code::PermissionDenied),
        ("FAILED_PRECONDITION", Code::FailedPrecondition),
        ("ABORTED", Code::Aborted),
        ("UNAUTHENTICATED", Code::Unauthenticated),
    ];
    codes.iter().find(|(known, _)| *known == name).map(|(_, code)| *code)
}
