//! Dedicated threads for long work, with a bounded queue.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Instant;

use hufu_core::backend::BackendError;
use tokio::sync::oneshot;

use crate::backend::failed;

/// Jobs that may wait for each thread.
const QUEUE_PER_THREAD: usize = 256;

type Job = Box<dyn FnOnce() + Send>;

/// The threads end when the pool is dropped and its queue is empty.
pub(crate) struct Pool {
    queue: SyncSender<Job>,
}

impl Pool {
    pub(crate) fn start(threads: NonZeroUsize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(threads.get().saturating_mul(QUEUE_PER_THREAD));
        let jobs = Arc::new(Mutex::new(jobs));
        for index in 0..threads.get() {
            let jobs = Arc::clone(&jobs);
            Builder::new().name(format!("software-{index}")).spawn(move || serve(&jobs))?;
        }
        Ok(Self { queue })
    }

    /// Runs work on one of the threads.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, `DeadlineExceeded` when the deadline passes first (work that has not begun by
    /// then is never begun), or what the work answers.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let (reply, answer) = oneshot::channel();
        let job = move || {
            // The caller has gone or the time is up: nobody would read the result.
            if !reply.is_closed() && Instant::now() < deadline {
                let result = catch_unwind(AssertUnwindSafe(work));
                let _ = reply.send(result.unwrap_or_else(|_| Err(failed("the operation ended in a panic"))));
            }
        };
        self.queue.try_send(Box::new(job)).map_err(|error| match error {
            TrySendError::Full(_) => BackendError::Overloaded,
            TrySendError::Disconnected(_) => BackendError::Unavailable("the threads have ended".to_owned()),
        })?;
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(BackendError::DeadlineExceeded),
        }
    }
}

fn serve(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    fn soon(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn a_full_queue_overloads_and_waiting_jobs_respect_their_deadline() {
        let pool = Pool::start(NonZeroUsize::MIN).unwrap();
        let ((begun, begins), (release, held)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
        let mut busy = pin!(pool.run(soon(60_000), move || {
            begun.send(()).unwrap();
            held.recv().unwrap();
            Ok(())
        }));
        assert!(enter(busy.as_mut()));
        begins.recv().unwrap();
        // The only thread is held by the first job: these fill the queue.
        let mut waiting: Vec<_> = (0..QUEUE_PER_THREAD)
            .map(|_| Box::pin(pool.run(soon(50), || -> Result<(), _> { panic!("late") })))
            .collect();
        assert!(waiting.iter_mut().all(|job| enter(job.as_mut())));
        assert_eq!(pool.run(soon(50), || Ok(())).await, Err(BackendError::Overloaded));
        for job in waiting {
            assert_eq!(job.await, Err(BackendError::DeadlineExceeded));
        }
        release.send(()).unwrap();
        assert_eq!(busy.await, Ok(()));
        assert_eq!(pool.run(soon(2000), || Ok(7)).await, Ok(7), "expired jobs are skipped, not run");
    }

    /// Polls a call once, which puts its job into the queue. Whether it waits now.
    fn enter<F: Future>(call: Pin<&mut F>) -> bool {
        call.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[tokio::test]
    async fn a_panic_ends_the_job_and_not_the_thread() {
        let pool = Pool::start(NonZeroUsize::MIN).unwrap();
        let result: Result<(), _> = pool.run(soon(2000), || panic!("on purpose")).await;
        assert_eq!(result, Err(failed("the operation ended in a panic")));
        assert_eq!(pool.run(soon(2000), || Ok(7)).await, Ok(7));
    }
}
