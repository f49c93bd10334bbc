//! The way to one worker process: what goes to it, and who waits for what comes back.

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use hufu_core::backend::{BackendError, Operation, Outcome};
use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::sync::{Notify, oneshot};

use crate::wire::{Answer, Buffer, FrameReader, Pulse, ToWorker, check_len};

/// Calls that may wait for answers, for each session; as many as the worker itself queues.
pub(super) const CALLS_PER_SESSION: usize = 1_024;
/// Most bytes that may wait for the socket.
const WAITING_LEN_MAX: usize = 64 << 20;

/// What a call came to.
pub(super) enum Reply {
    /// The worker has answered.
    Answer(Result<Outcome, BackendError>),
    /// The worker has ended. Whether it may have seen the call.
    Lost {
        /// Something of the call went into the socket.
        reached: bool,
    },
}

pub(super) struct Link {
    socket: UnixStream,
    pid: u32,
    calls_max: usize,
    exchange: Mutex<Exchange>,
    pulse: Mutex<Pulse>,
    /// The socket takes no more: the supervisor writes on when it does.
    blocked: Notify,
}

#[derive(Default)]
struct Exchange {
    next_id: u64,
    calls: HashMap<u64, Waiting>,
    closed: bool,
    waiting: Buffer,
    spare: Buffer,
    /// What the socket did not take, and how much of that it did.
    rest: Option<(Buffer, usize)>,
    writing: bool,
    /// Bytes ever put into `waiting`, and bytes ever taken from there for the socket.
    gathered: u64,
    taken: u64,
}

struct Waiting {
    reply: oneshot::Sender<Reply>,
    /// Where its frame begins in all that was ever gathered.
    begins: u64,
}

impl Link {
    pub(super) fn new(socket: UnixStream, sessions: usize, pid: u32) -> Self {
        Self {
            socket,
            pid,
            calls_max: sessions.saturating_mul(CALLS_PER_SESSION),
            exchange: Mutex::default(),
            pulse: Mutex::default(),
            blocked: Notify::new(),
        }
    }

    /// Process id of the worker.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Calls that wait for answers.
    pub(super) fn under_way(&self) -> u32 {
        u32::try_from(self.exchange.lock().calls.len()).unwrap_or(u32::MAX)
    }

    /// How the backend was when the worker last spoke.
    pub(super) fn pulse(&self) -> Pulse {
        self.pulse.lock().clone()
    }

    pub(super) fn feel(&self, pulse: Pulse) {
        let mut known = self.pulse.lock();
        if *known != pulse {
            *known = pulse;
        }
    }

    /// Asks for something and waits for the answer, until the deadline.
    pub(super) async fn call(&self, operation: &Operation<'_>, deadline: Instant) -> Result<Reply, BackendError> {
        let len = check_len(operation)?;
        let (reply, answer) = oneshot::channel();
        let Some((id, crowd)) = self.enter(operation, len, deadline, reply)? else {
            return Ok(Reply::Lost { reached: false });
        };
        let _leave = Leave { link: self, id };
        {
            // Also when this future is dropped: what was gathered may be of others.
            let _flush = Flush(self);
            if crowd {
                // Others that are ready to run add theirs: one system call for all.
                tokio::task::yield_now().await;
            }
        }
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Ok(Reply::Lost { reached: true }),
            Err(_) => Err(BackendError::DeadlineExceeded),
        }
    }

    /// Gathers the request. Answers its number and whether others wait for answers too; nothing when the worker has ended.
    fn enter(
        &self,
        operation: &Operation<'_>,
        len: usize,
        deadline: Instant,
        reply: oneshot::Sender<Reply>,
    ) -> Result<Option<(u64, bool)>, BackendError> {
        let mut exchange = self.exchange.lock();
        if exchange.closed {
            return Ok(None);
        }
        let others = exchange.calls.len();
        if others >= self.calls_max || (exchange.waiting.len().saturating_add(len) > WAITING_LEN_MAX && others > 0) {
            return Err(BackendError::Overloaded);
        }
        exchange.next_id += 1;
        let (id, begins) = (exchange.next_id, exchange.gathered);
        let remaining = deadline.saturating_duration_since(Instant::now());
        exchange.gather(|buffer| ToWorker::write_request(buffer, len, id, remaining, operation));
        exchange.calls.insert(id, Waiting { reply, begins });
        Ok(Some((id, others > 0)))
    }

    /// Asks the worker how it is.
    pub(super) fn ping(&self) {
        self.exchange.lock().gather(ToWorker::write_ping);
        self.flush();
    }

    /// Tells the worker that a result was wrong.
    pub(super) fn distrust(&self) {
        self.exchange.lock().gather(ToWorker::write_distrust);
        self.flush();
    }

    /// Says the configuration.
    pub(super) fn configure(&self, config: &hufu_pkcs11::Config) {
        self.exchange.lock().gather(|buffer| ToWorker::write_configuration(buffer, config));
        self.flush();
    }

    /// Gives what was gathered to the socket. What it does not take now, the supervisor writes later.
    fn flush(&self) {
        loop {
            let mut batch = {
                let mut exchange = self.exchange.lock();
                if exchange.writing || exchange.closed || exchange.waiting.is_empty() {
                    return;
                }
                exchange.take()
            };
            let written = self.socket.try_write(batch.bytes()).unwrap_or_default();
            let mut exchange = self.exchange.lock();
            if written < batch.len() {
                exchange.rest = Some((batch, written));
                drop(exchange);
                return self.blocked.notify_one();
            }
            batch.clear();
            exchange.spare = batch;
            exchange.writing = false;
        }
    }

    /// Writes what the socket did not take, whenever there is something; for the supervisor. Ends when the socket fails.
    pub(super) async fn write_blocked(&self) -> io::Error {
        loop {
            self.blocked.notified().await;
            let Some((mut batch, mut written)) = self.exchange.lock().rest.take() else { continue };
            while let Some(left) = batch.bytes().get(written..).filter(|left| !left.is_empty()) {
                if let Err(error) = self.socket.writable().await {
                    return error;
                }
                match self.socket.try_write(left) {
                    Ok(len) => written += len,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return error,
                }
            }
            batch.clear();
            self.exchange.lock().writing = false;
            self.flush();
        }
    }

    /// Reads what has come, waiting for it. Answers how many bytes; none at the end.
    pub(super) async fn read(&self, reader: &mut FrameReader) -> io::Result<usize> {
        loop {
            self.socket.readable().await?;
            match self.socket.try_read(reader.space()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
                Ok(len) => {
                    reader.filled(len);
                    return Ok(len);
                }
            }
        }
    }

    /// Wakes the caller of an answer. One that nobody waits for any more is dropped.
    pub(super) fn answer(&self, answer: Answer) {
        self.feel(answer.pulse);
        let waiting = self.exchange.lock().calls.remove(&answer.id);
        if let Some(waiting) = waiting {
            let _ = waiting.reply.send(Reply::Answer(answer.result));
        }
    }

    /// The worker has ended: nobody waits any longer.
    pub(super) fn close(&self) {
        let (calls, taken) = {
            let mut exchange = self.exchange.lock();
            exchange.closed = true;
            exchange.rest = None;
            exchange.waiting.clear();
            (std::mem::take(&mut exchange.calls), exchange.taken)
        };
        for waiting in calls.into_values() {
            let _ = waiting.reply.send(Reply::Lost { reached: waiting.begins < taken });
        }
    }
}

impl Exchange {
    fn gather(&mut self, frame: impl FnOnce(&mut Buffer)) {
        let before = self.waiting.len();
        frame(&mut self.waiting);
        self.gathered += self.waiting.len().saturating_sub(before) as u64;
    }

    fn take(&mut self) -> Buffer {
        self.writing = true;
        self.taken = self.gathered;
        let empty = std::mem::take(&mut self.spare);
        std::mem::replace(&mut self.waiting, empty)
    }
}

/// A caller that goes waits no more.
struct Leave<'a> {
    link: &'a Link,
    id: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.link.exchange.lock().calls.remove(&self.id);
    }
}

struct Flush<'a>(&'a Link);

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        self.0.flush();
    }
}
