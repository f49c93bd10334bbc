//! The system calls of a running server, seen and spoiled by strace.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Tool, wait_until};

const ATTACHED_WITHIN: Duration = Duration::from_secs(10);
const DETACHED_WITHIN: Duration = Duration::from_secs(5);

/// strace, attached to a process and all its threads.
#[derive(Debug)]
pub struct Strace {
    child: Child,
    output: PathBuf,
}

/// One system call. Calls of different threads overlap; lines are numbered as strace saw the calls begin and end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Syscall {
    /// Its name.
    pub name: String,
    /// The first argument with what strace knows of it: a file's path, a socket's ends.
    pub first: String,
    /// Line and time (microseconds since the Unix epoch) at which it began.
    pub began: (usize, u64),
    /// The same of its end.
    pub ended: (usize, u64),
    /// What it returned.
    pub result: i64,
    /// Whether strace made it fail.
    pub injected: bool,
}

impl Strace {
    /// Attaches to a process, or says why that is not possible, which is printed.
    pub fn attach(test: &str, pid: u32, dir: &Path, arguments: &[&str]) -> Option<Self> {
        let (output, errors) = (dir.join("strace.out"), dir.join("strace.err"));
        let stderr = File::create(&errors).expect("the scratch directory is writable");
        let child = Command::new("strace")
            .args(["-f", "-ttt", "-yy", "-s", "0", "-p", &pid.to_string(), "-o"])
            .arg(&output)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(stderr)
            .spawn();
        let mut strace = match child {
            Ok(child) => Self { child, output },
            Err(error) => {
                println!("skipped: {test}: strace cannot be run: {error}");
                return None;
            }
        };
        let attached = wait_until(ATTACHED_WITHIN, || {
            let said = fs::read_to_string(&errors).unwrap_or_default();
            let ended = strace.child.try_wait().is_ok_and(|ended| ended.is_some());
            // It may have been attached and, its process dead, have ended again.
            let attached = said.contains(" attached");
            (ended || attached).then_some(attached)
        });
        if attached == Some(true) {
            return Some(strace);
        }
        println!("skipped: {test}: {}", fs::read_to_string(&errors).unwrap_or_default().trim());
        None
    }

    /// Lets the process go on by itself; answers with what was seen.
    pub fn detach(mut self) -> Vec<Syscall> {
        self.interrupt();
        parse(&fs::read_to_string(&self.output).expect("strace writes its output"))
    }

    fn interrupt(&mut self) {
        // A process that has ended needs no signal.
        let _ = Tool::new("kill").args(["-INT", &self.child.id().to_string()]).output();
        let ended = wait_until(DETACHED_WITHIN, || self.child.try_wait().ok().flatten().map(drop));
        if ended.is_none() {
            // It waits for a thread of a process that it has killed. Until it goes, nobody else hears of that end.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.interrupt();
        }
    }
}

fn parse(text: &str) -> Vec<Syscall> {
    let mut calls = Vec::new();
    let mut open: HashMap<(String, String), (String, (usize, u64))> = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let Some((thread, at, rest)) = head(line) else { continue };
        let now = (number, at);
        let (name, first, began) = match rest.strip_prefix("<... ") {
            Some(resumed) => {
                let Some((name, _)) = resumed.split_once(" resumed>") else { continue };
                let Some((first, began)) = open.remove(&(thread, name.to_owned())) else { continue };
                (name.to_owned(), first, began)
            }
            None => {
                let Some((name, arguments)) = rest.split_once('(') else { continue };
                let first = arguments.split([',', ')', ' ']).next().unwrap_or_default().to_owned();
                if rest.ends_with("<unfinished ...>") {
                    open.insert((thread, name.to_owned()), (first, now));
                    continue;
                }
                (name.to_owned(), first, now)
            }
        };
        let injected = rest.ends_with("(INJECTED)");
        let result = rest.rsplit_once(" = ").and_then(|(_, result)| result.split(' ').next()?.parse().ok());
        let Some(result) = result else { continue };
        calls.push(Syscall { name, first, began, ended: now, result, injected });
    }
    calls
}

/// Thread, time and the rest of a line.
fn head(line: &str) -> Option<(String, u64, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (time, rest) = rest.trim_start().split_once(' ')?;
    let (seconds, micros) = time.split_once('.')?;
    let at = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
    Some((thread.to_owned(), at, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_put_together_from_their_halves() {
        let text = "11 1700000000.000001 fdatasync(9</d/hufu.db-wal> <unfinished ...>\n\
                    12 1700000000.000002 sendto(15<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"\"..., 123, 0, NULL, 0) = 123\n\
                    11 1700000000.000003 <... fdatasync resumed>) = -1 EIO (Input/output error) (INJECTED)\n\
                    11 1700000000.000004 +++ exited with 0 +++\n";
        let calls = parse(text);
        let [sent, synced] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!((sent.name.as_str(), sent.result, sent.began), ("sendto", 123, (1, 1_700_000_000_000_002)));
        assert_eq!((synced.first.as_str(), synced.result, synced.injected), ("9</d/hufu.db-wal>", -1, true));
        assert_eq!((synced.began.0, synced.ended.0), (0, 2));
    }
}
