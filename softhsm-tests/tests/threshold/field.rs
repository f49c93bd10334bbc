//! A service and three holders, each a `hufud` of its own, and the desk of a requester.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hufu_softhsm_tests::{Cli, ConfigBuilder, Daemon, Stopped, Storage, Tool, hufu, softhsm_module};
use tempfile::TempDir;

use super::relay::{Behind, Relays};

pub(crate) const HOLDERS: [&str; 3] = ["north", "south", "west"];
const MEMBERS: &str = "--member north --member south --member west";
/// The requester's options.
pub(crate) const AS: &str = "--as wallet.key --passphrase-file pass";

/// How it all is set up.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setting {
    /// Whether the holders' policies let the service destroy shares.
    pub(crate) may_destroy: bool,
    /// Whether relays stand between the service and its holders.
    pub(crate) relayed: bool,
    /// Whether the first holder's own keys are on a token.
    pub(crate) on_token: bool,
}

/// A service, its holders, and where people work.
pub(crate) struct Field {
    pub(crate) service: Option<Daemon>,
    pub(crate) holders: Vec<Option<Daemon>>,
    relays: Option<Relays>,
    desk: TempDir,
    builder: ConfigBuilder,
}

impl Field {
    /// Everything made from nothing, with the command alone, and running.
    pub(crate) fn new(setting: Setting) -> Self {
        let desk = tempfile::tempdir().unwrap();
        let builder = ConfigBuilder::new(Storage::Sqlite);
        let first = Daemon::start_config(&builder);
        let origin = first.cli("admin").json("ledger key")["origin"].as_str().unwrap().to_owned();
        let service = first.terminate();
        let prepared = HOLDERS.map(|_| Daemon::prepare(&ConfigBuilder::new(Storage::Sqlite)));
        let pin = enrol(desk.path(), &origin, &prepared[0], setting);
        let start = |(prepared, name): (Stopped, &str)| {
            let token = setting.on_token && name == HOLDERS[0];
            start_holder((name, token), prepared, desk.path(), &service, (&origin, &pin), setting)
        };
        let holders: Vec<_> = prepared.into_iter().zip(HOLDERS).map(start).collect();
        let relays = setting.relayed.then(|| relays(&service, &holders));
        let own: Vec<_> = holders.iter().map(Daemon::address).collect();
        let addresses = relays.as_ref().map_or(own.as_slice(), |relays| &relays.addresses);
        add_threshold(&service, desk.path(), &pin, &holders, addresses);
        let service = service.start();
        builder.write_profiles(&service);
        Self { service: Some(service), holders: holders.into_iter().map(Some).collect(), relays, desk, builder }
    }

    pub(crate) fn relays(&self) -> &Relays {
        self.relays.as_ref().unwrap()
    }

    /// The command at the requester's desk.
    pub(crate) fn cli(&self) -> Cli {
        Cli::new(self.desk.path(), &self.service().profile_file("admin"))
    }

    pub(crate) fn service(&self) -> &Daemon {
        self.service.as_ref().unwrap()
    }

    /// Makes a key of all three.
    pub(crate) fn create(&self, name: &str, how: &str, threshold: u8) {
        self.cli().ok(&self.creation(name, how, threshold));
    }

    /// The line that makes it.
    pub(crate) fn creation(&self, name: &str, how: &str, threshold: u8) -> String {
        format!("key create {name} {how} --protection threshold --threshold {threshold}/3 {MEMBERS} {AS}")
    }

    pub(crate) fn kill(&mut self, at: usize) -> Stopped {
        self.holders[at].take().unwrap().kill()
    }

    pub(crate) fn restart(&mut self, at: usize, stopped: Stopped) {
        self.holders[at] = Some(stopped.start());
    }

    pub(crate) fn restart_service(&mut self) {
        let service = self.service.take().unwrap().kill().start();
        self.builder.write_profiles(&service);
        self.service = Some(service);
    }

    /// Waits until the service has heard that this many holders answer.
    pub(crate) fn wait_for(&self, serving: usize) {
        let heard = || {
            let status = self.cli().json("hsm status");
            let is_up = |device: &&serde_json::Value| {
                HOLDERS.contains(&device["serial"].as_str().unwrap_or_default()) && device["health"] == "ok"
            };
            (status["devices"].as_array().unwrap().iter().filter(is_up).count() == serving).then_some(())
        };
        hufu_softhsm_tests::wait_until(std::time::Duration::from_secs(30), heard).unwrap();
    }
}

/// Makes the keys of all, and the roster; answers with its hash in words.
fn enrol(desk: &Path, origin: &str, first: &Stopped, setting: Setting) -> String {
    let cli = Cli::new(desk, Path::new("there-is-none"));
    private(&cli.write("pass", b"nine words that nobody else would ever think of"));
    let mut entries = String::new();
    for (name, role) in
        HOLDERS.map(|name| (name, "holder")).into_iter().chain([("wallet", "requester"), ("thief", "requester")])
    {
        let who = format!("{name} --full-name {name} --organisation {name} --role {role}");
        if setting.on_token && name == HOLDERS[0] {
            new_on_token(&cli, &who, first);
        } else {
            cli.ok(&format!("custodian new {who} --memory-mib 64 --out {name}.key --passphrase-file pass"));
        }
        cli.ok(&format!("custodian show {name}.key --entry-out {name}.entry"));
        let _ = write!(entries, " --entry {name}.entry");
    }
    cli.ok(&format!("custodian roster new --deployment {origin}{entries} --out holders.roster"));
    cli.json("custodian roster show holders.roster")["words"].as_str().unwrap().to_owned()
}

/// Keys of a holder on a token of its own, beside that of its root.
fn new_on_token(cli: &Cli, who: &str, holder: &Stopped) {
    let softhsm = holder.dir().join("softhsm/softhsm2.conf");
    let pin = holder.dir().join("pin");
    let user = fs::read_to_string(&pin).unwrap();
    Tool::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "own", "--pin", user.trim(), "--so-pin", user.trim()])
        .env("SOFTHSM2_CONF", &softhsm)
        .ok();
    Tool::new(hufu())
        .args(["custodian", "new"])
        .args(who.split(' '))
        .args(["--label", "own", "--out", "north.key", "--module"])
        .args([softhsm_module().as_os_str(), "--pin-file".as_ref(), pin.as_os_str()])
        .env("SOFTHSM2_CONF", &softhsm)
        .dir(cli.dir())
        .ok();
}

/// Relays before holders that run.
fn relays(service: &Stopped, holders: &[Daemon]) -> Relays {
    let profiles = service.dir().join("profiles");
    let cas: Vec<_> = holders.iter().map(|holder| holder.dir().join("ca")).collect();
    let behind = |(holder, ca)| Behind { ca, address: Daemon::address(holder) };
    let behind: Vec<_> = holders.iter().zip(&cas).map(|(holder, ca)| behind((holder, ca.as_path()))).collect();
    Relays::new(&behind, &profiles.join("operator.pem"), &profiles.join("operator.key"))
}

fn start_holder(
    (name, on_token): (&str, bool),
    prepared: Stopped,
    desk: &Path,
    service: &Stopped,
    of: (&str, &str),
    setting: Setting,
) -> Daemon {
    let (origin, pin) = of;
    let may_destroy = setting.may_destroy;
    let dir = prepared.scratch().to_owned();
    let file = |name: &str| desk.join(name);
    let policy = dir.join("policy.toml");
    let rules = "[[requester]]\nname = \"wallet\"\nkeys = [\"tenants/dev/keys/*\"]\nmay_generate = true\n";
    let head = format!("format = 1\nmandate_lifetime_s_max = 600\ncoordinator_may_destroy = {may_destroy}\n");
    fs::write(&policy, format!("{head}{rules}")).unwrap();
    let config = dir.join("hufu.toml");
    let text = fs::read_to_string(&config).unwrap();
    let (head, _) = text.split_once("[[principals]]").unwrap();
    let authority = service.dir().join("ca/ca.pem");
    let head = head.replace("client_authorities = [", &format!("client_authorities = [{authority:?}, "));
    let holder = format!(
        "[holder]\nname = \"{name}\"\ndeployment = \"{origin}\"\nroster = {roster:?}\npin = \"{pin}\"\npolicy = {policy:?}\n\
         identity = {identity:?}\npassphrase.file = {pass:?}\n{module}",
        roster = file("holders.roster"),
        identity = file(&format!("{name}.key")),
        pass = if on_token { prepared.dir().join("pin") } else { file("pass") },
        module = if on_token { format!("module = {:?}\n", softhsm_module()) } else { String::new() },
    );
    let principal = format!(
        "[[principals]]\nname = \"kms\"\ntenant = \"dev\"\nrole = \"coordinator\"\ncertificate = {:?}\n",
        service.dir().join("profiles/operator.pem")
    );
    fs::write(&config, format!("{head}{holder}{principal}")).unwrap();
    let daemon = prepared.with_arguments(&["--role", "holder"]).start();
    // The next start is to be found at the same place.
    let text = fs::read_to_string(&config).unwrap();
    let listen = format!("[server]\nlisten = \"{}\"", daemon.address());
    fs::write(&config, text.replace("[server]\nlisten = \"127.0.0.1:0\"", &listen)).unwrap();
    daemon
}

fn add_threshold(service: &Stopped, desk: &Path, pin: &str, holders: &[Daemon], addresses: &[SocketAddr]) {
    let profiles = service.dir().join("profiles");
    let (roster, certificate, key) =
        (desk.join("holders.roster"), profiles.join("operator.pem"), profiles.join("operator.key"));
    let mut text = format!(
        "[threshold]\nroster = {roster:?}\npin = \"{pin}\"\ncertificate = {certificate:?}\nkey = {key:?}\ndestruction_wait = \"0s\"\n"
    );
    for ((name, holder), address) in HOLDERS.iter().zip(holders).zip(addresses) {
        let authorities = holder.dir().join("ca/ca.pem");
        let _ = write!(
            text,
            "[[threshold.holder]]\nname = \"{name}\"\naddress = \"https://{address}\"\nauthorities = {authorities:?}\n"
        );
    }
    let config = service.scratch().join("hufu.toml");
    let before = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{before}{text}")).unwrap();
}

fn private(path: &PathBuf) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
