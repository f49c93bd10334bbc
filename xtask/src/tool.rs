//! Running other programs: shown before they run, without standard input.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::error::Error;

/// A program with its arguments, and how it is shown to the user.
#[derive(Debug)]
pub(crate) struct Tool {
    command: Command,
    shown: String,
}

/// What a captured program left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Exit code; `None` when a signal ended the program.
    pub(crate) code: Option<i32>,
    /// Standard output, then standard error.
    pub(crate) text: String,
}

impl Tool {
    /// A program found on the search path or given by its own path; shown by its file name.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let name = Path::new(program).file_name().unwrap_or(program);
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { command, shown: name.to_string_lossy().into_owned() }
    }

    /// The cargo that runs us, so that nested calls use the same toolchain.
    pub(crate) fn cargo() -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Self::new(program)
    }

    /// Adds arguments.
    pub(crate) fn args<I, S>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(&quoted(arg.as_ref()));
            self.command.arg(arg);
        }
        self
    }

    /// Sets an environment variable for this program alone.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in this directory.
    pub(crate) fn in_dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// The command line as a user would type it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Shows the command, runs it on our terminal and demands success.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        println!("$ {}", self.shown);
        let status = self.command.status().map_err(|source| spawn_error(&self.shown, source))?;
        self.demand(status)
    }

    /// Runs the program silently and captures what it says; any exit code is an answer.
    pub(crate) fn capture(mut self) -> Result<Outcome, Error> {
        let output = self.command.output().map_err(|source| spawn_error(&self.shown, source))?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok(Outcome { code: output.status.code(), text })
    }

    /// Runs the program silently; its output is shown only as part of the error.
    pub(crate) fn quiet(self) -> Result<String, Error> {
        let shown = self.shown.clone();
        let outcome = self.capture()?;
        if outcome.code == Some(0) {
            return Ok(outcome.text);
        }
        Err(Error::Failed { command: shown, status: format!("{:?}\n{}", outcome.code, outcome.text) })
    }

    /// Starts the program with both outputs in files and does not wait for it.
    pub(crate) fn spawn(mut self, stdout: &Path, stderr: &Path) -> Result<Child, Error> {
        self.command.stdout(create(stdout)?).stderr(create(stderr)?);
        self.command.spawn().map_err(|source| spawn_error(&self.shown, source))
    }

    /// Takes the program out of our terminal's process group, so that it outlives us.
    pub(crate) fn detached(mut self) -> Self {
        use std::os::unix::process::CommandExt as _;
        self.command.process_group(0);
        self
    }

    fn demand(self, status: ExitStatus) -> Result<(), Error> {
        if status.success() {
            return Ok(());
        }
        Err(Error::Failed { command: self.shown, status: status.to_string() })
    }
}

/// The program's path if it is on the search path or in one of the system directories
/// that an ordinary user's search path leaves out.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

fn create(path: &Path) -> Result<std::fs::File, Error> {
    std::fs::File::create(path).map_err(Error::file("create", path))
}

fn spawn_error(shown: &str, source: std::io::Error) -> Error {
    Error::Spawn { program: shown.to_owned(), source }
}

fn quoted(arg: &OsStr) -> String {
    let text = arg.to_string_lossy();
    if text.is_empty() || text.contains([' ', '\'', '"', '$', '*', '(', ';']) {
        format!("'{}'", text.replace('\'', "'\\''"))
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_shown_as_typed() {
        let tool = Tool::new("/usr/bin/openssl").args(["dgst", "a b", "it's"]);
        assert_eq!(tool.shown(), r"openssl dgst 'a b' 'it'\''s'");
    }

    #[test]
    fn exit_code_and_both_outputs_are_captured() {
        let outcome = Tool::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]).capture().unwrap();
        assert_eq!(outcome.code, Some(3));
        assert_eq!(outcome.text, "out\nerr\n");
    }

    #[test]
    fn missing_program_is_an_error_that_names_it() {
        let error = Tool::new("no-such-program").quiet().unwrap_err();
        assert!(error.to_string().contains("`no-such-program`"), "{error}");
    }
}
