//! A key that custodians can recover, from its creation to its recovery, by the commands that people use: the only copy is deleted from
//! the token by another program.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hufu_ceremony::{CeremonyPolicy, time};
use hufu_softhsm_tests::{Cli, ConfigBuilder, Daemon, Storage, Tool, softhsm_module, wait_until};

/// Nothing here depends on how fast it is.
const LONG: Duration = Duration::from_secs(300);
/// The token of a configured server.
const TOKEN: &str = "e2e";
const CUSTODIANS: [(&str, &str); 3] = [("ann", "north"), ("ben", "south"), ("cho", "east")];

const RULES: &str =
    "approvals = 2\norganisations = 2\nveto = \"auditor\"\ndelay_s = 1\nlifetime_max_s = 604800\nshares = 2\n";

/// A server that knows its custodians, who have keys of their own in files.
struct Scene {
    daemon: Daemon,
    builder: ConfigBuilder,
    deployment: String,
    roster_hash: String,
    policy_hash: String,
}

impl Scene {
    fn new() -> Self {
        let builder = ConfigBuilder::new(Storage::Sqlite);
        let daemon = Daemon::start_config(&builder);
        let cli = daemon.cli("admin");
        cli.ok("ledger key --out log.pub");
        let key = String::from_utf8(cli.read("log.pub")).unwrap();
        let deployment = key.split('+').next().unwrap().to_owned();
        let roster_hash = enrol(&cli, &deployment);
        let rules = format!("[rules.recovery]\n{RULES}[rules.drill]\n{RULES}");
        let policy = format!("format = 1\ndeployment = \"{deployment}\"\nnumber = 1\n{rules}");
        let policy_hash = CeremonyPolicy::from_toml(&policy).unwrap().hash().to_string();
        let roster = cli.read("roster");
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

    fn cli(&self) -> Cli {
        self.daemon.cli("admin")
    }

    /// Writes the file of a request, as its proposer would.
    fn write_request(&self, number: u64, act: &str) {
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

    fn wait_for(&self, number: u64, state: &str) {
        let cli = self.cli();
        let show = format!("ceremony show {number}");
        let seen = wait_until(LONG, || (cli.json(&show)["state"] == state).then_some(()));
        seen.unwrap_or_else(|| panic!("it is not {state}: {}{}", cli.ok(&show), self.daemon.log()));
    }

    /// A ceremony that is ready for shares: proposed by Ann, approved by the others.
    fn ready(&self, number: u64, kind: &str) {
        let cli = self.cli();
        let drill = if kind == "drill" { "--drill" } else { "" };
        let act = cli.ok(&format!("ceremony target archive {drill} --log-key log.pub --out evidence"));
        self.write_request(number, &act);
        cli.ok("ceremony sign request.toml --key ann.key --pin pin --out request --passphrase-file pass --yes");
        cli.ok("ceremony propose request");
        self.wait_for(number, "collecting");
        for who in ["ben", "cho"] {
            cli.ok(&format!("ceremony transcript {number} --out so-far"));
            let source = "--transcript so-far --log-key log.pub --pin pin";
            cli.ok(&format!("ceremony approve {source} --key {who}.key --passphrase-file pass --yes --out approval"));
            cli.ok(&format!("ceremony submit {number} approval"));
        }
        self.wait_for(number, "ready");
    }

    /// The keys of the configured token, as another program sees them.
    fn token(&self, more: &[&str]) -> String {
        pkcs11_tool(&self.daemon.dir(), more)
    }

    fn secrets(&self) -> BTreeSet<String> {
        let listed = self.token(&["--list-objects", "--type", "secrkey"]);
        listed.lines().filter_map(|line| line.trim().strip_prefix("ID:")).map(|id| id.trim().to_owned()).collect()
    }
}

fn pkcs11_tool(dir: &Path, more: &[&str]) -> String {
    let pin = fs::read_to_string(dir.join("pin")).unwrap();
    let module = softhsm_module();
    Tool::new("pkcs11-tool")
        .args([OsStr::new("--module"), module.as_os_str()])
        .args(["--token-label", TOKEN, "--login", "--pin", pin.trim()])
        .args(more)
        .env("SOFTHSM2_CONF", dir.join("softhsm/softhsm2.conf"))
        .ok()
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

#[test]
fn a_key_whose_only_copy_is_gone_is_rehearsed_recovered_and_rotated() {
    let scene = Scene::new();
    let cli = scene.cli();
    let before = scene.secrets();
    let sharing = "--threshold 2/3 --custodian ann --custodian ben --custodian cho";
    cli.ok(&format!("key create archive --algorithm aes256-gcm --protection hsm {sharing}"));
    cli.refused("NOT_RECOVERABLE", &format!("key create signs --algorithm p256 --protection hsm {sharing}"));
    let ours: Vec<String> = scene.secrets().difference(&before).cloned().collect();
    assert_eq!(ours.len(), 1, "one object, and no import key is left: {ours:?}");
    cli.write("plain", b"what must not be lost");
    cli.ok("encrypt archive --in plain --out sealed");
    let sets = cli.json("share-set list");
    let set = sets["share_sets"][0]["name"].as_str().unwrap().to_owned();
    for (name, _) in CUSTODIANS {
        cli.ok(&format!("custodian share fetch --set {set} --name {name} --log-key log.pub --out {name}.share"));
    }

    scene.ready(1, "drill");
    let give = |number: u64, who: &str, more: &str| {
        let own = format!("--as {who}.key --share {who}.share --passphrase-file pass --yes");
        format!("ceremony submit-share {number} {own} --pin pin --log-key log.pub {more}")
    };
    cli.ok(&give(1, "ann", ""));
    cli.refused("CEREMONY_REFUSED", "ceremony execute 1 --yes");
    // Ben's machine has no network: everything it needs is carried there, and what it makes is carried back.
    cli.ok("ceremony transcript 1 --out so-far");
    cli.ok(&give(1, "ben", "--transcript so-far --evidence evidence --out brought"));
    cli.ok("ceremony submit 1 brought");
    assert_eq!(cli.json("ceremony execute 1 --yes")["state"], "executed");
    cli.ok("decrypt archive --in sealed --out opened");

    let id = ours.first().unwrap().clone();
    let stopped = scene.daemon.terminate();
    pkcs11_tool(&stopped.dir(), &["--delete-object", "--type", "secrkey", "--id", &id]);
    let daemon = stopped.start();
    scene.builder.write_profiles(&daemon);
    let scene = Scene { daemon, ..scene };
    let cli = scene.cli();
    assert_ne!(cli.run("decrypt archive --in sealed --out opened").code, 0, "nothing opens it any more");

    scene.ready(2, "recovery");
    // A share for another ceremony does nothing here.
    assert!(cli.fails(1, "ceremony submit 2 brought").contains("SHARE_REFUSED"));
    for who in ["cho", "ann"] {
        cli.ok(&give(2, who, ""));
    }
    let done = cli.json("ceremony execute 2 --yes");
    assert_eq!(done["state"], "executed", "{}", scene.daemon.log());
    cli.ok("decrypt archive --in sealed --out opened");
    assert_eq!(cli.read("opened"), b"what must not be lost");
    assert!(!scene.secrets().contains(&id), "it is a new object");
    assert_eq!(scene.secrets().difference(&before).count(), 2, "the recovered version and the one that took over");
    cli.ok("ceremony transcript 2 --out transcript");
    let words = cli.ok("ceremony verify transcript --pin pin --log-key log.pub");
    assert!(words.contains("archive/versions/2 took over"), "{words}");
    cli.ok("encrypt archive --in plain --out anew");
    cli.ok("decrypt archive --in anew --out opened");
}
