//! Other programs, and what they say.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::Daemon;

/// A program to run to its end.
#[derive(Debug)]
pub struct Tool(Command);

impl Tool {
    /// A program by name or path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self(command)
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.0.args(args);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it in a directory.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.0.current_dir(dir);
        self
    }

    /// Runs it and says how it ended.
    pub fn output(mut self) -> Output {
        let output = self.0.output();
        output.unwrap_or_else(|error| panic!("{:?} could not be run: {error}", self.0.get_program()))
    }

    /// Runs it, expects success, and answers with standard output.
    pub fn ok(self) -> String {
        let shown = format!("{:?}", self.0);
        let output = self.output();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{shown}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Runs it, expects failure, and answers with what it says.
    pub fn fails(self) -> String {
        let shown = format!("{:?}", self.0);
        let output = self.output();
        let text = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(!output.status.success(), "{shown}: {text}");
        text
    }
}

/// Where the SoftHSM module is.
pub fn softhsm_module() -> PathBuf {
    let usual = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    ];
    let found = usual.iter().map(PathBuf::from).find(|path| path.is_file());
    found.expect("SoftHSM is installed (`apt-get install softhsm2`)")
}

/// Objects of a class (`privkey`, `pubkey`, `secrkey`) on the token of a development server, as pkcs11-tool sees them
/// after a login: another program than the one under test.
pub fn token_objects(daemon: &Daemon, class: &str) -> usize {
    let pin = std::fs::read_to_string(daemon.dir().join("pin")).expect("a development server keeps its PIN there");
    let module = softhsm_module();
    let listed = Tool::new("pkcs11-tool")
        .args([OsStr::new("--module"), module.as_os_str()])
        .args(["--login", "--pin", pin.trim(), "--list-objects", "--type", class])
        .env("SOFTHSM2_CONF", daemon.dir().join("softhsm/softhsm2.conf"))
        .ok();
    // SoftHSM writes an object before its attributes: a process that is killed in between leaves one without a name, which
    // nobody can tell from a stranger's.
    let ours = |line: &&str| line.trim_start().strip_prefix("label:").is_some_and(|l| l.trim().starts_with("hufu-"));
    listed.lines().filter(ours).count()
}
