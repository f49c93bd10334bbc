//! Slots and the queue of changesets between callers and the committer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hufu_core::changeset::Changeset;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::{Durable, JournalConfig, JournalError};

/// A changeset and who waits for it.
pub(crate) struct Entry {
    pub(crate) changeset: Changeset,
    pub(crate) waiter: oneshot::Sender<Result<Durable, JournalError>>,
}

/// What the committer is woken for.
pub(crate) enum Gathered {
    /// A group to commit.
    Group(Vec<Entry>),
    /// Nothing came for a while.
    Idle,
    /// The journal has stopped and everything is committed.
    Stopped,
}

pub(crate) struct Queue {
    config: JournalConfig,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    /// Slots reserved whose changeset has not arrived.
    reserved: usize,
    /// Changesets taken out and not yet answered.
    committing: usize,
    /// Changesets answered last: their callers may come again at once.
    answered: usize,
    /// Changesets that the group under way had better hold.
    expected: usize,
    stopped: bool,
    waiting: Waiting,
}

/// What the committer's thread waits for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Waiting {
    #[default]
    Not,
    ForFirst,
    ForGroup,
}

impl Queue {
    pub(crate) fn new(config: JournalConfig) -> Self {
        Self { config, state: Mutex::default(), wake: Condvar::new() }
    }

    pub(crate) fn reserve(&self) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        if state.stopped {
            return Err(JournalError::Stopped);
        }
        if state.taken() >= self.config.slots_max {
            return Err(JournalError::Overloaded);
        }
        state.reserved += 1;
        Ok(())
    }

    pub(crate) fn cancel(&self) {
        let mut state = self.state.lock();
        state.reserved = state.reserved.saturating_sub(1);
        self.notify(&state);
    }

    pub(crate) fn push(
        &self,
        changeset: Changeset,
    ) -> Result<oneshot::Receiver<Result<Durable, JournalError>>, JournalError> {
        let (waiter, answer) = oneshot::channel();
        let mut state = self.state.lock();
        state.reserved = state.reserved.saturating_sub(1);
        if state.stopped && state.waiting == Waiting::Not && state.entries.is_empty() && state.committing == 0 {
            return Err(JournalError::Stopped);
        }
        state.entries.push_back(Entry { changeset, waiter });
        self.notify(&state);
        Ok(answer)
    }

    /// Waits for a group: until every reserved slot and as many callers as were here a moment ago have arrived, the group
    /// is full, or the gather time is over. A commit costs much and a record in it little, so that waiting for the others
    /// pays; who is alone never waits.
    pub(crate) fn gather(&self, idle: Duration) -> Gathered {
        let mut state = self.state.lock();
        state.expected = (state.entries.len() + state.answered).min(self.config.group_max);
        let idle_until = Instant::now() + idle;
        while state.entries.is_empty() {
            if state.stopped && state.reserved == 0 {
                return Gathered::Stopped;
            }
            state.waiting = Waiting::ForFirst;
            let timed_out = self.wake.wait_until(&mut state, idle_until).timed_out();
            state.waiting = Waiting::Not;
            if timed_out && state.entries.is_empty() {
                state.answered = 0;
                return if state.stopped { Gathered::Stopped } else { Gathered::Idle };
            }
        }
        let until = Instant::now() + Duration::from_micros(self.config.gather_us_max);
        while !self.is_complete(&state) {
            state.waiting = Waiting::ForGroup;
            let timed_out = self.wake.wait_until(&mut state, until).timed_out();
            state.waiting = Waiting::Not;
            if timed_out {
                break;
            }
        }
        Gathered::Group(self.take(&mut state))
    }

    /// Takes what is there, at most one group, without waiting.
    pub(crate) fn drain(&self) -> Vec<Entry> {
        self.take(&mut self.state.lock())
    }

    /// The group taken last has been answered.
    pub(crate) fn answered(&self, count: usize) {
        let mut state = self.state.lock();
        state.committing = state.committing.saturating_sub(count);
        state.answered = count;
    }

    /// No more reservations; what is reserved may still arrive.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        self.wake.notify_one();
    }

    /// Nobody will commit any more: whoever waits learns that the outcome is unknown.
    pub(crate) fn abandon(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        state.entries.clear();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    pub(crate) fn slots(&self) -> (usize, usize) {
        (self.state.lock().taken(), self.config.slots_max)
    }

    fn take(&self, state: &mut State) -> Vec<Entry> {
        let count = state.entries.len().min(self.config.group_max);
        state.committing += count;
        state.entries.drain(..count).collect()
    }

    /// Wakes the committer only when it can go on: waking costs more than waiting.
    fn notify(&self, state: &State) {
        let ready = match state.waiting {
            Waiting::Not => false,
            Waiting::ForFirst => !state.entries.is_empty() || state.stopped,
            Waiting::ForGroup => self.is_complete(state),
        };
        if ready {
            self.wake.notify_one();
        }
    }

    /// Whether nobody else is expected, or there is no room for more.
    fn is_complete(&self, state: &State) -> bool {
        let come = state.entries.len();
        (state.reserved == 0 && come >= state.expected) || come >= self.config.group_max
    }
}

impl State {
    fn taken(&self) -> usize {
        self.reserved + self.entries.len() + self.committing
    }
}
