//! What several tests need: a machine with the command on it.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Where SoftHSM is, if it is there.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PASSPHRASE: &str = "nine words that nobody else would ever think of";

/// A custodian's machine: a directory, and the command `hufu`.
pub(crate) struct Desk {
    dir: tempfile::TempDir,
    family: &'static str,
}

impl Desk {
    /// One on which lines are commands of a family.
    pub(crate) fn of(family: &'static str) -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap(), family };
        desk.secret("pass", PASSPHRASE);
        desk
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A file that only its owner may read.
    pub(crate) fn secret(&self, name: &str, text: &str) {
        fs::write(self.dir().join(name), text).unwrap();
        fs::set_permissions(self.dir().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir().join(name)).unwrap()
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        self.hufu(&format!("{} {line}", self.family))
    }

    fn hufu(&self, line: &str) -> Output {
        // Names of people have blanks: `_` stands for one.
        let arguments = line.split_whitespace().map(|argument| argument.replace('_', " "));
        let output = Command::new(env!("CARGO_BIN_EXE_hufu"))
            .args(arguments)
            .current_dir(self.dir())
            .env_remove("HUFU_PROFILE")
            .env("SOFTHSM2_CONF", self.dir().join("softhsm2.conf"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("nine words"), "{line}: {said}");
        output
    }

    pub(crate) fn does(&self, line: &str) -> String {
        self.ends_well(&format!("{} {line}", self.family))
    }

    fn ends_well(&self, line: &str) -> String {
        let output = self.hufu(line);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn fails(&self, line: &str, code: i32, word: &str) {
        let output = self.run(line);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {error}");
        assert!(error.contains(word), "{line}: {error}");
    }

    /// Keys and entry of a custodian, `NAME.key` and `NAME.entry`.
    pub(crate) fn person(&self, name: &str, suite: &str) {
        let entry = format!("--full-name {name}_Example --organisation north --role custodian --role officer");
        let keys = format!("--suite {suite} --memory-mib 64 --passphrase-file pass --out {name}.key");
        self.ends_well(&format!("custodian new {name} {entry} {keys}"));
        self.ends_well(&format!("custodian show {name}.key --entry-out {name}.entry"));
    }

    /// Plugs a token of SoftHSM in, with its PIN in the file `pin`; false where there is no SoftHSM.
    pub(crate) fn has_token(&self, label: &str) -> bool {
        let (tokens, conf) = (self.dir().join("tokens"), self.dir().join("softhsm2.conf"));
        fs::create_dir(&tokens).unwrap();
        fs::write(&conf, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
        self.secret("pin", "1234567\n");
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", "1234567"])
            .env("SOFTHSM2_CONF", conf)
            .output();
        Path::new(MODULE).exists() && made.is_ok_and(|made| made.status.success())
    }

    /// Enrols someone: `NAME.enrolled`.
    pub(crate) fn enrol(&self, name: &str) {
        let challenge = format!("--deployment log.example --out {name}.challenge --awaited {name}.awaited");
        self.does(&format!("enrol challenge {name}.entry {challenge}"));
        let answer = format!("--key {name}.key --deployment log.example --passphrase-file pass --out {name}.answer");
        self.does(&format!("enrol answer {name}.challenge {answer}"));
        self.does(&format!("enrol accept {name}.answer --awaited {name}.awaited --out {name}.enrolled"));
    }
}

/// The words in what `roster show --output json` says, with hyphens.
pub(crate) fn words(json: &str) -> String {
    let (_, rest) = json.split_once("\"words\": \"").unwrap();
    rest.split_once('"').unwrap().0.replace(' ', "-")
}
