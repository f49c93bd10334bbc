//! Bad resource names, wherever a request has one.

use super::Row;
use super::base::{Base, Kind};

/// Names that are none, whatever is to be named.
const MALFORMED: [&str; 26] = [
    "x",
    " ",
    "/",
    "tenants",
    "tenants/",
    "tenants//keys/k",
    "tenants/Dev/keys/signer",
    "tenants/dév/keys/signer",
    "tenants/../keys/signer",
    "tenants/dev/keys/..",
    "tenants/dev/keys/Signer",
    "tenants/dev/keys/клю́ч",
    "tenants/dev/keys/signer/",
    "/tenants/dev/keys/signer",
    "tenants/dev/keys/signer\n",
    "tenants/dev/keys/sign\0er",
    "tenants/dev/keys/-signer",
    "tenants/dev/keys/signer-",
    "tenants/dev/keys/1signer",
    "tenants/dev/tokens/signer",
    "tenants/dev/keys/signer/versions/",
    "tenants/dev/keys/signer/versions/0",
    "tenants/dev/keys/signer/versions/01",
    "tenants/dev/keys/signer/versions/+1",
    "tenants/dev/keys/signer/versions/4294967296",
    "tenants/dev/keys/signer/versions/99999999999999999999999",
];

pub(crate) fn rows(base: &Base) -> Vec<Row> {
    let Some(kind) = base.kind else { return Vec::new() };
    let row = |name: &str, reason| {
        let shown: String = name.chars().take(60).collect();
        Row::new(format!("name `{shown}`"), base.with_bytes(base.name_at, name.as_bytes()), reason)
    };
    let mut rows = vec![row("", "MISSING_FIELD")];
    rows.extend(MALFORMED.iter().map(|name| row(name, "INVALID_NAME")));
    let long = "a".repeat(64);
    for name in [format!("tenants/{long}"), format!("tenants/dev/keys/{long}"), "a".repeat(10_000)] {
        rows.push(row(&name, "INVALID_NAME"));
    }
    rows.extend(wrong_kind(kind).iter().map(|name| row(name, "INVALID_NAME")));
    for tenant in ["tenants/other", "tenants/system", "tenants/nobody"] {
        rows.push(row(&base.name.replace("tenants/dev", tenant), "PERMISSION_DENIED"));
    }
    rows.extend(unknown(kind).iter().map(|(name, reason)| row(name, reason)));
    rows
}

fn wrong_kind(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Tenant => &["tenants/dev/keys/signer", "tenants/dev/keys/signer/versions/1"],
        Kind::Key => &["tenants/dev", "tenants/dev/keys/signer/versions/1"],
        Kind::Version => &["tenants/dev", "tenants/dev/keys/signer"],
        Kind::Either => &["tenants/dev", "tenants/dev/keys"],
        Kind::Job => {
            &["tenants/dev", "tenants/dev/keys/signer", "tenants/dev/importJobs/", "tenants/dev/importJobs/A"]
        }
    }
}

fn unknown(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Tenant => &[],
        Kind::Job => &[("tenants/dev/importJobs/nobody", "IMPORT_JOB_NOT_FOUND")],
        Kind::Key => &[("tenants/dev/keys/nobody", "KEY_NOT_FOUND")],
        Kind::Version => &[
            ("tenants/dev/keys/nobody/versions/1", "KEY_NOT_FOUND"),
            ("tenants/dev/keys/spare/versions/77", "VERSION_NOT_FOUND"),
        ],
        Kind::Either => {
            &[("tenants/dev/keys/nobody", "KEY_NOT_FOUND"), ("tenants/dev/keys/nobody/versions/1", "KEY_NOT_FOUND")]
        }
    }
}
