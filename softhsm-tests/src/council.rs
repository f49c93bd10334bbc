//! Custodians with keys in files, who hold ceremonies in a service by the commands that people use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hufu_ceremony::{CeremonyPolicy, Pins, time};
use hufu_custodian::{Label, Roster, VerifyingKey, armour};
use hufu_tlog::VerifierKey;
use serde_json::Value;

use crate::{Cli, Stopped};

/// Name, organisation and role. The first one proposes.
const PEOPLE: [(&str, &str, &str); 4] = [
    ("ann", "north", "officer"),
    ("ben", "south", "officer"),
    ("cho", "east", "officer"),
    ("eve", "west", "auditor"),
];

/// Four people, what they wrote down of the service, and the policy that they gave themselves. Their files are beside where the
/// command runs: `NAME.key`, `NAME.entry`, `pass`, `roster`, `pin`, `log.pub`, `policy.toml`.
#[derive(Debug)]
pub struct Council {
    desk: PathBuf,
    deployment: String,
    proposer: &'static str,
    policy: String,
    pins: Pins,
}

impl Council {
    /// Of a service that is running. `rules` are the tables of the policy.
    pub fn of(cli: &Cli, rules: &str) -> Self {
        cli.ok("ledger key --out log.pub");
        let key = String::from_utf8(cli.read("log.pub")).unwrap();
        enrol(cli, VerifierKey::parse(key.trim()).unwrap().name());
        Self::seated(cli, rules, "ann")
    }

    /// Of people whose files are there already; one of them proposes.
    pub fn seated(cli: &Cli, rules: &str, proposer: &'static str) -> Self {
        let key = String::from_utf8(cli.read("log.pub")).unwrap();
        let key = VerifierKey::parse(key.trim()).unwrap();
        let deployment = key.name().to_owned();
        let policy = format!("format = 1\ndeployment = \"{deployment}\"\nnumber = 1\n{rules}");
        cli.write("policy.toml", policy.as_bytes());
        let roster = armour::read_as(Label::Roster, &String::from_utf8(cli.read("roster")).unwrap()).unwrap();
        let pins = Pins {
            roster: Roster::from_bytes(&roster).unwrap().hash(),
            policy: Some(CeremonyPolicy::from_toml(&policy).unwrap().hash()),
            service: VerifyingKey::from_ed25519(key.public_key()).unwrap(),
            seen: None,
        };
        Self { desk: cli.dir().to_owned(), deployment, proposer, policy, pins }
    }

    /// Writes roster and policy into a directory. What the configuration of a server beside them must say.
    pub fn write(&self, directory: &Path) -> &'static str {
        fs::copy(self.desk.join("roster"), directory.join("roster.hufu")).unwrap();
        fs::write(directory.join("ceremonies.toml"), &self.policy).unwrap();
        "[ceremonies]\nroster = \"roster.hufu\"\npolicy = \"ceremonies.toml\"\n"
    }

    /// Puts roster and policy beside a stopped server and into its configuration: they are in force from the next start on.
    pub fn join(&self, stopped: &Stopped) {
        let directory = stopped.scratch().join("council");
        fs::create_dir(&directory).unwrap();
        let section = self.write(&directory).replace("= \"", "= \"council/");
        let file = stopped.scratch().join("hufu.toml");
        fs::write(&file, format!("{}{section}", fs::read_to_string(&file).unwrap())).unwrap();
    }

    /// What whoever verifies a transcript knows.
    pub fn pins(&self) -> Pins {
        self.pins.clone()
    }

    /// A request, as its proposer writes and signs it: the file `request`, and what is in it.
    pub fn proposal(&self, cli: &Cli, number: u64, act: &str) -> Vec<u8> {
        let cli = cli.in_dir(&self.desk);
        let at = |ms: u64| time::show(ms / 1000 * 1000);
        let (Self { deployment, proposer, .. }, Pins { roster, policy, .. }) = (self, &self.pins);
        let file = format!(
            "format = 1\ndeployment = \"{deployment}\"\nnumber = {number}\ntitle = \"A title\"\nreason = \"A reason\"\n\
             proposer = \"{proposer}\"\nroster = \"{}\"\npolicy = \"{}\"\nnot_before = {}\nexpires_at = {}\n{act}",
            hex::encode(roster.0),
            policy.unwrap(),
            at(now_ms() - 60_000),
            at(now_ms() + 86_400_000),
        );
        cli.write("request.toml", file.as_bytes());
        cli.ok(&format!(
            "ceremony sign request.toml --key {proposer}.key --pin pin --out request --passphrase-file pass --yes"
        ));
        armour::read_as(Label::Request, &String::from_utf8(cli.read("request")).unwrap()).unwrap()
    }

    /// Proposes, with what else the command is to be told.
    pub fn propose(&self, cli: &Cli, number: u64, act: &str, more: &str) -> Value {
        self.proposal(cli, number, act);
        cli.in_dir(&self.desk).json(&format!("ceremony propose request {more}"))
    }

    /// What one of them signs, from what the service shows.
    pub fn approval(&self, cli: &Cli, number: u64, who: &str) -> Vec<u8> {
        let cli = cli.in_dir(&self.desk);
        cli.ok(&format!("ceremony transcript {number} --out so-far"));
        let source = "--transcript so-far --log-key log.pub --pin pin --policy policy.toml";
        cli.ok(&format!("ceremony approve {source} --key {who}.key --passphrase-file pass --yes --out approval"));
        armour::read_as(Label::Approval, &String::from_utf8(cli.read("approval")).unwrap()).unwrap()
    }

    /// Approves as one of them.
    pub fn approve(&self, cli: &Cli, number: u64, who: &str) {
        self.approval(cli, number, who);
        cli.in_dir(&self.desk).ok(&format!("ceremony submit {number} approval"));
    }
}

/// Everyone makes keys, and pins the roster of all.
fn enrol(cli: &Cli, deployment: &str) {
    let pass = cli.write("pass", b"a passphrase that nobody guesses\n");
    fs::set_permissions(pass, fs::Permissions::from_mode(0o600)).unwrap();
    let mut entries = String::new();
    for (name, of, role) in PEOPLE {
        let who = format!("--full-name {name} --organisation {of} --role {role} --role custodian");
        let keys = format!("--suite p256 --memory-mib 64 --passphrase-file pass --out {name}.key");
        cli.ok(&format!("custodian new {name} {who} {keys}"));
        cli.ok(&format!("custodian show {name}.key --entry-out {name}.entry"));
        entries += &format!(" --entry {name}.entry");
    }
    cli.ok(&format!("custodian roster new --deployment {deployment} {entries} --out roster"));
    let shown = cli.json("custodian roster show roster");
    let words = shown.get("words").and_then(Value::as_str).unwrap().replace(' ', "-");
    cli.ok(&format!("custodian roster pin roster --pin pin --words {words}"));
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}
