//! Servers of one deployment: one schema of a PostgreSQL, one token.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hufu_sdk::{Client, Profile};

use crate::daemon::ready_address;
use crate::{Cli, ConfigBuilder, Daemon, ScratchSchema, Stopped, Storage, Tool, Wire, hufud, wait_until};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// What the servers of a deployment share.
#[derive(Debug)]
pub struct Deployment {
    base: Stopped,
    schema: ScratchSchema,
    configuration: String,
}

/// One of its servers, with a wire of its own to the database. Dropped, it is killed.
#[derive(Debug)]
pub struct Replica {
    name: &'static str,
    directory: PathBuf,
    child: Child,
    address: SocketAddr,
    wire: Wire,
}

impl Deployment {
    /// A fresh token and certificates, and a schema in which there is nothing yet.
    pub fn new(schema: ScratchSchema) -> Self {
        let base = Daemon::start_dev().terminate();
        let file = ConfigBuilder::new(Storage::from(&schema)).write(&base);
        let configuration = fs::read_to_string(file).expect("the configuration that was written");
        Self { base, schema, configuration }
    }

    /// What all its servers share but the database and the token.
    pub fn scratch(&self) -> &Path {
        self.base.scratch()
    }

    /// Adds a section to the configuration of servers that start from now on.
    pub fn configure(&mut self, section: &str) {
        self.configuration.push_str(section);
    }

    /// Starts a server; the first one begins the deployment. The same name again goes on where that server was.
    pub fn start(&self, name: &'static str) -> Replica {
        let directory = self.base.scratch();
        let (authority, database) = self.database();
        let wire = Wire::to(&authority);
        let url_file = directory.join(format!("{name}.url"));
        fs::write(&url_file, database.replace(&authority, &wire.address().to_string())).expect("a scratch directory");
        Tool::new("chmod").args([std::ffi::OsStr::new("600"), url_file.as_os_str()]).ok();
        let configuration = self
            .configuration
            .replace("postgres.url", &format!("{name}.url"))
            .replace("outside_dir = \"outside\"", &format!("outside_dir = \"outside-{name}\""));
        let file = directory.join(format!("{name}.toml"));
        fs::write(&file, configuration).expect("a scratch directory");
        let (child, address) = launch(directory, name, &file, &self.base.dir().join("softhsm/softhsm2.conf"));
        Replica { name, directory: directory.to_owned(), child, address, wire }
    }

    /// Host and port of the database, and its whole URL.
    fn database(&self) -> (String, String) {
        let url = &self.schema.url;
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        assert!(authority.contains(':'), "the URL of the test's PostgreSQL names a port");
        (authority.to_owned(), url.clone())
    }
}

impl Replica {
    /// The SDK, as one of the principals. Call it on a Tokio runtime.
    pub fn client(&self, principal: &str) -> Client {
        let profile = Profile::load(self.profile(principal)).expect("a profile that can be read");
        Client::new(&profile).expect("a profile that can be used")
    }

    /// The command, as one of the principals.
    pub fn cli(&self, principal: &str) -> Cli {
        Cli::new(&self.directory, &self.profile(principal))
    }

    /// Its way to the database.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Asks it to stop with SIGTERM, and waits, however long that takes. Its exit code.
    pub fn terminate(mut self, limit: Duration) -> Option<i32> {
        Tool::new("kill").args(["-TERM", &self.child.id().to_string()]).ok();
        wait_until(limit, || self.child.try_wait().expect("its state")).and_then(|status| status.code())
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join(format!("{}.log", self.name))).unwrap_or_default()
    }

    fn profile(&self, principal: &str) -> PathBuf {
        let file = self.directory.join("data/profiles").join(format!("{principal}-{}.toml", self.name));
        let text = format!(
            "server = \"https://{}\"\ntenant = \"dev\"\nca_file = \"../ca/ca.pem\"\ncertificate_file = \"{principal}.pem\"\n\
             key_file = \"{principal}.key\"\n",
            self.address
        );
        fs::write(&file, text).expect("a scratch directory");
        file
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // If it has ended by itself there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            println!(
                "log of {}:\n{}",
                self.name,
                lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
            );
        }
    }
}

fn launch(directory: &Path, name: &str, config: &Path, softhsm: &Path) -> (Child, SocketAddr) {
    let said = directory.join(format!("{name}.out"));
    let log_file = directory.join(format!("{name}.log"));
    let log = File::options().create(true).append(true).open(&log_file).expect("a log file");
    let mut child = Command::new(hufud())
        .arg("--config")
        .arg(config)
        .env("SOFTHSM2_CONF", softhsm)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(File::create(&said).expect("a file for standard output"))
        .stderr(log)
        .spawn()
        .expect("`hufud` can be started");
    let ready = wait_until(READY_WITHIN, || {
        let ended = child.try_wait().is_ok_and(|ended| ended.is_some());
        ready_address(&said).map(Some).or_else(|| ended.then_some(None))
    });
    let Some(Some(address)) = ready else {
        let _ = child.kill();
        panic!("`{name}` did not become ready: {}", fs::read_to_string(&log_file).unwrap_or_default());
    };
    (child, address)
}
