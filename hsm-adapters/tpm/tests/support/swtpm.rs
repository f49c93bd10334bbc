//! A TPM 2.0 in software. Tests of other crates take this file, too.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running swtpm. Dropped, it is killed; its state goes with it.
pub(crate) struct Swtpm {
    state: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Swtpm {
    /// A new TPM; nothing, and a word about it, where swtpm is not installed.
    pub(crate) fn start() -> Option<Self> {
        if Command::new("swtpm").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("skipped: swtpm is not installed (`apt-get install swtpm`)");
            return None;
        }
        let mut tpm = Self { state: tempfile::tempdir().unwrap(), port: free_ports(), child: None };
        tpm.power_on();
        Some(tpm)
    }

    /// As [`Swtpm::start`], on a state that an earlier one left.
    #[allow(dead_code, reason = "not every test needs it")]
    pub(crate) fn start_on(state: &[u8]) -> Option<Self> {
        let mut tpm = Self::start()?;
        tpm.kill();
        std::fs::write(tpm.state.path().join("tpm2-00.permall"), state).unwrap();
        tpm.power_on();
        Some(tpm)
    }

    /// Starts it on its state, as a machine that boots.
    pub(crate) fn power_on(&mut self) {
        let [server, control] =
            [self.port, self.port + 1].map(|port| format!("type=tcp,port={port},bindaddr=127.0.0.1"));
        let state = format!("dir={}", self.state.path().display());
        let arguments = ["socket", "--tpm2", "--tpmstate", &state, "--server", &server, "--ctrl", &control];
        let child = Command::new("swtpm")
            .args(arguments)
            .args(["--flags", "not-need-init,startup-clear"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(20);
        // Only the control channel may be tried: the server takes one connection.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port + 1)).is_err() {
            assert!(Instant::now() < deadline, "swtpm does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it with -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The way to it, as the software stack writes it.
    pub(crate) fn tcti(&self) -> String {
        format!("swtpm:host=127.0.0.1,port={}", self.port)
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The first of two neighbouring ports that are free: the software stack expects the control channel beside the other.
fn free_ports() -> u16 {
    loop {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind((Ipv4Addr::LOCALHOST, port + 1)).is_ok() {
            return port;
        }
    }
}
