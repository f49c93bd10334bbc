//! The tokens of a daemon's group: taken away and brought back, and what the service says of them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use hufu_softhsm_tests::{Daemon, Tool, wait_until};
use serde_json::Value;

/// Longest wait for a worker.
const SOON: Duration = Duration::from_secs(20);

/// A token of SoftHSM, in a directory of its own.
pub(crate) struct Token {
    pub(crate) serial: String,
    here: PathBuf,
    away: PathBuf,
    log: Box<dyn Fn() -> String>,
}

impl Token {
    pub(crate) fn new(daemon: &Daemon, serial: String) -> Self {
        let tokens = daemon.dir().join("softhsm/tokens");
        let ends_so = |name: &str| name.replace('-', "").ends_with(&serial);
        let mut found = fs::read_dir(&tokens).unwrap().flatten().map(|entry| entry.path());
        let here = found.find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(ends_so));
        let here = here.expect("SoftHSM's serial number is the end of its directory's name");
        let away = daemon.dir().join(format!("away-{serial}"));
        let file = daemon.scratch().join("hufud.log");
        Self { serial, here, away, log: Box::new(move || fs::read_to_string(&file).unwrap_or_default()) }
    }

    /// Unplugs it: its directory goes, and so does the process that has it open.
    pub(crate) fn take_away(&self) {
        self.hide();
        self.kill_worker();
    }

    /// Its directory goes.
    pub(crate) fn hide(&self) {
        fs::rename(&self.here, &self.away).unwrap();
    }

    pub(crate) fn bring_back(&self) {
        fs::rename(&self.away, &self.here).unwrap();
    }

    pub(crate) fn kill_worker(&self) {
        self.signal_worker("-KILL");
    }

    /// It says nothing any more, until its supervisor replaces it.
    pub(crate) fn stop_worker(&self) {
        self.signal_worker("-STOP");
    }

    fn signal_worker(&self, signal: &str) {
        let pid = wait_until(SOON, || self.worker()).expect("a worker of this token");
        Tool::new("kill").args([signal, &pid.to_string()]).ok();
    }

    pub(crate) fn serves(&self, daemon: &Daemon) -> bool {
        self.worker().is_some() && device(daemon, &self.serial)["health"] == "ok"
    }

    /// Object files on the token, wherever it is.
    pub(crate) fn objects(&self) -> Vec<PathBuf> {
        let directory = if self.here.exists() { &self.here } else { &self.away };
        let files = fs::read_dir(directory).unwrap().flatten().map(|entry| entry.path());
        let mut objects: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "object")).collect();
        objects.sort();
        objects
    }

    /// The newest worker that has it open, if it lives.
    fn worker(&self) -> Option<u32> {
        let log = (self.log)();
        let mine = |line: &&str| line.contains("the worker serves") && line.contains(&self.serial);
        let line = log.lines().rev().find(mine)?;
        let digits = line.split("pid=").nth(1).or_else(|| line.split("\"pid\":").nth(1))?;
        let pid: u32 = digits.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty())?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        (stat.contains("(hufu-hsm-worker)") && !stat.contains(") Z ")).then_some(pid)
    }
}

fn status(daemon: &Daemon) -> Value {
    daemon.cli("admin").json("hsm status")
}

/// Serial numbers of the group's tokens.
pub(crate) fn serials(daemon: &Daemon) -> [String; 2] {
    let status = status(daemon);
    let devices = status["devices"].as_array().unwrap();
    let serials: Vec<_> = devices.iter().map(|device| device["serial"].as_str().unwrap().to_owned()).collect();
    serials.try_into().unwrap()
}

fn device(daemon: &Daemon, serial: &str) -> Value {
    let status = status(daemon);
    let devices = status["devices"].as_array().unwrap();
    devices.iter().find(|device| device["serial"] == serial).unwrap().clone()
}

/// Keys that a token is known to lack.
pub(crate) fn missing(daemon: &Daemon, serial: &str) -> u64 {
    device(daemon, serial)["missing_keys"].as_u64().unwrap()
}

/// Whether every token serves and has every key.
pub(crate) fn is_level(daemon: &Daemon) -> bool {
    let status = status(daemon);
    let devices = status["devices"].as_array().unwrap();
    let well = devices.iter().all(|device| device["health"] == "ok" && device["missing_keys"] == 0);
    let levelling = &status["levelling"];
    well && levelling["running"] == false && levelling["keys_left"] == 0 && !levelling["finish_time"].is_null()
}
