//! The script's file, read again when it has changed, and what was done of it by processes that had it before.

use std::fs::{self, File, Metadata};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::log::Log;
use crate::plan::{Fault, Plan};
use crate::script::Script;

/// Where the plan comes from, and the plan.
#[derive(Debug)]
pub(crate) struct Source {
    path: Option<PathBuf>,
    seen: Option<Version>,
    plan: Plan,
}

/// What differs between a file and the one that takes its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Version {
    inode: u64,
    len: u64,
    modified: SystemTime,
}

impl Source {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, seen: None, plan: Plan::default() }
    }

    /// What happens to a call now.
    pub(crate) fn decide(&mut self, function: &str, log: &Log) -> Fault {
        self.follow(log);
        let fault = self.plan.decide(function, self.seen.map(Version::age).unwrap_or_default());
        if let Some(rule) = fault.counted {
            self.remember(rule);
        }
        fault
    }

    fn follow(&mut self, log: &Log) {
        let Some(path) = &self.path else { return };
        let version = fs::metadata(path).ok().and_then(|meta| Version::of(&meta));
        if version == self.seen {
            return;
        }
        self.seen = version;
        let text = fs::read_to_string(path).unwrap_or_default();
        let script = Script::parse(&text).unwrap_or_else(|error| {
            log.script_error(&error.to_string());
            Script::default()
        });
        self.plan = Plan::new(script);
        self.recall();
    }

    /// A process that crashes or is replaced must not begin to count anew.
    fn remember(&self, rule: usize) {
        let (Some(path), Some(version)) = (self.memory(), self.seen) else { return };
        if let Ok(mut file) = File::options().create(true).append(true).open(path) {
            let _ = file.write_all(format!("{} {rule}\n", version.name()).as_bytes());
        }
    }

    fn recall(&mut self) {
        let (Some(path), Some(version)) = (self.memory(), self.seen) else { return };
        let text = fs::read_to_string(path).unwrap_or_default();
        let mine = version.name();
        for (of, rule) in text.lines().filter_map(|line| line.split_once(' ')) {
            if let Ok(rule) = rule.parse()
                && of == mine
            {
                self.plan.has_acted(rule);
            }
        }
    }

    fn memory(&self) -> Option<PathBuf> {
        self.path.as_ref().map(|path| path.with_extension("acted"))
    }
}

impl Version {
    fn of(meta: &Metadata) -> Option<Self> {
        Some(Self { inode: meta.ino(), len: meta.len(), modified: meta.modified().ok()? })
    }

    /// How long ago the script was written.
    fn age(self) -> Duration {
        self.modified.elapsed().unwrap_or_default()
    }

    fn name(self) -> String {
        let written = self.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("{}-{}-{}", self.inode, self.len, written.as_nanos())
    }
}
