//! The only writer.
//!
//! A caller reserves a [`Slot`] *before* it touches a backend, so that overload is answered then and not after, and hands its
//! [`Changeset`] in when it has decided. The journal gathers changesets into groups, seals their
//! audit records, commits the group once, learns what changed, and only then wakes the callers. An output whose key or
//! principal changed in the meantime is withheld: its caller gets [`JournalError::Withheld`].
//!
//! [`Journal::start`] runs it on a thread of its own; [`Journal::manual`] leaves the running to a simulation.

mod committer;
mod queue;
mod thread;

use std::sync::Arc;

use hufu_core::changeset::{Changeset, Guard};
use tokio::sync::watch;

pub use committer::{Committer, Parts};
use queue::Queue;
pub use thread::JournalThread;

/// Sizes of the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalConfig {
    /// Most changesets under way at once.
    pub slots_max: usize,
    /// Most changesets in one commit.
    pub group_max: usize,
    /// How long a group waits for slots that are reserved and have not arrived, in microseconds.
    pub gather_us_max: u64,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { slots_max: 4_096, group_max: 256, gather_us_max: 150 }
    }
}

/// Why a changeset was not committed, or its output not released.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JournalError {
    /// Every slot is taken. Nothing was done.
    #[error("every journal slot is taken")]
    Overloaded,
    /// The journal has stopped. Nothing was done.
    #[error("the journal has stopped")]
    Stopped,
    /// A guard did not hold: someone else changed the row first. Nothing was written.
    #[error("a guard did not hold")]
    Guarded(Guard),
    /// The record is durable, but what the output rests on has changed: it must not be released.
    #[error("the output is withheld")]
    Withheld,
    /// Certainly nothing was written.
    #[error("not committed: {0}")]
    NotCommitted(String),
    /// The journal stopped before it could learn whether the changeset was written.
    #[error("commit of unknown outcome")]
    Unknown,
}

/// The journal: cheap to clone, shared by all use cases.
#[derive(Clone)]
pub struct Journal {
    queue: Arc<Queue>,
    progress: watch::Receiver<Progress>,
}

/// How far the journal has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Newest commit order that brought feed items, from here or elsewhere.
    pub order: u64,
    /// Number of the next audit record.
    pub next_seq: u64,
    /// Head of this writer's audit chain.
    pub head: [u8; 32],
    /// Why nothing is being committed, if so.
    pub stalled: Option<String>,
    /// Groups in a row that could not be committed, and why the last one could not.
    pub failed: Option<(u32, String)>,
}

impl Progress {
    /// Groups that must fail in a row before the journal counts as failing.
    const FAILURES_MAX: u32 = 3;

    /// Whether what is asked now can be expected to be committed.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.stalled.is_none() && self.failed.as_ref().is_none_or(|(count, _)| *count < Self::FAILURES_MAX)
    }
}

impl Journal {
    /// Runs a journal on a thread of its own.
    ///
    /// # Errors
    /// The operating system's reason when the thread cannot be started.
    pub fn start(config: JournalConfig, parts: Parts) -> std::io::Result<(Self, JournalThread)> {
        let (journal, committer) = Self::manual(config, parts);
        let thread = JournalThread::spawn(config, journal.queue.clone(), committer)?;
        Ok((journal, thread))
    }

    /// A journal that commits only when told to: the caller runs the [`Committer`].
    #[must_use]
    pub fn manual(config: JournalConfig, parts: Parts) -> (Self, Committer) {
        let queue = Arc::new(Queue::new(config));
        let (committer, progress) = Committer::new(parts, queue.clone());
        (Self { queue, progress }, committer)
    }

    /// Takes a slot. Do it before anything else that costs or has an effect.
    ///
    /// # Errors
    /// [`JournalError::Overloaded`] when all are taken, [`JournalError::Stopped`] after the end.
    pub fn reserve(&self) -> Result<Slot, JournalError> {
        self.queue.reserve()?;
        Ok(Slot { queue: Some(self.queue.clone()) })
    }

    /// How far it has come; changes can be awaited.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Whether the journal has come to its end, in order or not: nothing will be committed any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.progress.has_changed().is_err()
    }

    /// Slots taken, and how many there are.
    #[must_use]
    pub fn slots(&self) -> (usize, usize) {
        self.queue.slots()
    }
}

/// A reserved place in the journal. Dropped without a commit, it is free again.
pub struct Slot {
    queue: Option<Arc<Queue>>,
}

impl Slot {
    /// Hands the changeset in and waits until it is durable.
    ///
    /// # Errors
    /// [`JournalError`]: whatever it says, the output must not be released.
    pub async fn commit(mut self, changeset: Changeset) -> Result<Durable, JournalError> {
        let Some(queue) = self.queue.take() else { return Err(JournalError::Stopped) };
        queue.push(changeset)?.await.unwrap_or(Err(JournalError::Unknown))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.cancel();
        }
    }
}

/// Proof that a changeset is durable and its output may be released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Durable {
    /// The newest number of the commit order at that moment.
    pub order: u64,
}
