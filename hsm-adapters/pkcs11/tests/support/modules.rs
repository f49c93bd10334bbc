//! Modules besides SoftHSM and Kryoptic, each with a token of the test's own. Where one is not installed the test does nothing,
//! loudly.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Surroundings, isolated, scratch};

const READY_WITHIN: Duration = Duration::from_secs(20);
const DIRECTORIES: [&str; 3] = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"];
/// How the TPM's resource manager on the session bus is reached.
const TABRMD: &str = "tabrmd:bus_type=session";

pub(crate) const LABEL: &str = "hufu";
pub(crate) const PIN: &str = "12345678";
pub(crate) const SO_PIN: &str = "87654321";

/// Runs the body with NSS and an empty database in the scratch directory, with that password.
pub(crate) fn with_nss(test: &str, password: &str, body: impl AsyncFnOnce(&Path)) {
    let Some(module) = found(test, "libsoftokn3.so", &["certutil"]) else { return };
    isolated(test, body(&module), |scratch| {
        fs::write(scratch.join("pin"), password).unwrap();
        let pin = scratch.join("pin");
        run(Command::new("certutil").arg("-N").arg("-d").arg(nss_database(scratch)).arg("-f").arg(&pin));
        Surroundings::default()
    });
}

/// As NSS names the database in a directory.
pub(crate) fn nss_database(directory: &Path) -> OsString {
    format!("sql:{}", directory.display()).into()
}

/// Runs the body with tpm2-pkcs11 and a TPM in software, initialised.
pub(crate) fn with_tpm2(test: &str, body: impl AsyncFnOnce(&Path)) {
    let programs = ["swtpm", "tpm2-abrmd", "dbus-daemon", "tpm2_getcap", "pkcs11-tool"];
    let Some(module) = found(test, "pkcs11/libtpm2_pkcs11.so", &programs) else { return };
    let body = async {
        let _tpm = Tpm::start(&module);
        body(&module).await;
    };
    isolated(test, body, |scratch| {
        let bus = format!("unix:path={}", scratch.join("bus").display());
        let environment = vec![
            ("DBUS_SESSION_BUS_ADDRESS", bus.into()),
            ("TPM2_PKCS11_STORE", scratch.as_os_str().to_owned()),
            ("TPM2_PKCS11_TCTI", TABRMD.into()),
            ("TSS2_LOG", "all+NONE".into()),
        ];
        Surroundings { environment, prefix: Vec::new() }
    });
}

/// Runs the body with openCryptoki's token in software. Its daemon has one place on a machine for everything: the test's process
/// sees others in their stead, which takes root.
pub(crate) fn with_opencryptoki(test: &str, body: impl AsyncFnOnce(&Path)) {
    let programs = ["pkcsslotd", "unshare", "mount"];
    let Some(module) = found(test, "pkcs11/libopencryptoki.so", &programs) else { return };
    let apart = ["--mount", "--ipc", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"];
    if !Command::new("unshare").args(apart).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("skipped: {test}: no mount namespace of its own for `pkcsslotd` (needs root)");
        return;
    }
    let body = async {
        let _daemon = slot_daemon();
        body(&module).await;
    };
    isolated(test, body, |scratch| {
        let script = scratch.join("apart.sh");
        fs::write(&script, APART).unwrap();
        let words = ["unshare", "--mount", "--ipc", "sh"].map(OsString::from);
        let prefix = words.into_iter().chain([script.into_os_string(), scratch.as_os_str().to_owned()]).collect();
        Surroundings { environment: Vec::new(), prefix }
    });
}

/// Puts a scratch directory in place of everything that the daemon shares, then becomes the program.
const APART: &str = r#"set -e
scratch=$1; shift
mkdir -p "$scratch/lib/swtok/TOK_OBJ" "$scratch/run/lock/opencryptoki/swtok" "$scratch/etc"
printf 'version opencryptoki-3.1\nslot 0\n{\nstdll = libpkcs11_sw.so\n}\n' > "$scratch/etc/opencryptoki.conf"
chgrp -R pkcs11 "$scratch/lib" "$scratch/run/lock/opencryptoki"
chmod -R 770 "$scratch/lib" "$scratch/run/lock/opencryptoki"
mount --bind "$scratch/lib" /var/lib/opencryptoki
mount --bind "$scratch/etc" /etc/opencryptoki
mount --bind "$scratch/run" /run
mount -t tmpfs tmpfs /dev/shm
exec "$@"
"#;

fn slot_daemon() -> Process {
    let daemon = Process::start(Command::new("pkcsslotd").arg("-f"));
    until("`pkcsslotd` listens", || Path::new("/run/pkcsslotd.socket").exists());
    daemon
}

/// The module of that name, if it and these programs are installed.
fn found(test: &str, name: &str, programs: &[&str]) -> Option<PathBuf> {
    let module = DIRECTORIES.iter().map(|directory| Path::new(directory).join(name)).find(|path| path.is_file());
    let is_missing = |program: &&str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut directories: Vec<_> = std::env::split_paths(&path).collect();
        directories.push(PathBuf::from("/usr/sbin"));
        !directories.iter().any(|directory| directory.join(program).is_file())
    };
    let missing: Vec<_> =
        programs.iter().copied().filter(is_missing).chain(module.is_none().then_some(name)).collect();
    if !missing.is_empty() {
        println!("skipped: {test}: not installed: {}", missing.join(" "));
        return None;
    }
    module
}

/// A TPM in software, its resource manager and a bus between them.
struct Tpm {
    _processes: [Process; 3],
}

impl Tpm {
    fn start(module: &Path) -> Self {
        let (scratch, port) = (scratch(), two_ports());
        let socket = scratch.join("bus");
        let bus = Process::start(
            Command::new("dbus-daemon")
                .args(["--session", "--nofork", "--nopidfile"])
                .arg(format!("--address=unix:path={}", socket.display())),
        );
        until("`dbus-daemon` listens", || socket.exists());
        let tcp = |port: u16| format!("type=tcp,port={port},bindaddr=127.0.0.1");
        let swtpm = Process::start(
            Command::new("swtpm")
                .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
                .args(["--tpmstate", &format!("dir={}", scratch.display())])
                .args(["--server", &tcp(port), "--ctrl", &tcp(port + 1)]),
        );
        // Only the control channel may be tried: the server takes one connection.
        until("`swtpm` listens", || std::net::TcpStream::connect(("127.0.0.1", port + 1)).is_ok());
        let manager = Process::start(
            Command::new("tpm2-abrmd")
                .args(["--session", "--allow-root", "--max-transients=100"])
                .arg(format!("--tcti=swtpm:host=127.0.0.1,port={port}")),
        );
        let answers = || {
            let mut asked = Command::new("tpm2_getcap");
            asked.arg("properties-fixed").env("TPM2TOOLS_TCTI", TABRMD).stdout(Stdio::null()).stderr(Stdio::null());
            asked.status().is_ok_and(|status| status.success())
        };
        until("`tpm2-abrmd` answers", answers);
        // By another process: this driver does not see in one what was set up in it.
        let tool = |arguments: &[&str]| run(Command::new("pkcs11-tool").arg("--module").arg(module).args(arguments));
        tool(&["--init-token", "--slot-index", "0", "--label", LABEL, "--so-pin", SO_PIN]);
        let so = ["--login", "--login-type", "so", "--so-pin", SO_PIN];
        tool(&[&["--init-pin", "--token-label", LABEL, "--pin", PIN][..], &so].concat());
        Self { _processes: [manager, swtpm, bus] }
    }
}

/// A process and all that it has started, ended when dropped.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.process_group(0).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

/// The first of two neighbouring ports that are free: the software stack expects the control channel beside the other.
fn two_ports() -> u16 {
    loop {
        let first = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && std::net::TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + READY_WITHIN;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
