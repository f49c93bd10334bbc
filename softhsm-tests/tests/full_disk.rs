//! A disk that fills up: keys are no longer used, and can still be revoked; nothing has to be repaired afterwards.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and says what it skips")]

use std::fs::{File, remove_file};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hufu_softhsm_tests::{ConfigBuilder, Daemon, Storage, Tool, wait_until};

/// Room for the server's files, its reserve and little more, in MiB.
const DISK_MIB: u32 = 48;
const SERVES_AGAIN_WITHIN: Duration = Duration::from_secs(20);

/// A small disk. Dropped, it is gone.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Nothing, and a word about it, where none can be mounted.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let options = ["-t", "tmpfs", "-o", &format!("size={DISK_MIB}m"), "tmpfs"];
        let mounted = Tool::new("mount").args(options).args([directory.path()]).output().status.success();
        if !mounted {
            println!("skipped: no small file system can be mounted here");
        }
        mounted.then_some(Self(directory))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        for block in [65_536, 512] {
            while ballast.write_all(&vec![0x5a; block]).is_ok() {}
        }
    }

    fn make_room(&self) {
        remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Tool::new("umount").args(["-l"]).args([self.path()]).output();
    }
}

fn health(daemon: &Daemon) -> u16 {
    let mut stream = TcpStream::connect(daemon.http("metrics")).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn runs(daemon: &Daemon, line: &str) -> bool {
    daemon.cli("admin").run(line).code == 0
}

fn signs(daemon: &Daemon, key: &str) -> bool {
    runs(daemon, &format!("sign {key} --in /etc/hostname --out signature"))
}

#[test]
fn revoking_goes_on_when_the_disk_is_full() {
    let Some(disk) = Disk::mount() else { return };
    let builder = ConfigBuilder::new(Storage::SqliteAt(disk.path().join("hufu.db")));
    let mut daemon = Daemon::start_config(&builder);
    let keys: Vec<String> = (0..6).map(|number| format!("k{number}")).collect();
    for key in &keys {
        assert!(runs(&daemon, &format!("key create {key} --algorithm p256 --protection hsm")));
    }
    assert!(signs(&daemon, "k0"));

    disk.fill();
    let unserved =
        wait_until(SERVES_AGAIN_WITHIN, || (!signs(&daemon, "k0") && health(&daemon) == 503).then_some(()));
    assert!(unserved.is_some(), "health tells that nothing is committed");
    assert!(!runs(&daemon, "key create new --algorithm p256 --protection software"));
    assert!(runs(&daemon, "key revoke k1 --reason keyCompromise"));
    assert!(runs(&daemon, "key suspend k2"));
    assert!(!signs(&daemon, "k0"), "what the reserve gave is not for uses");

    // Killed on a full disk it comes back, and the next key can be revoked.
    daemon = daemon.kill().start();
    builder.write_profiles(&daemon);
    assert!(runs(&daemon, "key revoke k3 --reason keyCompromise"));

    disk.make_room();
    let serves = wait_until(SERVES_AGAIN_WITHIN, || (health(&daemon) == 200 && signs(&daemon, "k0")).then_some(()));
    assert!(serves.is_some(), "it serves again by itself");
    for key in ["k1", "k2", "k3"] {
        assert!(!signs(&daemon, key), "{key}");
    }
    assert!(runs(&daemon, "audit verify"));
    assert!(daemon.terminate().status.is_some_and(|status| status.success()));
}

#[test]
fn a_log_that_cannot_be_written_harms_nobody() {
    let daemon = Daemon::start_dev_logging_to(Path::new("/dev/full"));
    assert!(runs(&daemon, "key create k --algorithm p256 --protection hsm"));
    assert!(!runs(&daemon, "key show nobody"));
    assert!(runs(&daemon, "key revoke k --reason superseded"));
    assert!(daemon.terminate().status.is_some_and(|status| status.success()));
}
