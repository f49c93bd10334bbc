//! The journal's own thread, with its own current-thread runtime.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::JournalConfig;
use crate::committer::Committer;
use crate::queue::{Gathered, Queue};

/// How often an idle journal on a shared database looks for the changes of others. A server that has heard nothing for
/// four such periods refuses key use.
const POLL_PERIOD: Duration = Duration::from_millis(200);

/// The running journal. Stop it, or it stops when dropped.
pub struct JournalThread {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl JournalThread {
    pub(crate) fn spawn(_: JournalConfig, queue: Arc<Queue>, committer: Committer) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("journal".to_owned()).spawn({
            let queue = queue.clone();
            move || run(&runtime, &queue, committer)
        })?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Commits everything that has a slot, then ends. Blocks until it has.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.queue.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal thread panicked");
        }
    }
}

impl Drop for JournalThread {
    fn drop(&mut self) {
        self.end();
    }
}

/// Abandons the queue when the thread ends, however it ends, so that nobody waits for ever.
struct Abandon<'a>(&'a Queue);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

fn run(runtime: &tokio::runtime::Runtime, queue: &Queue, mut committer: Committer) {
    let _abandon = Abandon(queue);
    loop {
        match queue.gather(POLL_PERIOD) {
            Gathered::Group(entries) => runtime.block_on(committer.commit(entries)),
            Gathered::Idle => runtime.block_on(committer.poll()),
            Gathered::Stopped => return,
        }
    }
}
