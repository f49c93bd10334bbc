//! Configuration files for `hufud --config`, made from a development directory: its token, authority and certificates
//! with another database, another tenant or another set of principals.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::daemon::Environment;
use crate::{Daemon, Faults, ScratchSchema, Stopped, Tool, hufu, softhsm_module};

/// The database of a configuration.
#[derive(Clone, Debug)]
pub enum Storage {
    /// A fresh SQLite file.
    Sqlite,
    /// A SQLite file at a place of the test's choice.
    SqliteAt(PathBuf),
    /// A schema of a PostgreSQL.
    Postgres {
        /// The connection URL.
        url: String,
        /// The schema.
        schema: String,
    },
}

impl From<&ScratchSchema> for Storage {
    fn from(scratch: &ScratchSchema) -> Self {
        Self::Postgres { url: scratch.url.clone(), schema: scratch.schema.clone() }
    }
}

/// A configuration for tests. Certificates and PIN are those of a development start that has ended.
#[derive(Debug)]
pub struct ConfigBuilder {
    storage: Storage,
    production: bool,
    tenants: Vec<&'static str>,
    other_tenant: Option<&'static str>,
    /// The module and its environment; SoftHSM itself without.
    module: Option<(PathBuf, Environment)>,
    /// Further lines of the section `[token]`.
    token: String,
    /// How many copies of a key a group of two tokens makes, in place of one token.
    copies: Option<u32>,
    /// A roster, armoured, whose custodians hold the root in place of a token.
    roster: Option<String>,
    /// The section that makes it a holder of shares.
    holder: Option<String>,
}

/// Name of the group, and the labels of its tokens.
const GROUP: &str = "e2e";
const GROUP_LABELS: [&str; 2] = ["one", "two"];

impl ConfigBuilder {
    /// A development-mode configuration over a database.
    pub fn new(storage: Storage) -> Self {
        Self {
            storage,
            production: false,
            tenants: vec!["dev"],
            other_tenant: None,
            module: None,
            token: String::new(),
            copies: None,
            roster: None,
            holder: None,
        }
    }

    /// The same with a group of two tokens that copy keys under a key of their own.
    #[must_use]
    pub fn with_group(self, copies: u32) -> Self {
        Self { copies: Some(copies), ..self }
    }

    /// The same without a token: custodians of an armoured roster hold the root.
    #[must_use]
    pub fn with_custodians(self, roster: String) -> Self {
        Self { roster: Some(roster), ..self }
    }

    /// The same as a holder of shares, by that section; the files that it names are the test's to write. The profile `app` is that of
    /// its coordinator.
    #[must_use]
    pub fn with_holder(self, section: String) -> Self {
        Self { holder: Some(section), ..self }
    }

    /// Whether it is a holder.
    pub(crate) fn is_holder(&self) -> bool {
        self.holder.is_some()
    }

    /// The same in production mode, which refuses everything simulated.
    #[must_use]
    pub fn production(self) -> Self {
        Self { production: true, ..self }
    }

    /// The same with the token's driver in the service's own process.
    #[must_use]
    pub fn in_process(self) -> Self {
        self.with_token_line("isolation = \"in-process\"")
    }

    /// Adds another tenant, whose administrator uses the profile `operator`.
    #[must_use]
    pub fn with_other_tenant(mut self, tenant: &'static str) -> Self {
        self.tenants.push(tenant);
        self.other_tenant = Some(tenant);
        self
    }

    /// Puts a module that fails by script in front of the token.
    #[must_use]
    pub fn through(self, faults: &Faults) -> Self {
        Self { module: Some((faults.module().to_owned(), faults.environment())), ..self }
    }

    /// Adds a line to the section `[token]`.
    #[must_use]
    pub fn with_token_line(mut self, line: &str) -> Self {
        self.token.push_str(line);
        self.token.push('\n');
        self
    }

    /// What the module reads from the environment.
    pub(crate) fn environment(&self) -> Environment {
        self.module.as_ref().map(|(_, environment)| environment.clone()).unwrap_or_default()
    }

    /// Writes the configuration into the directory of a development server that has stopped, on a fresh token.
    pub(crate) fn write(&self, base: &Stopped) -> PathBuf {
        let module = self.module.as_ref().map_or_else(softhsm_module, |(module, _)| module.clone());
        let tokens = self.tokens(base, &module);
        let mode = if self.production { "production" } else { "development" };
        let mut text = format!(
            "mode = \"{mode}\"\ntenants = {tenants:?}\ndestroy_delay_min = \"0s\"\nmetrics_listen = \"127.0.0.1:0\"\n\
             [server]\nlisten = \"127.0.0.1:0\"\n[server.tls]\ncertificate = \"data/ca/server.pem\"\n\
             key = \"data/ca/server.key\"\nclient_authorities = [\"data/ca/ca.pem\"]\n\
             {tokens}\
             [ledger]\norigin = \"e2e.hufu.invalid/log\"\nlisten = \"127.0.0.1:0\"\noutside_dir = \"outside\"\n",
            tenants = self.tenants,
        );
        text.push_str(&self.storage(base));
        text.extend(self.holder.iter().map(String::as_str));
        for (name, tenant, role) in self.principals() {
            let _ = write!(
                text,
                "[[principals]]\nname = \"{name}\"\ntenant = \"{tenant}\"\nrole = \"{role}\"\n\
                 certificate = \"data/profiles/{name}.pem\"\n"
            );
        }
        let file = base.scratch().join("hufu.toml");
        fs::write(&file, text).expect("the scratch directory is writable");
        file
    }

    /// The section of the token, or of the group.
    fn tokens(&self, base: &Stopped, module: &Path) -> String {
        if let Some(roster) = &self.roster {
            fs::write(base.scratch().join("roster.hufu"), roster).expect("the scratch directory is writable");
            return "[custodians]\nroster = \"roster.hufu\"\nset = \"root.set\"\n".to_owned();
        }
        let more = &self.token;
        let of =
            |serial: &str| format!("module = {module:?}\nserial = \"{serial}\"\npin.file = \"data/pin\"\n{more}");
        let Some(copies) = self.copies else {
            return format!("[token]\n{}", of(&fresh_token(base, "e2e")));
        };
        let serials = GROUP_LABELS.map(|label| fresh_token(base, label));
        put_group_key(base, module, &serials);
        let tokens = serials.each_ref().map(|serial| format!("[[group.token]]\n{}", of(serial))).concat();
        format!("[group]\nname = \"{GROUP}\"\ncopies = {copies}\nreplication = \"wrapped\"\n{tokens}")
    }

    /// Puts a group in place of the token of a server that has stopped: that token and a new one.
    ///
    /// # Panics
    /// When the configuration is not one of a token.
    pub fn grow(stopped: &Stopped) {
        let file = stopped.scratch().join("hufu.toml");
        let text = fs::read_to_string(&file).expect("a configuration");
        let (head, rest) = text.split_once("[token]\n").expect("a token");
        let (token, tail) = rest.split_once("[ledger]").expect("a ledger");
        let old = token.split("serial = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a serial number");
        let serials = [old.to_owned(), fresh_token(stopped, "two")];
        put_group_key(stopped, &softhsm_module(), &serials);
        let tokens =
            serials.each_ref().map(|serial| format!("[[group.token]]\n{}", token.replace(old, serial))).concat();
        let group = format!("[group]\nname = \"{GROUP}\"\ncopies = 2\nreplication = \"wrapped\"\n{tokens}");
        fs::write(&file, format!("{head}{group}[ledger]{tail}")).expect("the scratch directory is writable");
    }

    /// Writes the profiles of the principals, which only a development start writes itself. Needed anew after each start.
    pub fn write_profiles(&self, daemon: &Daemon) {
        for (name, tenant, _) in self.principals() {
            let text = format!(
                "server = \"https://{}\"\ntenant = \"{tenant}\"\nca_file = \"../ca/ca.pem\"\n\
                 certificate_file = \"{name}.pem\"\nkey_file = \"{name}.key\"\n",
                daemon.address()
            );
            fs::write(daemon.profile_file(name), text).expect("the scratch directory is writable");
        }
    }

    /// Name, tenant and role.
    fn principals(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        if self.is_holder() {
            return vec![("app", "dev", "coordinator"), ("auditor", "dev", "auditor")];
        }
        let operator = match self.other_tenant {
            Some(tenant) => ("operator", tenant, "admin"),
            None => ("operator", "dev", "operator"),
        };
        vec![("admin", "dev", "admin"), operator, ("app", "dev", "application"), ("auditor", "dev", "auditor")]
    }

    fn storage(&self, base: &Stopped) -> String {
        match &self.storage {
            Storage::Sqlite => "[storage]\nkind = \"sqlite\"\npath = \"e2e.db\"\n".to_owned(),
            Storage::SqliteAt(path) => format!("[storage]\nkind = \"sqlite\"\npath = {path:?}\n"),
            Storage::Postgres { url, schema } => {
                let file = base.scratch().join("postgres.url");
                fs::write(&file, url).expect("the scratch directory is writable");
                Tool::new("chmod").args([std::ffi::OsStr::new("600"), file.as_os_str()]).ok();
                format!("[storage]\nkind = \"postgres\"\nurl_file = \"postgres.url\"\nschema = \"{schema}\"\n")
            }
        }
    }
}

/// Puts the group's key on tokens whose officers have the user's PIN.
fn put_group_key(base: &Stopped, module: &Path, serials: &[String; 2]) {
    let pin = base.dir().join("pin");
    let tokens = serials.each_ref().map(|serial| format!("--token={serial}={}", pin.display()));
    Tool::new(hufu())
        .args(["hsm", "group-key", GROUP, "--yes", "--module"])
        .args([module.as_os_str()])
        .args(&tokens)
        .env("SOFTHSM2_CONF", base.dir().join("softhsm/softhsm2.conf"))
        .ok();
}

/// Another token beside the development one, with the same PIN: a new installation must not meet the old one's keys.
fn fresh_token(base: &Stopped, label: &str) -> String {
    let conf = base.dir().join("softhsm/softhsm2.conf");
    let pin = fs::read_to_string(base.dir().join("pin")).expect("the PIN of the development token");
    let pin = pin.trim();
    Tool::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", pin])
        .env("SOFTHSM2_CONF", &conf)
        .ok();
    let slots = Tool::new("softhsm2-util").args(["--show-slots"]).env("SOFTHSM2_CONF", &conf).ok();
    let mut serial = "";
    for line in slots.lines() {
        if let Some((_, value)) = line.split_once("Serial number:") {
            serial = value.trim();
        }
        if line.split_once("Label:").is_some_and(|(_, value)| value.trim() == label) {
            return serial.to_owned();
        }
    }
    panic!("the new token is not listed: {slots}");
}
