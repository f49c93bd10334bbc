//! A mistake in the configuration is told with its field, and nothing has been touched: no key on the token, no database.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use hufu_softhsm_tests::{ConfigBuilder, Daemon, Stopped, Storage};

/// What stands in the configuration, what to put there, and what the refusal must name.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("[\"dev\"]", "[\"dev\", \"ACME\"]", "`tenants`: `ACME`"),
    ("tenant = \"dev\"\nrole = \"auditor\"", "tenant = \"nope\"\nrole = \"auditor\"", "`principals.tenant`"),
    ("role = \"auditor\"", "role = \"king\"", "`principals.role`"),
    ("name = \"auditor\"", "name = \"admin\"", "`admin` has another role"),
    ("certificate = \"data/profiles/auditor.pem\"", "pin = \"abcd\"", "`principals.pin`"),
    ("certificate = \"data/profiles/auditor.pem\"", "certificate = \"data/profiles/app.pem\"", "same public key"),
    ("e2e.hufu.invalid/log", "e2e hufu", "`ledger.origin`"),
    ("pin.file", "profile = \"luna\"\npin.file", "write one of softhsm, kryoptic, nss"),
    (
        "pin.file",
        "profile = \"nss\"\nprofile_file = \"x\"\npin.file",
        "`token.profile`: is there beside `profile_file`",
    ),
    ("pin.file", "profile_file = \"data/pin\"\npin.file", "`token.profile_file`"),
    ("pin.file", "init_string = \"\"\npin.file", "`token.init_string`"),
    ("key = \"data/ca/server.key\"", "key = \"data/profiles/app.key\"", "certificate or its key"),
    ("listen = \"127.0.0.1:0\"\n[server.tls]", "listen = \"192.0.2.1:0\"\n[server.tls]", "192.0.2.1"),
    ("outside_dir = \"new-outside\"", "outside_dir = \"outside\"", "the audit trail ends before"),
];

#[test]
fn a_mistake_is_told_before_anything_is_touched() {
    let stopped = Daemon::start_config(&ConfigBuilder::new(Storage::Sqlite)).terminate();
    let file = stopped.scratch().join("hufu.toml");
    let good = fs::read_to_string(&file).unwrap();
    // Another installation on the same token, that was never started.
    let good = good.replace("e2e.db", "new.db").replace("outside_dir = \"outside\"", "outside_dir = \"new-outside\"");
    let objects = files(&stopped.dir().join("softhsm/tokens"));
    let mut stopped = stopped;
    for (stands, mistake, told) in MISTAKES {
        assert!(good.contains(stands), "{stands}");
        fs::write(&file, good.replace(stands, mistake)).unwrap();
        stopped = refused(stopped, told);
        assert_eq!(files(&stopped.dir().join("softhsm/tokens")), objects, "{mistake}: the token was touched");
    }
    fs::write(&file, &good).unwrap();
    assert!(stopped.start().terminate().status.is_some_and(|status| status.success()));
}

fn refused(stopped: Stopped, told: &str) -> Stopped {
    let before = stopped.log().len();
    let Err(stopped) = stopped.try_start() else { unreachable!("it starts, although {told}") };
    let log = stopped.log().split_off(before);
    assert_eq!(stopped.status.and_then(|status| status.code()), Some(3), "{log}");
    assert!(log.contains(told), "`{told}` is not told: {log}");
    stopped
}

/// Number of files below a directory.
fn files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
