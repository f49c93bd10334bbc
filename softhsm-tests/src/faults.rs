//! A token that fails when a test wants it: the module that forwards to SoftHSM, its script, and what it tells.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::daemon::Environment;
use crate::programs::fault_module;
use crate::softhsm_module;

/// Script and log of one module that fails by script (`softhsm-tests/fault-module` describes both). It may be loaded by
/// several processes in turn.
#[derive(Debug)]
pub struct Faults {
    scratch: TempDir,
    target: PathBuf,
}

/// A call as the module tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultCall {
    /// When it was answered, since 1970.
    pub at: Duration,
    /// The process that called.
    pub pid: u32,
    /// `C_Sign`.
    pub function: String,
    /// `CKR_OK`; `none` of a call that was not answered.
    pub code: String,
    /// What was done to it; empty for the device's own answer.
    pub injected: Vec<String>,
}

impl Faults {
    /// In front of SoftHSM, calm.
    pub fn new() -> Self {
        Self::before(&softhsm_module())
    }

    /// In front of another module, calm.
    pub fn before(target: &Path) -> Self {
        let faults = Self { scratch: tempfile::tempdir().expect("a scratch directory"), target: target.to_owned() };
        faults.calm();
        faults
    }

    /// The module to load.
    pub fn module(&self) -> &Path {
        fault_module()
    }

    /// What the module reads from the environment of its process.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        Environment::from([
            ("HUFU_FAULT_TARGET", self.target.clone()),
            ("HUFU_FAULT_SCRIPT", self.path("script")),
            ("HUFU_FAULT_LOG", self.path("log")),
        ])
    }

    /// From the next call on, this goes wrong.
    pub fn script(&self, script: &str) {
        // Renamed into place: the module never reads half of it.
        let new = self.path("script.new");
        fs::write(&new, script).expect("the scratch directory is writable");
        fs::rename(&new, self.path("script")).expect("the scratch directory is writable");
    }

    /// From the next call on, nothing goes wrong.
    pub fn calm(&self) {
        self.script("");
    }

    /// All calls that were told: those that failed, and all that log in, open a session, initialise, make or delete keys.
    pub fn calls(&self) -> Vec<FaultCall> {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        assert!(!log.contains("script-error"), "{log}");
        log.lines().map(|line| FaultCall::parse(line).unwrap_or_else(|| panic!("`{line}`"))).collect()
    }

    /// Calls of a function that were told.
    pub fn calls_of(&self, function: &str) -> Vec<FaultCall> {
        self.calls().into_iter().filter(|call| call.function == function).collect()
    }

    /// How many calls were told to which something was done.
    pub fn injected(&self) -> usize {
        self.calls().iter().filter(|call| !call.injected.is_empty()).count()
    }

    /// Panics if the token itself has refused a PIN, ever.
    pub fn assert_no_pin_was_refused(&self) {
        let is_refusal = |call: &FaultCall| call.code.starts_with("CKR_PIN") && call.injected.is_empty();
        let refused: Vec<_> = self.calls_of("C_Login").into_iter().filter(is_refusal).collect();
        assert!(refused.is_empty(), "{refused:?}");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::new()
    }
}

impl FaultCall {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let at = Duration::from_millis(words.next()?.parse().ok()?);
        let pid = words.next()?.parse().ok()?;
        let (function, code) = (words.next()?.to_owned(), words.next()?.to_owned());
        let injected = words.skip(1).map(str::to_owned).collect();
        Some(Self { at, pid, function, code, injected })
    }
}
