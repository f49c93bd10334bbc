//! What goes to the host: whoever finds the socket free writes what all have gathered.
//!
//! While many requests are under way, answers are held back for a moment and go in groups: each system call, and each wake-up of the
//! host behind it, costs as much as a tenth of a signature in software.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use hufu_secret::end_process;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::wire::Buffer;

/// An answer is held back while those held are fewer than this part of the requests that are still under way. So the device
/// never waits for new requests, and nobody waits much longer than in the queue before it.
const HELD_PART: usize = 4;
/// No answer is held back for longer.
const HELD_TIME_MAX: Duration = Duration::from_millis(1);
/// Looks without an answer held back, after which nobody looks any more.
const IDLE_LOOKS_MAX: u32 = 20;

/// The way to the host, shared by all threads.
pub(super) struct Outgoing {
    socket: UnixStream,
    gathered: Mutex<Gathered>,
    /// An answer is held back and nobody looks after it.
    held: Condvar,
}

#[derive(Default)]
struct Gathered {
    waiting: Buffer,
    /// The buffer that is not in use.
    spare: Buffer,
    /// Whether some thread is writing: it takes what is gathered meanwhile with it.
    writing: bool,
    held: usize,
    /// Whether held answers are looked after.
    watched: bool,
}

impl Outgoing {
    pub(super) fn start(socket: UnixStream) -> std::io::Result<Arc<Self>> {
        let outgoing = Arc::new(Self { socket, gathered: Mutex::default(), held: Condvar::new() });
        let watched = Arc::clone(&outgoing);
        Builder::new().name("held-answers".to_owned()).spawn(move || watched.watch())?;
        Ok(outgoing)
    }

    /// Sends a frame: when this returns it has been given to the socket, or to a thread that is writing. A host that is gone
    /// ends the process.
    pub(super) fn send(&self, frame: impl FnOnce(&mut Buffer)) {
        let mut gathered = self.gathered.lock();
        frame(&mut gathered.waiting);
        self.write_out(gathered);
    }

    /// Sends an answer, together with those of other requests when many are still under way.
    pub(super) fn send_with_others(&self, under_way: usize, frame: impl FnOnce(&mut Buffer)) {
        let mut gathered = self.gathered.lock();
        frame(&mut gathered.waiting);
        gathered.held += 1;
        if gathered.held.saturating_mul(HELD_PART) >= under_way {
            return self.write_out(gathered);
        }
        if !gathered.watched {
            gathered.watched = true;
            self.held.notify_one();
        }
    }

    fn write_out<'a>(&'a self, mut gathered: MutexGuard<'a, Gathered>) {
        if gathered.writing {
            return;
        }
        gathered.writing = true;
        while !gathered.waiting.is_empty() {
            gathered.held = 0;
            let empty = std::mem::take(&mut gathered.spare);
            let mut batch = std::mem::replace(&mut gathered.waiting, empty);
            drop(gathered);
            if (&self.socket).write_all(batch.bytes()).is_err() {
                end_process(0);
            }
            batch.clear();
            gathered = self.gathered.lock();
            gathered.spare = batch;
        }
        gathered.writing = false;
    }

    /// Sends what was held back for long enough, for as long as the process lives.
    fn watch(&self) {
        loop {
            let mut gathered = self.gathered.lock();
            self.held.wait_while(&mut gathered, |gathered| !gathered.watched);
            drop(gathered);
            let mut idle = 0;
            while idle < IDLE_LOOKS_MAX {
                std::thread::sleep(HELD_TIME_MAX);
                let gathered = self.gathered.lock();
                idle = if gathered.held == 0 { idle + 1 } else { 0 };
                self.write_out(gathered);
            }
            let mut gathered = self.gathered.lock();
            gathered.watched = gathered.held > 0;
        }
    }
}
