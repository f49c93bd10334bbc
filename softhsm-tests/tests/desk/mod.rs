//! Custodians with keys in files, and a server that knows them, by the commands that people use.

#![allow(dead_code, clippy::indexing_slicing, reason = "not every test needs all of it; a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hufu_ceremony::{CeremonyPolicy, time};
use hufu_softhsm_tests::{Cli, ConfigBuilder, Daemon, Storage, wait_until};

/// Nothing here depends on how fast it is.
const LONG: Duration = Duration::from_secs(300);
pub(crate) const CUSTODIANS: [(&str, &str); 3] = [("ann", "north"), ("ben", "south"), ("cho", "east")];

const RULES: &str =
    "approvals = 2\norganisations = 2\nveto = \"auditor\"\ndelay_s = 1\nlifetime_max_s = 604800\nshares = 2\n";

/// A server that knows its custodians, who have keys of their own in files.
pub(crate) struct Scene {
    pub(crate) daemon: Daemon,
    pub(crate) builder: ConfigBuilder,
    pub(crate) deployment: String,
    pub(crate) roster_hash: String,
    pub(crate) policy_hash: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let builder = ConfigBuilder::new(Storage::Sqlite);
        let daemon = Daemon::start_config(&builder);
        let cli = daemon.cli("admin");
        cli.ok("ledger key --out log.pub");
        let key = String::from_utf8(cli.read("log.pub")).unwrap();
        let deployment = key.split('+').next().unwrap().to_owned();
        let roster_hash = enrol(&cli, &deployment);
        let rules =
            ["recovery", "drill", "refresh", "reshare"].map(|kind| format!("[rules.{kind}]\n{RULES}")).concat();
        let policy = format!("format = 1\ndeployment = \"{deployment}\"\nnumber = 1\n{rules}");
        let policy_hash = CeremonyPolicy::from_toml(&policy).unwrap().hash().to_string();
        let roster = cli.read("roster");
        cli.write("policy.toml", policy.as_bytes());
        let stopped = daemon.terminate();
        let file = |name: &str| stopped.scratch().join(name);
        fs::write(file("roster.hufu"), roster).unwrap();
        fs::write(file("ceremonies.toml"), policy).unwrap();
        let section = "[ceremonies]\nroster = \"roster.hufu\"\npolicy = \"ceremonies.toml\"\n";
        let config = fs::read_to_string(file("hufu.toml")).unwrap();
        fs::write(file("hufu.toml"), format!("{config}{section}")).unwrap();
        let daemon = stopped.start();
        builder.write_profiles(&daemon);
        Self { daemon, builder, deployment, roster_hash, policy_hash }
    }

    pub(crate) fn cli(&self) -> Cli {
        self.daemon.cli("admin")
    }

    /// Writes the file of a request, as its proposer would.
    pub(crate) fn write_request(&self, number: u64, act: &str) {
        let at = |ms: u64| time::show(ms / 1000 * 1000);
        let Self { deployment, roster_hash, policy_hash, .. } = self;
        let file = format!(
            "format = 1\ndeployment = \"{deployment}\"\nnumber = {number}\ntitle = \"The archive\"\nreason = \"It is lost\"\n\
             proposer = \"ann\"\nroster = \"{roster_hash}\"\npolicy = \"{policy_hash}\"\nnot_before = {}\n\
             expires_at = {}\n{act}",
            at(now_ms() - 60_000),
            at(now_ms() + 86_400_000),
        );
        self.cli().write("request.toml", file.as_bytes());
    }

    pub(crate) fn wait_for(&self, number: u64, state: &str) {
        let cli = self.cli();
        let show = format!("ceremony show {number}");
        let seen = wait_until(LONG, || (cli.json(&show)["state"] == state).then_some(()));
        seen.unwrap_or_else(|| panic!("it is not {state}: {}{}", cli.ok(&show), self.daemon.log()));
    }

    /// A ceremony that is ready for shares: proposed by Ann, approved by the others.
    pub(crate) fn ready(&self, number: u64, act: &str, next: &str) {
        let cli = self.cli();
        self.write_request(number, act);
        cli.ok("ceremony sign request.toml --key ann.key --pin pin --out request --passphrase-file pass --yes");
        cli.ok(&format!("ceremony propose request {next}"));
        self.wait_for(number, "collecting");
        for who in ["ben", "cho"] {
            cli.ok(&format!("ceremony transcript {number} --out so-far"));
            let source = "--transcript so-far --log-key log.pub --pin pin --policy policy.toml";
            cli.ok(&format!("ceremony approve {source} --key {who}.key --passphrase-file pass --yes --out approval"));
            cli.ok(&format!("ceremony submit {number} approval"));
        }
        self.wait_for(number, "ready");
    }
}

/// Custodians with keys in files, and a roster that each has pinned; its hash.
fn enrol(cli: &Cli, deployment: &str) -> String {
    let pass = cli.write("pass", b"a passphrase that nobody guesses\n");
    fs::set_permissions(pass, fs::Permissions::from_mode(0o600)).unwrap();
    let mut entries = String::new();
    let people = CUSTODIANS.iter().map(|(name, of)| (name, of, "officer")).chain([(&"eve", &"west", "auditor")]);
    for (name, of, role) in people {
        let who = format!("--full-name {name} --organisation {of} --role {role} --role custodian");
        let keys = format!("--suite p256 --memory-mib 64 --passphrase-file pass --out {name}.key");
        cli.ok(&format!("custodian new {name} {who} {keys}"));
        cli.ok(&format!("custodian show {name}.key --entry-out {name}.entry"));
        entries += &format!(" --entry {name}.entry");
    }
    cli.ok(&format!("custodian roster new --deployment {deployment} {entries} --out roster"));
    let shown = cli.json("custodian roster show roster");
    let words = shown["words"].as_str().unwrap().replace(' ', "-");
    cli.ok(&format!("custodian roster pin roster --pin pin --words {words}"));
    shown["hash"].as_str().unwrap().to_owned()
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
