//! What a test can count: a line for each call that matters, appended in one write.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use cryptoki_sys::{CK_RV, CKR_OK};

use crate::codes;
use crate::plan::Fault;

/// Calls that are told even when they succeed.
const TOLD: &[&str] = &[
    "C_Initialize",
    "C_Finalize",
    "C_InitToken",
    "C_OpenSession",
    "C_Login",
    "C_Logout",
    "C_GenerateKey",
    "C_GenerateKeyPair",
    "C_DestroyObject",
];

/// The log, or nothing where none is wanted.
#[derive(Debug)]
pub(crate) struct Log(Option<File>);

impl Log {
    pub(crate) fn open(path: Option<&Path>) -> Self {
        Self(path.and_then(|path| File::options().create(true).append(true).open(path).ok()))
    }

    /// `1700000000000 4711 C_Sign CKR_DEVICE_ERROR injected return`: time in ms, process, function, answer, what was done
    /// to it.
    pub(crate) fn call(&self, function: &str, code: CK_RV, fault: &Fault) {
        if code == CKR_OK && fault.actions.is_empty() && !TOLD.contains(&function) {
            return;
        }
        self.line(&format!("{function} {}", codes::name(code)), fault);
    }

    /// A call that will not come back, or not soon.
    pub(crate) fn lost(&self, function: &str, fault: &Fault) {
        self.line(&format!("{function} none"), fault);
    }

    /// The script cannot be used: whoever reads this log must not take the run for one under faults.
    pub(crate) fn script_error(&self, why: &str) {
        self.line(&format!("script-error {}", why.replace(' ', "_")), &Fault::default());
    }

    fn line(&self, text: &str, fault: &Fault) {
        let Some(mut file) = self.0.as_ref() else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut line = format!("{now} {} {text}", std::process::id());
        if !fault.actions.is_empty() {
            line.push_str(" injected");
        }
        for action in &fault.actions {
            let _ = write!(line, " {action}");
        }
        line.push('\n');
        // A log that cannot be written is found missing by the test that reads it.
        let _ = file.write_all(line.as_bytes());
    }
}
