//! A thread for what takes a holder long: key generations, which wait for its own keys.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

use hufu_core::{Error, Reason};
use hufu_engine::Offload;

/// Pieces of work that may wait.
const WAITING_MAX: usize = 64;

type Work = Box<dyn FnOnce() + Send>;

/// The thread ends when this is dropped and nothing waits.
pub(super) struct Worker {
    queue: SyncSender<Work>,
}

impl Worker {
    pub(super) fn start() -> std::io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING_MAX);
        Builder::new().name("holder".to_owned()).spawn(move || serve(&waiting))?;
        Ok(Self { queue })
    }
}

impl Offload for Worker {
    fn run(&self, work: Work) -> Result<(), Error> {
        let busy = |_| Error::new(Reason::Overloaded, "the holder is busy").help("try again");
        self.queue.try_send(work).map_err(busy)
    }
}

fn serve(waiting: &Receiver<Work>) {
    while let Ok(work) = waiting.recv() {
        // Whoever waits for it sees that no answer comes.
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!("work of the holder ended in a panic");
        }
    }
}
