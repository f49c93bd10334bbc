//! SoftHSM behind `p11-kit server`, as a network HSM is behind its driver: a process that can be killed and stopped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{LABEL, MODULE};

/// The driver.
pub(crate) const CLIENT: &str = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so";
/// Where the driver reads its server's address.
pub(crate) const ADDRESS: &str = "P11_KIT_SERVER_ADDRESS";

/// A running server.
pub(crate) struct Server(Child);

impl Server {
    /// Whether server and driver are installed; says so where they are not.
    pub(crate) fn is_here(test: &str) -> bool {
        let server = Command::new("p11-kit").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let here = Path::new(CLIENT).exists() && server.is_ok();
        if !here {
            println!("skipped: {test}: no p11-kit");
        }
        here
    }

    /// Starts it on the test's token.
    pub(crate) fn start() -> Self {
        let socket = socket();
        let _ = std::fs::remove_file(&socket);
        let uri = format!("pkcs11:token={}", LABEL.replace(' ', "%20"));
        let mut command = Command::new("p11-kit");
        command.args(["server", "-f", "-p", MODULE, "-n"]).arg(&socket).arg(uri).stdout(Stdio::null());
        let server = Self(command.spawn().unwrap());
        for _ in 0..500 {
            if socket.exists() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("p11-kit does not listen on {}", socket.display());
    }

    /// Stops it and each process that it has started for a connection: calls hang.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        for pid in self.pids() {
            // One of them may have ended since it was listed.
            let _ = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status();
        }
    }

    /// The server and its children.
    fn pids(&self) -> Vec<u32> {
        let own = self.0.id();
        let listed = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        listed.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([own]).collect()
    }
}

impl Drop for Server {
    /// Kills it, with everything that it has started.
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.0.wait();
    }
}

fn socket() -> PathBuf {
    let address = std::env::var(ADDRESS).unwrap();
    PathBuf::from(address.strip_prefix("unix:path=").unwrap())
}
