//! Devices that are processes of ours, and die when we say so.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hufu_softhsm_tests::{Tool, wait_until};

const READY_WITHIN: Duration = Duration::from_secs(10);

/// How the resource manager on the session bus is reached.
pub(crate) const TABRMD: &str = "tabrmd:bus_type=session";

/// A process and all that it has started.
pub(crate) struct Device(Child);

impl Device {
    /// `p11-kit server` in front of the tokens of a SoftHSM; clients reach it through the socket.
    pub(crate) fn p11_kit(module: &Path, label: &str, socket: &Path) -> Vec<Self> {
        // One that was killed leaves its socket behind.
        let _ = std::fs::remove_file(socket);
        let mut command = Command::new("p11-kit");
        command.args(["server", "--foreground", "--provider"]).arg(module).arg("--name").arg(socket);
        command.arg(format!("pkcs11:token={label}"));
        let device = Self::start(command);
        wait_until(READY_WITHIN, || socket.exists().then_some(())).expect("`p11-kit server` listens");
        vec![device]
    }

    /// A message bus of our own, which is ready when this answers.
    pub(crate) fn bus(socket: &Path) -> Self {
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--nopidfile", &format!("--address=unix:path={}", socket.display())]);
        let device = Self::start(command);
        wait_until(READY_WITHIN, || socket.exists().then_some(())).expect("`dbus-daemon` listens");
        device
    }

    /// A TPM 2.0 in software, whose state is kept in the directory, and its resource manager on the session bus of this
    /// process: the PKCS#11 driver leaves objects behind, and the TPM has room for three.
    pub(crate) fn tpm(state: &Path, port: u16) -> Vec<Self> {
        let tcp = |port: u16| format!("type=tcp,port={port},bindaddr=127.0.0.1");
        let mut swtpm = Command::new("swtpm");
        swtpm.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"]);
        swtpm.args(["--tpmstate", &format!("dir={}", state.display())]);
        swtpm.args(["--server", &tcp(port), "--ctrl", &tcp(port + 1)]);
        let swtpm = Self::start(swtpm);
        // A connection would be taken for its only client's.
        wait_until(READY_WITHIN, || listens(port).then_some(())).expect("`swtpm` listens");
        let mut manager = Command::new("tpm2-abrmd");
        manager.args(["--session", "--allow-root", &format!("--tcti=swtpm:host=127.0.0.1,port={port}")]);
        let manager = Self::start(manager);
        let answers = || {
            let asked = Tool::new("tpm2_getcap").args(["properties-fixed"]).env("TPM2TOOLS_TCTI", TABRMD).output();
            asked.status.success().then_some(())
        };
        wait_until(READY_WITHIN, answers).expect("`tpm2-abrmd` answers");
        vec![swtpm, manager]
    }

    /// SIGKILL, to it and to the processes that serve its clients.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn start(mut command: Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.process_group(0).spawn().expect("a program that was found"))
    }

    fn end(&mut self) {
        let group = format!("-{}", self.0.id());
        Tool::new("kill").args(["-KILL", "--", &group]).output();
        self.0.wait().expect("it ended");
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// Two free ports, one after the other.
pub(crate) fn two_ports() -> u16 {
    let both = || {
        let first = TcpListener::bind("127.0.0.1:0").ok()?;
        let port = first.local_addr().ok()?.port();
        TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok().map(|_| port)
    };
    wait_until(READY_WITHIN, both).expect("two free ports")
}

/// The module of that name, if it and these programs are installed.
pub(crate) fn module(test: &str, name: &str, programs: &[&str]) -> Option<PathBuf> {
    let directories = ["/usr/lib/x86_64-linux-gnu/pkcs11", "/usr/lib/aarch64-linux-gnu/pkcs11", "/usr/lib64/pkcs11"];
    let found = directories.iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file());
    let is_missing = |program: &&str| !Tool::new("which").args([program]).output().status.success();
    let missing: Vec<_> =
        programs.iter().copied().filter(is_missing).chain(found.is_none().then_some(name)).collect();
    if !missing.is_empty() {
        println!("skipped: {test}: not installed: {}", missing.join(" "));
        return None;
    }
    found
}

/// Whether someone listens on the port, by /proc/net/tcp (proc(5)).
fn listens(port: u16) -> bool {
    let mut table = String::new();
    File::open("/proc/net/tcp").and_then(|mut file| std::io::Read::read_to_string(&mut file, &mut table)).unwrap();
    table.lines().any(|line| line.contains(&format!(":{port:04X} 00000000:0000 0A")))
}
