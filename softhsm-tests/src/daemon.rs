//! A running `hufud`.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hufu_sdk::{Client, Profile};
use tempfile::TempDir;

use crate::{Cli, ConfigBuilder, Faults, Tool, hufud};

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// A running `hufud`. Dropped, it is killed; its directory goes with it.
#[derive(Debug)]
pub struct Daemon {
    scratch: TempDir,
    launch: Launch,
    child: Child,
    address: SocketAddr,
}

/// How it was started.
#[derive(Clone, Debug, Default)]
struct Launch {
    arguments: Vec<String>,
    /// Where SoftHSM finds its tokens; a development start sees to that itself.
    softhsm_conf: Option<Box<Path>>,
    /// Whose process it is, when it is not the caller's own.
    user: Option<u32>,
    /// Where it logs, when not beside its data.
    log: Option<Box<Path>>,
    /// What its PKCS#11 module reads from the environment.
    environment: Environment,
}

/// Variables of the environment, with paths as their values.
pub(crate) type Environment = Vec<(&'static str, PathBuf)>;

/// A daemon that does not run, whose directory is still there.
#[derive(Debug)]
pub struct Stopped {
    scratch: TempDir,
    launch: Launch,
    /// How it ended; nothing if it was killed.
    pub status: Option<ExitStatus>,
}

impl Daemon {
    /// A development server on a directory of its own.
    pub fn start_dev() -> Self {
        Self::start_dev_with(&[])
    }

    /// A development server with further arguments.
    pub fn start_dev_with(further: &[&str]) -> Self {
        let (scratch, launch) = dev(further);
        Self::start(scratch, launch)
    }

    /// A development server on a token behind a module that fails by script.
    pub fn start_dev_through(faults: &Faults) -> Self {
        let (scratch, launch) = dev(&[]);
        Self::start(scratch, launch.on_module(faults.module(), faults.environment()))
    }

    /// A development server whose log goes to a file of the test's choice.
    pub fn start_dev_logging_to(file: &Path) -> Self {
        let (scratch, launch) = dev(&[]);
        Self::start(scratch, Launch { log: Some(file.into()), ..launch })
    }

    /// A development server as another user; the caller must be root, and that user must be able to run the program.
    ///
    /// # Errors
    /// The stopped daemon, with its exit status.
    pub fn try_start_dev_as(user: u32) -> Result<Self, Stopped> {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        std::os::unix::fs::chown(scratch.path(), Some(user), Some(user)).expect("root may give a directory away");
        let data = scratch.path().join("data");
        let arguments = ["--dev", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        let arguments = arguments.map(str::to_owned).to_vec();
        Self::try_start(scratch, Launch { arguments, user: Some(user), ..Launch::default() })
    }

    /// A server with a configuration of its own, on the certificates and the PIN of a development start.
    pub fn start_config(builder: &ConfigBuilder) -> Self {
        match Self::try_start_config(builder) {
            Ok(daemon) => daemon,
            Err(stopped) => panic!("`hufud` did not become ready: {}", stopped.log()),
        }
    }

    /// As [`Self::start_config`], and hands the directory back if the start is refused.
    ///
    /// # Errors
    /// The stopped daemon, with its exit status.
    pub fn try_start_config(builder: &ConfigBuilder) -> Result<Self, Stopped> {
        let daemon = Self::prepare(builder).try_start()?;
        builder.write_profiles(&daemon);
        Ok(daemon)
    }

    /// A server that was never started, with its configuration in `hufu.toml` of its directory.
    pub fn prepare(builder: &ConfigBuilder) -> Stopped {
        let base = Self::start_dev().terminate();
        let file = builder.write(&base);
        let mut arguments = vec!["--config".to_owned(), file.to_str().unwrap().to_owned()];
        if builder.is_holder() {
            arguments.extend(["--role", "holder"].map(str::to_owned));
        }
        let launch = Launch {
            arguments,
            softhsm_conf: Some(base.dir().join("softhsm/softhsm2.conf").into()),
            environment: builder.environment(),
            ..Launch::default()
        };
        Stopped { scratch: base.scratch, launch, status: None }
    }

    fn start(scratch: TempDir, launch: Launch) -> Self {
        match Self::try_start(scratch, launch) {
            Ok(daemon) => daemon,
            Err(stopped) => panic!("`hufud` did not become ready: {}", stopped.log()),
        }
    }

    fn try_start(scratch: TempDir, launch: Launch) -> Result<Self, Stopped> {
        let said = scratch.path().join("hufud.out");
        let log = launch.log.clone().unwrap_or_else(|| log_file(&scratch).into());
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        let mut command = launch.command();
        command.env_remove("SOFTHSM2_CONF").envs(launch.softhsm_conf.iter().map(|conf| ("SOFTHSM2_CONF", &**conf)));
        let mut child = command
            .args(&launch.arguments)
            .envs(launch.environment.iter().map(|(name, path)| (name, path)))
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(File::create(&said).expect("a file for standard output"))
            .stderr(log)
            .spawn()
            .expect("`hufud` can be started");
        match wait_until_ready(&mut child, &said) {
            Ok(address) => Ok(Self { scratch, launch, child, address }),
            Err(status) => Err(Stopped { scratch, launch, status }),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until a server that began sealed is ready.
    pub fn wait_unsealed(&self) {
        let said = self.scratch.path().join("hufud.out");
        let ready = || fs::read_to_string(&said).is_ok_and(|text| text.contains("\nready: ")).then_some(());
        wait_until(READY_WITHIN, ready).unwrap_or_else(|| panic!("it stays sealed: {}", self.log()));
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself, or by someone else's hand; also when a debugger keeps that from its parent.
    pub fn has_ended(&mut self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        status.contains("\nState:\tZ") || self.child.try_wait().expect("its state").is_some()
    }

    /// Its resident memory in KiB, as proc_pid_status(5) tells it.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line `VmRSS`");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number of KiB")
    }

    /// The data directory of a development server.
    pub fn dir(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// The directory that everything of this server lies in.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The file of a profile: `admin`, `operator`, `app` or `auditor`.
    pub fn profile_file(&self, name: &str) -> PathBuf {
        self.dir().join("profiles").join(format!("{name}.toml"))
    }

    /// A profile.
    pub fn profile(&self, name: &str) -> Profile {
        Profile::load(self.profile_file(name)).expect("the profile that `hufud` wrote can be read")
    }

    /// The command, as one of the principals.
    pub fn cli(&self, profile: &str) -> Cli {
        Cli::new(&files(self.scratch()), &self.profile_file(profile))
    }

    /// The SDK, as one of the principals. Call it on a Tokio runtime.
    pub fn client(&self, profile: &str) -> Client {
        Client::new(&self.profile(profile)).expect("a profile that `hufud` wrote can be used")
    }

    /// Everything that was logged so far.
    pub fn log(&self) -> String {
        read_log(&self.scratch)
    }

    /// The address of an HTTP listener (`ledger` or `metrics`), as the log tells it.
    pub fn http(&self, what: &str) -> SocketAddr {
        let log = self.log();
        let mine = |line: &&str| line.contains("listening over HTTP") && line.contains(what);
        let line = log.lines().rev().find(mine).unwrap_or_else(|| panic!("no listener for {what}: {log}"));
        let at = line.find("127.0.0.1:").expect("an address");
        let address =
            line.get(at..).and_then(|rest| rest.split(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).next());
        address.and_then(|address| address.parse().ok()).expect("an address")
    }

    /// Kills it with SIGKILL.
    pub fn kill(mut self) -> Stopped {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
        self.stopped(None)
    }

    /// Asks it to stop with SIGTERM, and waits.
    pub fn terminate(mut self) -> Stopped {
        Tool::new("kill").args(["-TERM", &self.pid().to_string()]).ok();
        let status = wait_until(STOPPED_WITHIN, || self.child.try_wait().expect("its state"));
        let status = status.unwrap_or_else(|| panic!("it did not stop: {}", self.log()));
        self.stopped(Some(status))
    }

    fn stopped(self, status: Option<ExitStatus>) -> Stopped {
        // `Drop` ends the child, which has ended already; the directory must outlive this.
        let mut this = self;
        let scratch = std::mem::replace(&mut this.scratch, tempfile::tempdir().expect("a scratch directory"));
        Stopped { scratch, launch: std::mem::take(&mut this.launch), status }
    }
}

/// How a development server is started on a new directory.
fn dev(further: &[&str]) -> (TempDir, Launch) {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let data = scratch.path().join("data");
    let mut arguments = vec!["--dev", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    arguments.extend(further);
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    (scratch, Launch { arguments, ..Launch::default() })
}

impl Launch {
    /// The same development server with another module.
    fn on_module(mut self, module: &Path, environment: Environment) -> Self {
        const OPTION: &str = "--pkcs11-module";
        if let Some(at) = self.arguments.iter().position(|argument| argument == OPTION) {
            self.arguments.drain(at..at + 2);
        }
        self.arguments.extend([OPTION.to_owned(), module.to_str().unwrap().to_owned()]);
        Self { environment, ..self }
    }

    /// The program, or the one that changes the user and becomes it.
    fn command(&self) -> Command {
        let Some(user) = self.user else { return Command::new(hufud()) };
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".to_owned()])
            .arg(hufud());
        command
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let ended = self.child.try_wait();
        // If it has ended by itself there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("`hufud` {ended:?}, its log:\n{}", tail(&self.log()));
        }
    }
}

impl Stopped {
    /// The same development server, to be started with another PKCS#11 module.
    #[must_use]
    pub fn on_module(self, module: &Path) -> Self {
        Self { launch: self.launch.on_module(module, Environment::new()), ..self }
    }

    /// The same development server, to be started with its token behind a module that fails by script.
    #[must_use]
    pub fn through(self, faults: &Faults) -> Self {
        Self { launch: self.launch.on_module(faults.module(), faults.environment()), ..self }
    }

    /// The same, to be started with further arguments.
    #[must_use]
    pub fn with_arguments(mut self, further: &[&str]) -> Self {
        self.launch.arguments.extend(further.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Starts again on the same directory.
    pub fn start(self) -> Daemon {
        Daemon::start(self.scratch, self.launch)
    }

    /// Tries to start again, and hands the directory back if that is refused.
    ///
    /// # Errors
    /// The stopped daemon, with its exit status.
    pub fn try_start(self) -> Result<Daemon, Self> {
        Daemon::try_start(self.scratch, self.launch)
    }

    /// The data directory of a development server.
    pub fn dir(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// The directory that everything of this server lies in.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The command, with the profile of one of the principals.
    pub fn cli(&self, profile: &str) -> Cli {
        Cli::new(&files(self.scratch()), &self.dir().join("profiles").join(format!("{profile}.toml")))
    }

    /// Everything that was logged.
    pub fn log(&self) -> String {
        read_log(&self.scratch)
    }
}

/// Asks again and again until there is an answer or the time is over.
pub fn wait_until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(POLL);
    }
}

fn wait_until_ready(child: &mut Child, said: &Path) -> Result<SocketAddr, Option<ExitStatus>> {
    let ready = wait_until(READY_WITHIN, || {
        let ended = child.try_wait().expect("its state");
        match (ready_address(said), ended) {
            (Some(address), _) => Some(Ok(address)),
            (None, Some(status)) => Some(Err(Some(status))),
            (None, None) => None,
        }
    });
    ready.unwrap_or_else(|| {
        let _ = child.kill();
        let _ = child.wait();
        Err(None)
    })
}

/// Reads the first line, `ready: https://ADDR:PORT profile FILE`; a server that waits for shares says `sealed` there.
pub(crate) fn ready_address(said: &Path) -> Option<SocketAddr> {
    let text = fs::read_to_string(said).ok()?;
    let (line, _) = text.split_once('\n')?;
    let rest = line.strip_prefix("ready: https://").or_else(|| line.strip_prefix("sealed: https://"))?;
    rest.split(' ').next()?.parse().ok()
}

/// Where the files of the test lie.
fn files(scratch: &Path) -> PathBuf {
    let files = scratch.join("files");
    fs::create_dir_all(&files).expect("the scratch directory is writable");
    files
}

fn log_file(scratch: &TempDir) -> PathBuf {
    scratch.path().join("hufud.log")
}

fn read_log(scratch: &TempDir) -> String {
    let mut bytes = Vec::new();
    let read = File::open(log_file(scratch)).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map(|_| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
}
