//! Threads that own one session each, behind a bounded queue.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use hufu_core::backend::BackendError;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::link::Link;
use crate::token::Token;

/// Jobs that may wait for each session.
const QUEUE_PER_SESSION: usize = 1_024;

/// A job that was given this long and did not end tells that the token hangs.
const HANG: Duration = Duration::from_secs(1);

type Work = Box<dyn FnOnce(&mut Link) + Send>;

struct Job {
    deadline: Instant,
    work: Work,
}

/// No call is under way on a session.
const IDLE: u64 = u64::MAX;

/// What each session is busy with: the deadline of its call, in microseconds since the pool began.
struct Busy {
    began: Instant,
    deadlines_us: Vec<AtomicU64>,
}

impl Busy {
    fn us(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_micros()).unwrap_or(IDLE - 1)
    }

    fn set(&self, session: usize, deadline_us: u64) {
        if let Some(slot) = self.deadlines_us.get(session) {
            slot.store(deadline_us, Ordering::Relaxed);
        }
    }
}

pub(crate) struct Pool {
    queue: SyncSender<Job>,
    busy: Arc<Busy>,
    token: Arc<Token>,
}

impl Pool {
    /// Starts the threads; the first takes over a link that is open already.
    pub(crate) fn start(sessions: NonZeroUsize, first: Link) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(sessions.get().saturating_mul(QUEUE_PER_SESSION));
        let (jobs, token) = (Arc::new(Mutex::new(jobs)), Arc::clone(first.token()));
        let deadlines_us = (0..sessions.get()).map(|_| AtomicU64::new(IDLE)).collect();
        let busy = Arc::new(Busy { began: Instant::now(), deadlines_us });
        let mut first = Some(first);
        for index in 0..sessions.get() {
            let (jobs, busy) = (Arc::clone(&jobs), Arc::clone(&busy));
            let link = first.take().unwrap_or_else(|| Link::new(Arc::clone(&token)));
            Builder::new().name(format!("pkcs11-{index}")).spawn(move || serve(link, &jobs, index, &busy))?;
        }
        Ok(Self { queue, busy, token })
    }

    /// By how much the call that hangs the longest has outlived its deadline.
    pub(crate) fn overdue(&self) -> Duration {
        let now_us = self.busy.us(Instant::now());
        let overdue = self.busy.deadlines_us.iter().map(|slot| now_us.saturating_sub(slot.load(Ordering::Relaxed)));
        Duration::from_micros(overdue.max().unwrap_or_default())
    }

    /// Runs work on one of the sessions.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, `DeadlineExceeded` when the deadline passes first, even if the device hangs
    /// (work that has not begun by then is never begun), or what the work answers.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&mut Link) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let asked_at = Instant::now();
        let (reply, answer) = oneshot::channel();
        let work = move |link: &mut Link| {
            // The caller has gone or the time is up: nobody would read the result.
            if !reply.is_closed() && Instant::now() < deadline {
                let panicked = || BackendError::Failed("the operation ended in a panic".to_owned());
                let result = catch_unwind(AssertUnwindSafe(|| work(link)));
                let _ = reply.send(result.unwrap_or_else(|_| Err(panicked())));
            }
        };
        self.queue.try_send(Job { deadline, work: Box::new(work) }).map_err(|error| match error {
            TrySendError::Full(_) => BackendError::Overloaded,
            TrySendError::Disconnected(_) => BackendError::Unavailable("the sessions have ended".to_owned()),
        })?;
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => {
                if asked_at.elapsed() >= HANG {
                    self.token.down("the token did not answer in time");
                }
                Err(BackendError::DeadlineExceeded)
            }
        }
    }
}

fn serve(mut link: Link, jobs: &Mutex<Receiver<Job>>, session: usize, busy: &Busy) {
    loop {
        let job = jobs.lock().recv();
        match job {
            Ok(job) => {
                busy.set(session, busy.us(job.deadline));
                (job.work)(&mut link);
                busy.set(session, IDLE);
            }
            Err(_) => return,
        }
    }
}
