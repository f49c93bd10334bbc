//! A PostgreSQL cluster of our own in a scratch directory.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::Error;
use crate::install;
use crate::tool::{self, Tool};

const READY_WITHIN: Duration = Duration::from_secs(60);
const SUPERUSER: &str = "hufu";

/// A running cluster; dropped, it is stopped and its directory removed.
///
/// The server is a child in our process group: an interrupt from the terminal, which ends us
/// without running destructors, reaches it too and means "fast shutdown" to it.
#[derive(Debug)]
pub(crate) struct Cluster {
    scratch: TempDir,
    programs: Programs,
    server: Child,
    port: u16,
}

/// PostgreSQL's programs, and the account that runs them: the server refuses to run as root.
#[derive(Debug)]
struct Programs {
    directory: PathBuf,
    account: Option<&'static str>,
}

impl Cluster {
    /// Creates and starts a cluster that trusts every local connection.
    ///
    /// # Errors
    ///
    /// Fails when PostgreSQL is not installed or the server is not ready within a minute.
    pub(crate) fn start() -> Result<Self, Error> {
        let programs = Programs::locate()?;
        let scratch = tempfile::Builder::new()
            .prefix("hufu-postgres-")
            .tempdir()
            .map_err(Error::file("create", &std::env::temp_dir()))?;
        programs.own(scratch.path())?;
        programs.initdb(scratch.path())?;
        let port = free_port()?;
        let server = programs.server(scratch.path(), port)?;
        let mut cluster = Self { scratch, programs, server, port };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// The address that tests connect to.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + READY_WITHIN;
        let port = self.port.to_string();
        loop {
            let ready = self.programs.tool("pg_isready").args(["-q", "-h", "127.0.0.1", "-p", &port]).capture()?;
            if ready.code == Some(0) {
                return Ok(());
            }
            let ended = self.server.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() > deadline {
                return Err(self.not_ready());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn not_ready(&self) -> Error {
        let log = self.scratch.path().join("server.log");
        Error::NotReady {
            what: "PostgreSQL",
            seconds: READY_WITHIN.as_secs(),
            output: std::fs::read_to_string(log).unwrap_or_default(),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.scratch.path().join("data");
        let stopped =
            self.programs.tool("pg_ctl").args(["stop", "-s", "-m", "immediate", "-D"]).args([&data]).quiet();
        if stopped.is_err() {
            // The server never wrote its pid file or is gone: what is left is our own child.
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

impl Programs {
    fn locate() -> Result<Self, Error> {
        let directory =
            binaries().ok_or_else(|| Error::Missing { packages: "postgresql".to_owned(), why: "no initdb found" })?;
        let account = install::is_root()?.then_some("postgres");
        Ok(Self { directory, account })
    }

    fn tool(&self, name: &str) -> Tool {
        let program = self.directory.join(name);
        match self.account {
            None => Tool::new(program),
            Some(account) => Tool::new("runuser").args(["-u", account, "--"]).args([program]),
        }
        .in_dir(Path::new("/"))
    }

    /// Gives the scratch directory to the account that runs the server.
    fn own(&self, scratch: &Path) -> Result<(), Error> {
        let Some(account) = self.account else {
            return Ok(());
        };
        let chown = Tool::new("chown").args([account]).args([scratch]);
        chown.quiet().map(drop)
    }

    fn initdb(&self, scratch: &Path) -> Result<(), Error> {
        let initdb = self
            .tool("initdb")
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args(["--username", SUPERUSER, "--pgdata"])
            .args([scratch.join("data")]);
        initdb.quiet().map(drop)
    }

    fn server(&self, scratch: &Path, port: u16) -> Result<Child, Error> {
        let sockets = format!("unix_socket_directories={}", scratch.display());
        self.tool("postgres")
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "max_connections=200", "-c", &sockets])
            .args(["-p", &port.to_string(), "-D"])
            .args([scratch.join("data")])
            .spawn(&scratch.join("server.out"), &scratch.join("server.log"))
    }
}

/// The directory of PostgreSQL's programs: Debian keeps them off the search path, one
/// directory a version.
pub(crate) fn binaries() -> Option<PathBuf> {
    if let Some(initdb) = tool::find("initdb") {
        let real = initdb.canonicalize().ok()?;
        return real.parent().map(Path::to_owned);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|directory| directory.join("initdb").is_file())
        .max()
}

fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::file("listen on", Path::new("127.0.0.1")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_starts_answers_and_leaves_nothing_behind() {
        if binaries().is_none() {
            println!("skipped: PostgreSQL not installed");
            return;
        }
        let cluster = Cluster::start().unwrap();
        let answer =
            cluster.programs.tool("psql").args(["-At", "-c", "select 6 * 7", &cluster.url()]).quiet().unwrap();
        assert_eq!(answer.trim(), "42");
        let scratch = cluster.scratch.path().to_owned();
        drop(cluster);
        assert!(!scratch.exists());
    }
}
