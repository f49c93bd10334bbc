//! The command `hufu`, as a script calls it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Tool, hufu};

/// `hufu` with a profile, run in a directory of its own.
#[derive(Clone, Debug)]
pub struct Cli {
    dir: PathBuf,
    profile: PathBuf,
}

/// How a command ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Cli {
    /// The command with a profile; file names are relative to the directory.
    pub fn new(dir: &Path, profile: &Path) -> Self {
        Self { dir: dir.to_owned(), profile: profile.to_owned() }
    }

    /// The same, run in another directory.
    #[must_use]
    pub fn in_dir(&self, dir: &Path) -> Self {
        Self { dir: dir.to_owned(), ..self.clone() }
    }

    /// Runs a line of arguments without spaces in them.
    pub fn run(&self, line: &str) -> Run {
        self.run_args(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs with arguments of any form.
    pub fn run_args(&self, args: &[&str]) -> Run {
        let output = Tool::new(hufu()).args(args).env("HUFU_PROFILE", &self.profile).dir(&self.dir).output();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a line that must end with 0; answers with standard output.
    pub fn ok(&self, line: &str) -> String {
        let run = self.run(line);
        assert_eq!(run.code, 0, "`hufu {line}`: {}", run.stderr);
        run.text()
    }

    /// Runs a line that must end with 0, with `--output json`.
    pub fn json(&self, line: &str) -> Value {
        let text = self.ok(&format!("--output json {line}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("`hufu {line}`: {error}: {text}"))
    }

    /// Runs a line that must end with this code; answers with standard error.
    pub fn fails(&self, code: i32, line: &str) -> String {
        let run = self.run(line);
        assert_eq!(run.code, code, "`hufu {line}`: {}{}", run.text(), run.stderr);
        run.stderr
    }

    /// Runs a line that must be refused with exit code 3 and this reason.
    pub fn refused(&self, reason: &str, line: &str) {
        let error = self.fails(3, line);
        assert!(error.contains(&format!("({reason})")), "`hufu {line}`: {error}");
    }

    /// Writes a file beside which the command runs; answers with its path.
    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("the scratch directory is writable");
        path
    }

    /// Reads a file that the command wrote.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("`{name}`: {error}"))
    }

    /// A file of the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Run {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}
