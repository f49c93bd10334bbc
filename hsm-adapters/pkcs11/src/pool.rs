//! A bounded queue in front of the threads that own the sessions.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use hufu_core::backend::BackendError;
use tokio::sync::oneshot;

use crate::crew::{Crew, Job, Patience};
use crate::link::Link;
use crate::watch;

/// Jobs that may wait for each session.
const QUEUE_PER_SESSION: usize = 1_024;

/// How long the end waits for the threads. One that hangs is left behind.
const END_WAIT_MAX: Duration = Duration::from_secs(1);

/// Dropped from the first field to the last: the threads see the end of the queue, the watch that of its channel, and then
/// they are waited for. A library must not be called while the process ends.
pub(crate) struct Pool {
    queue: Arc<SyncSender<Job>>,
    _watch: SyncSender<()>,
    ends: Ending,
}

struct Ending(Arc<Crew>);

impl Drop for Ending {
    fn drop(&mut self) {
        let until = Instant::now() + END_WAIT_MAX;
        // Each thread holds the crew.
        while Arc::strong_count(&self.0) > 1 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Pool {
    /// Starts the threads; the first takes over a link that is open already.
    pub(crate) fn start(sessions: NonZeroUsize, hang_after: Duration, first: Link) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(sessions.get().saturating_mul(QUEUE_PER_SESSION));
        let queue = Arc::new(queue);
        let crew = Arc::new(Crew::new(jobs, Arc::clone(first.token()), sessions, hang_after));
        crew.seat_first(first)?;
        let watch = watch::start(Arc::clone(&crew), Arc::downgrade(&queue))?;
        Ok(Self { queue, _watch: watch, ends: Ending(crew) })
    }

    /// By how much the call that hangs the longest is overdue.
    pub(crate) fn overdue(&self) -> Duration {
        self.ends.0.overdue()
    }

    /// Runs work on one of the sessions.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, `DeadlineExceeded` when the deadline passes first, even if the device hangs
    /// (work that has not begun by then is never begun), `Unavailable` when every session hangs, or what the work answers.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        patience: Patience,
        work: impl FnOnce(&mut Link) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let (reply, answer) = oneshot::channel();
        let job = move |link: &mut Link| {
            // The caller has gone or the time is up: nobody would read the result.
            if !reply.is_closed() && Instant::now() < deadline {
                let panicked = || BackendError::Failed("the operation ended in a panic".to_owned());
                let result = catch_unwind(AssertUnwindSafe(|| work(link)));
                let _ = reply.send(result.unwrap_or_else(|_| Err(panicked())));
            }
        };
        self.queue.try_send(Job::new(patience, job)).map_err(|error| match error {
            TrySendError::Full(_) => BackendError::Overloaded,
            TrySendError::Disconnected(_) => BackendError::Unavailable("the sessions have ended".to_owned()),
        })?;
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(result)) => result,
            // Sent away unserved, because nobody was left to serve it.
            Ok(Err(_)) if Instant::now() < deadline => {
                Err(BackendError::Unavailable("every session hangs in a call".to_owned()))
            }
            Ok(Err(_)) | Err(_) => Err(BackendError::DeadlineExceeded),
        }
    }
}
