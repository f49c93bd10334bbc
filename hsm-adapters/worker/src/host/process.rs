//! The worker's process: started with one socket and little else, ended without mercy.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::net::UnixStream;

use super::config::{Config, OpenError};
use super::driver_log;

/// How long a process that was killed may take to end.
const END_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long a process whose socket has closed may take to end by itself: its status tells why.
const STATUS_WAIT_MAX: Duration = Duration::from_millis(50);

/// Time between looks whether a process has ended, and how many there are when nobody can wait for long.
const LOOK: Duration = Duration::from_millis(1);
const DROP_LOOKS_MAX: u32 = 1_000;

/// Variables that any program may need.
const USUAL: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"];
/// Beginnings of variables that drivers are configured by.
const PREFIXES: &[&str] = &[
    "LC_",
    "XDG_",
    "SOFTHSM2_",
    "KRYOPTIC_",
    "P11_",
    "PKCS11_",
    "TPM2_",
    "TSS2_",
    "NFAST_",
    "CKNFAST_",
    "CS_PKCS11_",
    "Chrystoki",
    "CLOUDHSM_",
    "YUBIHSM_",
    "NSS_",
    "OPENSC_",
    "OCK_",
];
/// Endings of such variables.
const SUFFIXES: &[&str] = &["_CONF", "_CFG", "_CONF_FILE", "_CONFIG_FILE"];

/// A running worker. Dropped, it is killed.
pub(super) struct Process(Option<Child>);

/// Starts the program with a socket as its standard input; its other outputs go to our log.
pub(super) fn start(config: &Config) -> Result<(Process, UnixStream), OpenError> {
    let path = config.program()?;
    let (ours, theirs) = Pair::pair()?;
    let (said, saying) = Pair::pair()?;
    let child = Command::new(&path)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(|name| is_kept(name, config))))
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(OwnedFd::from(saying.try_clone()?)))
        .stderr(Stdio::from(OwnedFd::from(saying)))
        // A signal from the terminal is for the service, which ends the worker when it has drained.
        .process_group(0)
        .spawn()
        .map_err(|error| OpenError::Program { path, error })?;
    let process = Process(Some(child));
    driver_log::follow(said)?;
    ours.set_nonblocking(true)?;
    Ok((process, UnixStream::from_std(ours)?))
}

fn is_kept(name: &str, config: &Config) -> bool {
    USUAL.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
        || config.environment.iter().any(|further| further == name)
}

impl Process {
    /// Process id.
    pub(super) fn id(&self) -> u32 {
        self.0.as_ref().map_or(0, Child::id)
    }

    /// Kills the process if it has not ended, and tells how it ended.
    pub(super) async fn end(mut self) -> String {
        let Some(mut child) = self.0.take() else { return String::new() };
        if let Some(status) = wait(&mut child, STATUS_WAIT_MAX).await {
            return words(status);
        }
        let _ = child.kill();
        if wait(&mut child, END_WAIT_MAX).await.is_none() {
            // Stuck in the kernel, for instance in a device: waited for elsewhere.
            std::thread::spawn(move || child.wait());
            return "was killed, but does not end".to_owned();
        }
        "was killed".to_owned()
    }

    /// Kills the process at once.
    pub(super) async fn kill(mut self) -> String {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
        }
        self.end().await
    }
}

async fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = tokio::time::Instant::now() + limit;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if tokio::time::Instant::now() >= end {
            return None;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn words(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Some(code)) => format!("ended with exit code {code}"),
        (None, None) => "ended".to_owned(),
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            for _ in 0..DROP_LOOKS_MAX {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(LOOK);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hufu_pkcs11::TokenSelector;
    use hufu_secret::SecretBytes;

    use super::*;

    #[test]
    fn drivers_see_their_configuration_and_no_secrets_of_ours() {
        let token = TokenSelector::Serial(String::new());
        let token = hufu_pkcs11::Config::new("driver.so", token, SecretBytes::from_slice(b""));
        let config = Config { environment: vec!["VENDOR_THING".to_owned()], ..Config::new(token) };
        for kept in
            ["PATH", "SOFTHSM2_CONF", "KRYOPTIC_CONF", "CS_PKCS11_R2_CFG", "TPM2_PKCS11_STORE", "VENDOR_THING"]
        {
            assert!(is_kept(kept, &config), "{kept}");
        }
        for left in [
            "DATABASE_URL",
            "AWS_SECRET_ACCESS_KEY",
            "LD_PRELOAD",
            "VENDOR_PIN",
            "NOTIFY_SOCKET",
            "CREDENTIALS_DIRECTORY",
        ] {
            assert!(!is_kept(left, &config), "{left}");
        }
    }
}
