//! What goes to the host: whoever finds the socket free writes what all have gathered.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use hufu_secret::leave;
use parking_lot::Mutex;

use crate::wire::Buffer;

/// The way to the host, shared by all threads.
pub(super) struct Outgoing {
    socket: UnixStream,
    gathered: Mutex<Gathered>,
}

#[derive(Default)]
struct Gathered {
    waiting: Buffer,
    /// The buffer that is not in use.
    spare: Buffer,
    /// Whether some thread is writing: it takes what is gathered meanwhile with it.
    writing: bool,
}

impl Outgoing {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket, gathered: Mutex::default() }
    }

    /// Appends a frame. When this returns it has been given to the socket, or to a thread that is writing. A host that is gone
    /// ends the process.
    pub(super) fn send(&self, frame: impl FnOnce(&mut Buffer)) {
        let mut gathered = self.gathered.lock();
        frame(&mut gathered.waiting);
        if gathered.writing {
            return;
        }
        gathered.writing = true;
        while !gathered.waiting.is_empty() {
            let empty = std::mem::take(&mut gathered.spare);
            let mut batch = std::mem::replace(&mut gathered.waiting, empty);
            drop(gathered);
            if (&self.socket).write_all(batch.bytes()).is_err() {
                leave(0);
            }
            batch.clear();
            gathered = self.gathered.lock();
            gathered.spare = batch;
        }
        gathered.writing = false;
    }
}
