//! Looks after a token by itself: replaces threads that hang, tells when all of them do, and finds out when a token that did
//! not work is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::crew::{Count, Crew, Job, Patience};

/// How often it looks.
const TICK: Duration = Duration::from_millis(50);

/// Between one probe of a token that does not work and the next.
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// How long a probe may take.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(5);

/// After a thread could not open a session, another one is not started for so long.
const SEAT_PAUSE: Duration = Duration::from_secs(1);

/// Starts the watch, which ends when the answer is dropped.
pub(crate) fn start(crew: Arc<Crew>, queue: Weak<SyncSender<Job>>) -> std::io::Result<SyncSender<()>> {
    let (end, ended) = sync_channel(1);
    let watch = Watch {
        crew,
        queue,
        hanging: 0,
        probe_at: Instant::now(),
        probing: Arc::new(AtomicBool::new(false)),
        seat_at: Instant::now(),
        seat_failed: Arc::new(AtomicBool::new(false)),
    };
    Builder::new().name("pkcs11-watch".to_owned()).spawn(move || watch.run(&ended))?;
    Ok(end)
}

struct Watch {
    crew: Arc<Crew>,
    queue: Weak<SyncSender<Job>>,
    /// Calls that hung when it looked last.
    hanging: usize,
    probe_at: Instant,
    probing: Arc<AtomicBool>,
    seat_at: Instant,
    seat_failed: Arc<AtomicBool>,
}

impl Watch {
    fn run(mut self, ended: &Receiver<()>) {
        loop {
            self.look();
            if ended.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        self.crew.token().module.count_hanging(0, self.hanging);
    }

    fn look(&mut self) {
        let count = self.crew.count();
        self.tell_hanging(count);
        self.fill_seats(count);
        self.probe(count);
    }

    fn tell_hanging(&mut self, count: Count) {
        let token = self.crew.token();
        if count.hanging != self.hanging {
            token.module.count_hanging(count.hanging, self.hanging);
            tracing::warn!(token = token.serial, hanging = count.hanging, "calls into the token's library hang");
            self.hanging = count.hanging;
        }
        let stuck = count.serving == 0 && count.hanging > 0;
        if token.breaker.set_stuck(stuck) && stuck {
            tracing::error!(token = token.serial, "every session hangs: calls are refused until one does not");
        }
        if stuck {
            self.crew.send_away();
        }
    }

    /// Starts threads for the sessions that are missing: all at once in the beginning, one at a time beside calls that hang.
    fn fill_seats(&mut self, count: Count) {
        let token = self.crew.token();
        if self.seat_failed.swap(false, Ordering::AcqRel) {
            self.seat_at = Instant::now() + SEAT_PAUSE;
        }
        let missing = self.crew.sessions().saturating_sub(count.serving + count.preparing);
        let healthy_enough = !token.breaker.is_down() || count.hanging > 0;
        if missing == 0 || !healthy_enough || token.credentials.refused().is_some() || Instant::now() < self.seat_at {
            return;
        }
        let wanted = if count.hanging > 0 { usize::from(count.preparing == 0) } else { missing };
        for _ in 0..wanted {
            let failed = Arc::clone(&self.seat_failed);
            if self.crew.seat_another(move || failed.store(true, Ordering::Release)).is_err() {
                self.seat_failed.store(true, Ordering::Release);
            }
        }
        if count.hanging > 0 {
            self.seat_at = Instant::now() + SEAT_PAUSE;
        }
    }

    fn probe(&mut self, count: Count) {
        let due = self.crew.token().breaker.is_down() && count.serving > 0 && Instant::now() >= self.probe_at;
        let Some(queue) = self.queue.upgrade().filter(|_| due) else { return };
        if self.probing.swap(true, Ordering::AcqRel) {
            return;
        }
        self.probe_at = Instant::now() + PROBE_PAUSE;
        // Told when the job is dropped, done or not.
        let done = Done(Arc::clone(&self.probing));
        let _ = queue.try_send(Job::new(Patience::Short, move |link| {
            let _done = done;
            // What it finds is told by the breaker.
            let _ = link.probe(Instant::now() + PROBE_WAIT_MAX);
        }));
    }
}

struct Done(Arc<AtomicBool>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
