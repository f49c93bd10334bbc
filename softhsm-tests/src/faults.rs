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
    vendor: bool,
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
        let faults = Self {
            scratch: tempfile::tempdir().expect("a scratch directory"),
            target: target.to_owned(),
            vendor: false,
        };
        faults.calm();
        faults
    }

    /// The same with mechanisms of a vendor's own numbers, as `fault-module/src/vendor.rs` lists them.
    #[must_use]
    pub fn with_vendor_mechanisms(self) -> Self {
        Self { vendor: true, ..self }
    }

    /// The module to load.
    pub fn module(&self) -> &Path {
        fault_module()
    }

    /// What the module reads from the environment of its process.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let mut environment = Environment::from([
            ("PKCS11_FAULT_TARGET", self.target.clone()),
            ("PKCS11_FAULT_SCRIPT", self.path("script")),
            ("PKCS11_FAULT_LOG", self.path("log")),
        ]);
        environment.extend(self.vendor.then(|| ("PKCS11_FAULT_VENDOR", PathBuf::from("on"))));
        environment
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
        // The last line may be half written.
        let (whole, _) = log.rsplit_once('\n').unwrap_or_default();
        whole.lines().map(|line| FaultCall::parse(line).unwrap_or_else(|| panic!("`{line}`"))).collect()
    }

    /// Calls of a function that were told.
    pub fn calls_of(&self, function: &str) -> Vec<FaultCall> {
        self.calls().into_iter().filter(|call| call.function == function).collect()
    }

    /// As [`Self::calls`], and forgets them.
    pub fn take_calls(&self) -> Vec<FaultCall> {
        // The module keeps the file open and goes on at its end, wherever that is. What it writes in between is lost: take
        // calls when it is quiet, or when some may be missing.
        let calls = self.calls();
        fs::write(self.path("log"), "").expect("the scratch directory is writable");
        calls
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
    /// Whether something was done to it.
    pub fn is_injected(&self) -> bool {
        !self.injected.is_empty()
    }

    /// Whether the device itself has refused a PIN.
    pub fn is_refused_pin(&self) -> bool {
        self.code.starts_with("CKR_PIN") && !self.is_injected()
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let at = Duration::from_millis(words.next()?.parse().ok()?);
        let pid = words.next()?.parse().ok()?;
        let (function, code) = (words.next()?.to_owned(), words.next()?.to_owned());
        let injected = words.skip(1).map(str::to_owned).collect();
        Some(Self { at, pid, function, code, injected })
    }
}
