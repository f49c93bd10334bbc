//! The script's file, read again when it has changed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Instant;

use crate::log::Log;
use crate::plan::{Fault, Plan};
use crate::script::Script;

/// Where the plan comes from, and the plan.
#[derive(Debug)]
pub(crate) struct Source {
    path: Option<PathBuf>,
    seen: Option<Version>,
    read_at: Instant,
    plan: Plan,
}

/// What differs between a file and the one that takes its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Version {
    inode: u64,
    len: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Source {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, seen: None, read_at: Instant::now(), plan: Plan::default() }
    }

    /// What happens to a call now.
    pub(crate) fn decide(&mut self, function: &str, log: &Log) -> Fault {
        self.follow(log);
        self.plan.decide(function, self.read_at.elapsed())
    }

    fn follow(&mut self, log: &Log) {
        let Some(path) = &self.path else { return };
        let version = fs::metadata(path).ok().map(|meta| Version {
            inode: meta.ino(),
            len: meta.len(),
            modified_s: meta.mtime(),
            modified_ns: meta.mtime_nsec(),
        });
        if version == self.seen {
            return;
        }
        (self.seen, self.read_at) = (version, Instant::now());
        let text = fs::read_to_string(path).unwrap_or_default();
        let script = Script::parse(&text).unwrap_or_else(|error| {
            log.script_error(&error.to_string());
            Script::default()
        });
        self.plan = Plan::new(script);
    }
}
