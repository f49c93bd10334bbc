//! The command `openssl`: a foreign implementation that judges ours.

use std::path::Path;
use std::process::Output;

use crate::Tool;

/// Runs a line of arguments without spaces in them.
pub fn openssl(dir: &Path, line: &str) -> Output {
    Tool::new("openssl").args(line.split_whitespace()).dir(dir).output()
}

/// Runs a line that must succeed; answers with standard output.
pub fn openssl_ok(dir: &Path, line: &str) -> String {
    let output = openssl(dir, line);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {line}: {text}{error}");
    text
}

/// A key pair that the service has never seen.
#[derive(Debug)]
pub struct ForeignKey<'a> {
    dir: &'a Path,
    name: &'static str,
}

impl<'a> ForeignKey<'a> {
    /// Generates one with the options of `openssl genpkey`; `NAME.key` and `NAME.pub` lie in the directory.
    pub fn generate(dir: &'a Path, name: &'static str, options: &str) -> Self {
        openssl_ok(dir, &format!("genpkey {options} -out {name}.key"));
        openssl_ok(dir, &format!("pkey -in {name}.key -pubout -out {name}.pub"));
        Self { dir, name }
    }

    /// Signs a file with the options of `openssl pkeyutl`.
    pub fn sign(&self, options: &str, file: &str, signature: &str) {
        let name = self.name;
        openssl_ok(
            self.dir,
            &format!("pkeyutl -sign -inkey {name}.key -rawin {options} -in {file} -out {signature}"),
        );
    }
}
