//! A future that is polled by whoever wakes it.
//!
//! The thread that has an answer writes it to the socket itself. An executor between them would cost a thread switch for each
//! operation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use hufu_core::BoxFuture;
use hufu_secret::end_process;
use parking_lot::Mutex;

const IDLE: u8 = 0;
const POLLING: u8 = 1;
/// It was woken while it was polled.
const AGAIN: u8 = 2;
const DONE: u8 = 3;

/// A future and who polls it. Only the thread that set `POLLING` takes the lock, so nobody waits for it.
pub(super) struct Task {
    state: AtomicU8,
    future: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Task {
    /// Polls the future for the first time, here.
    pub(super) fn start(future: BoxFuture<'static, ()>) {
        Arc::new(Self { state: AtomicU8::new(IDLE), future: Mutex::new(Some(future)) }).wake();
    }

    /// Whether this thread is the one that polls now; if another is, it will poll once more.
    fn claim(&self) -> bool {
        loop {
            let claimed = self.state.compare_exchange(IDLE, POLLING, Ordering::AcqRel, Ordering::Acquire);
            let Err(state) = claimed else { return true };
            if state != POLLING {
                return false;
            }
            if self.state.compare_exchange(POLLING, AGAIN, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return false;
            }
        }
    }

    /// Whether nothing is left to be polled now.
    fn rest(&self) -> bool {
        let rested = self.state.compare_exchange(POLLING, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !rested {
            self.state.store(POLLING, Ordering::Release);
        }
        rested
    }

    fn poll(self: &Arc<Self>) -> Poll<()> {
        let waker = Waker::from(Arc::clone(self));
        let mut future = self.future.lock();
        let Some(running) = future.as_mut() else { return Poll::Ready(()) };
        let polled = running.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            *future = None;
        }
        polled
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if !self.claim() {
            return;
        }
        loop {
            // A caller would wait for an answer that never comes: the host replaces a process, not a thread.
            match catch_unwind(AssertUnwindSafe(|| self.poll())) {
                Ok(Poll::Ready(())) => return self.state.store(DONE, Ordering::Release),
                Ok(Poll::Pending) if self.rest() => return,
                Ok(Poll::Pending) => {}
                Err(_) => end_process(101),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn answers_arrive_on_the_thread_that_has_them() {
        let (done, finished) = mpsc::channel();
        let mut senders = Vec::new();
        for _ in 0..100 {
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let done = done.clone();
            senders.push(sender);
            Task::start(Box::pin(async move {
                receiver.await.unwrap();
                done.send(std::thread::current().id()).unwrap();
            }));
        }
        let other = std::thread::spawn(move || senders.into_iter().for_each(|sender| sender.send(()).unwrap()));
        let id = other.thread().id();
        other.join().unwrap();
        assert_eq!(finished.try_iter().filter(|at| *at == id).count(), 100);
    }

    #[test]
    fn a_task_woken_while_it_is_polled_is_polled_again() {
        let (done, finished) = mpsc::channel();
        Task::start(Box::pin(async move {
            for _ in 0..3 {
                let mut woken = false;
                std::future::poll_fn(|context| {
                    context.waker().wake_by_ref();
                    if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            }
            done.send(()).unwrap();
        }));
        assert_eq!(finished.try_iter().count(), 1);
    }
}
