//! Threads behind a bounded queue, for work of adapters that blocks or takes long.
//!
//! Each thread owns a state of its own, such as a connection to a device. The wait for an answer is on tokio's clock.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Instant;

use hufu_core::backend::BackendError;
use tokio::sync::oneshot;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The threads end when the pool is dropped and its queue is empty.
pub struct Pool<S> {
    queue: SyncSender<Job<S>>,
}

/// How large a pool is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Number of threads.
    pub threads: NonZeroUsize,
    /// Jobs that may wait, for each thread.
    pub queue_per_thread: usize,
}

impl<S: 'static> Pool<S> {
    /// Starts the threads. Each makes its state, on itself.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(name: &str, size: Size, state: impl Fn() -> S + Clone + Send + 'static) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(size.threads.get().saturating_mul(size.queue_per_thread));
        let jobs = Arc::new(Mutex::new(jobs));
        for index in 0..size.threads.get() {
            let (jobs, state) = (Arc::clone(&jobs), state.clone());
            Builder::new().name(format!("{name}-{index}")).spawn(move || serve(&mut state(), &jobs))?;
        }
        Ok(Self { queue })
    }

    /// Runs work on one of the threads.
    ///
    /// # Errors
    /// `Overloaded` when the queue is full, `DeadlineExceeded` when the deadline passes first (work that has not begun by
    /// then is never begun), or what the work answers.
    pub async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&mut S) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let (reply, answer) = oneshot::channel();
        let job = move |state: &mut S| {
            // The caller has gone or the time is up: nobody would read the result.
            if !reply.is_closed() && Instant::now() < deadline {
                let panicked = || BackendError::Failed("the operation ended in a panic".to_owned());
                let result = catch_unwind(AssertUnwindSafe(|| work(state)));
                let _ = reply.send(result.unwrap_or_else(|_| Err(panicked())));
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

fn serve<S>(state: &mut S, jobs: &Mutex<Receiver<Job<S>>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(state),
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

    const QUEUE: usize = 16;

    fn one_thread() -> Pool<u32> {
        let size = Size { threads: NonZeroUsize::MIN, queue_per_thread: QUEUE };
        Pool::start("test", size, || 7).unwrap()
    }

    fn soon(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn a_full_queue_overloads_and_waiting_jobs_respect_their_deadline() {
        let pool = one_thread();
        let ((begun, begins), (release, held)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
        let mut busy = pin!(pool.run(soon(60_000), move |_| {
            begun.send(()).unwrap();
            held.recv().unwrap();
            Ok(())
        }));
        assert!(enter(busy.as_mut()));
        begins.recv().unwrap();
        // The only thread is held by the first job: these fill the queue.
        let mut waiting: Vec<_> =
            (0..QUEUE).map(|_| Box::pin(pool.run(soon(50), |_| -> Result<(), _> { panic!("late") }))).collect();
        assert!(waiting.iter_mut().all(|job| enter(job.as_mut())));
        assert_eq!(pool.run(soon(50), |_| Ok(())).await, Err(BackendError::Overloaded));
        for job in waiting {
            assert_eq!(job.await, Err(BackendError::DeadlineExceeded));
        }
        release.send(()).unwrap();
        assert_eq!(busy.await, Ok(()));
        assert_eq!(pool.run(soon(2000), |state| Ok(*state)).await, Ok(7), "expired jobs are skipped, not run");
    }

    /// Polls a call once, which puts its job into the queue. Whether it waits now.
    fn enter<F: Future>(call: Pin<&mut F>) -> bool {
        call.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    #[tokio::test]
    async fn a_panic_ends_the_job_and_not_the_thread() {
        let pool = one_thread();
        let result: Result<(), _> = pool.run(soon(2000), |_| panic!("on purpose")).await;
        assert_eq!(result, Err(BackendError::Failed("the operation ended in a panic".to_owned())));
        assert_eq!(pool.run(soon(2000), |state| Ok(*state)).await, Ok(7));
    }
}
