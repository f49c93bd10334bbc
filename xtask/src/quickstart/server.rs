//! The development server of the story.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::tool::Tool;

use super::story::Story;

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// A running `hufud`; dropped, it is killed, unless it was told to stop or left running before.
#[derive(Debug)]
pub(super) struct Server {
    child: Option<Child>,
    ready: Ready,
    logs: PathBuf,
}

/// What the server's ready line tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) address: String,
    pub(super) profile: PathBuf,
}

impl Server {
    /// Starts the server on a data directory under `directory` and waits for its ready line.
    pub(super) fn start(story: &Story, hufud: &Path, directory: &Path, keep: bool) -> Result<Self, Error> {
        story.chapter("A server");
        let mut tool = Tool::new(hufud)
            .args(["--dev", "--data-dir"])
            .args([directory.join("data")])
            .args(["--listen", "127.0.0.1:0"]);
        if keep {
            tool = tool.detached();
        }
        println!("    $ {}", tool.shown());
        let said = directory.join("hufud.out");
        let logs = directory.join("hufud.log");
        let mut child = tool.spawn(&said, &logs)?;
        match wait_until(&mut child, &said, parse_ready) {
            Some(ready) => {
                story.remark(&format!("ready at {}", ready.address));
                Ok(Self { child: Some(child), ready, logs })
            }
            None => {
                end(&mut child);
                Err(not_ready(&logs))
            }
        }
    }

    /// Starts a server that waits for shares.
    pub(super) fn start_sealed(tool: Tool, directory: &Path) -> Result<Self, Error> {
        println!("    $ {}", tool.shown());
        let said = directory.join("hufud.out");
        let logs = directory.join("hufud.log");
        let mut child = tool.spawn(&said, &logs)?;
        match wait_until(&mut child, &said, parse_sealed) {
            Some(ready) => Ok(Self { child: Some(child), ready, logs }),
            None => {
                end(&mut child);
                Err(not_ready(&logs))
            }
        }
    }

    /// Where it listens, and the administrator's profile.
    pub(super) fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Its process id, while it runs.
    pub(super) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Asks it to drain and end, as an operator would, and waits for a clean exit.
    pub(super) fn stop(mut self) -> Result<(), Error> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let asked = Tool::new("kill").args(["-TERM", &child.id().to_string()]).quiet();
        let code = asked.is_ok().then(|| exit_code(&mut child)).flatten();
        if code == Some(0) {
            return Ok(());
        }
        end(&mut child);
        Err(Error::Unexpected {
            step: "stop the server".to_owned(),
            expected: "exit code 0 after SIGTERM".to_owned(),
            output: last_lines(&self.logs),
        })
    }

    /// Lets it outlive us.
    pub(super) fn leave_running(mut self) {
        drop(self.child.take());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

fn end(child: &mut Child) {
    // It is our own child; if it is gone already there is nothing to do.
    let _ = child.kill();
    let _ = child.wait();
}

fn wait_until(child: &mut Child, said: &Path, parse: fn(&str) -> Option<Ready>) -> Option<Ready> {
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline {
        let text = std::fs::read_to_string(said).unwrap_or_default();
        if let Some(ready) = text.lines().find_map(parse) {
            return Some(ready);
        }
        if child.try_wait().is_ok_and(|status| status.is_some()) {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Reads `ready: https://ADDR:PORT profile PATH`.
fn parse_ready(line: &str) -> Option<Ready> {
    let (address, profile) = line.strip_prefix("ready: ")?.split_once(" profile ")?;
    Some(Ready { address: address.to_owned(), profile: PathBuf::from(profile) })
}

/// Reads `sealed: https://ADDR:PORT`. Such a server writes no profile.
fn parse_sealed(line: &str) -> Option<Ready> {
    let address = line.strip_prefix("sealed: ")?.split(' ').next()?;
    Some(Ready { address: address.to_owned(), profile: PathBuf::new() })
}

fn exit_code(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + STOPPED_WITHIN;
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

fn not_ready(logs: &Path) -> Error {
    Error::NotReady { what: "hufud", seconds: READY_WITHIN.as_secs(), output: last_lines(logs) }
}

fn last_lines(logs: &Path) -> String {
    let text = std::fs::read_to_string(logs).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let from = lines.len().saturating_sub(30);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_line_is_read() {
        let ready = parse_ready("ready: https://127.0.0.1:4711 profile d/profiles/admin.toml");
        let expected =
            Ready { address: "https://127.0.0.1:4711".to_owned(), profile: PathBuf::from("d/profiles/admin.toml") };
        assert_eq!(ready, Some(expected));
        assert_eq!(parse_ready("readying"), None);
    }

    #[test]
    fn server_that_ends_at_once_is_reported_with_its_log() {
        let directory = tempfile::tempdir().unwrap();
        // A shell knows no `--dev`: it complains on standard error and ends.
        let hufud = Path::new("sh");
        let error = Server::start(&Story::default(), hufud, directory.path(), false).unwrap_err();
        assert!(error.to_string().contains("option"), "{error}");
    }
}
