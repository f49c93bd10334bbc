//! The threads that own one session each: who is at work, who hangs, who takes the place of those that hang.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::link::Link;
use crate::token::Token;

/// Making a key may take so many times as long as using one.
const LONG_TIMES: u32 = 10;

/// How long a thread tries to open its session.
const OPEN_WAIT_MAX: Duration = Duration::from_secs(5);

/// Nobody sits there.
const FREE: u8 = 0;
/// Its thread is opening a session.
const PREPARING: u8 = 1;
/// Its thread takes jobs.
const SERVING: u8 = 2;

/// How long a job may take before it counts as one that hangs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Patience {
    /// Using a key.
    Short,
    /// Making keys, looking through all of them.
    Long,
}

/// Something to do on a session.
pub(crate) struct Job {
    patience: Patience,
    work: Box<dyn FnOnce(&mut Link) + Send>,
}

impl Job {
    pub(crate) fn new(patience: Patience, work: impl FnOnce(&mut Link) + Send + 'static) -> Self {
        Self { patience, work: Box::new(work) }
    }
}

/// Twice as many seats as sessions: a thread that hangs keeps its seat, and another one is started, but only so often.
pub(crate) struct Crew {
    jobs: Mutex<Receiver<Job>>,
    token: Arc<Token>,
    seats: Vec<Seat>,
    sessions: usize,
    /// Threads that are there.
    seated: AtomicUsize,
    /// Held while a thread leaves, so that two do not leave for the same reason.
    leaving: Mutex<()>,
    hang_after: Duration,
    born_at: Instant,
}

struct Seat {
    state: AtomicU8,
    /// When its job counts as one that hangs, in microseconds since the crew began; 0 between jobs.
    overdue_at_us: AtomicU64,
}

/// The seats, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Count {
    /// Taking jobs.
    pub(crate) serving: usize,
    /// Opening a session.
    pub(crate) preparing: usize,
    /// In a call that does not end.
    pub(crate) hanging: usize,
}

impl Crew {
    pub(crate) fn new(jobs: Receiver<Job>, token: Arc<Token>, sessions: NonZeroUsize, hang_after: Duration) -> Self {
        let sessions = sessions.get();
        let seat = || Seat { state: AtomicU8::new(FREE), overdue_at_us: AtomicU64::new(0) };
        let seats = (0..sessions.saturating_mul(2)).map(|_| seat()).collect();
        Self {
            jobs: Mutex::new(jobs),
            token,
            seats,
            sessions,
            seated: AtomicUsize::new(0),
            leaving: Mutex::new(()),
            hang_after,
            born_at: Instant::now(),
        }
    }

    pub(crate) fn token(&self) -> &Arc<Token> {
        &self.token
    }

    pub(crate) fn sessions(&self) -> usize {
        self.sessions
    }

    /// Starts a thread on a link that is open.
    pub(crate) fn seat_first(self: &Arc<Self>, link: Link) -> std::io::Result<()> {
        self.start(SERVING, move |crew, seat| crew.serve(seat, link))
    }

    /// Starts a thread that opens a session and takes jobs if it can; it calls `failed` when it cannot. Without a free seat it
    /// does nothing.
    pub(crate) fn seat_another(self: &Arc<Self>, failed: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.start(PREPARING, move |crew, seat| {
            let mut link = Link::new(Arc::clone(&crew.token));
            if link.probe(Instant::now() + OPEN_WAIT_MAX).is_ok() {
                seat.overdue_at_us.store(0, Ordering::Release);
                seat.state.store(SERVING, Ordering::Release);
                crew.serve(seat, link);
            } else {
                drop(link);
                failed();
            }
        })
    }

    pub(crate) fn count(&self) -> Count {
        let now_us = self.now_us();
        let mut count = Count::default();
        for seat in &self.seats {
            let state = seat.state.load(Ordering::Acquire);
            match state {
                FREE => {}
                _ if seat.hangs(now_us) => count.hanging += 1,
                PREPARING => count.preparing += 1,
                _ => count.serving += 1,
            }
        }
        count
    }

    /// By how much the call that hangs the longest is overdue.
    pub(crate) fn overdue(&self) -> Duration {
        let now_us = self.now_us();
        let hanging = self.seats.iter().filter(|seat| seat.hangs(now_us));
        let overdue = hanging.map(|seat| now_us.saturating_sub(seat.overdue_at_us.load(Ordering::Acquire)));
        Duration::from_micros(overdue.max().unwrap_or_default())
    }

    /// Drops the jobs that wait: their callers learn at once that nobody will serve them.
    pub(crate) fn send_away(&self) {
        // Somebody who waits for a job holds the lock: then there is no need.
        if let Some(jobs) = self.jobs.try_lock() {
            while jobs.try_recv().is_ok() {}
        }
    }

    fn start(self: &Arc<Self>, state: u8, life: impl FnOnce(&Self, &Seat) + Send + 'static) -> std::io::Result<()> {
        let take =
            |seat: &Seat| seat.state.compare_exchange(FREE, state, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let Some((index, seat)) = self.seats.iter().enumerate().find(|(_, seat)| take(seat)) else { return Ok(()) };
        if state == PREPARING {
            seat.overdue_at_us.store(self.overdue_at_us(Patience::Short), Ordering::Release);
        }
        self.seated.fetch_add(1, Ordering::AcqRel);
        let crew = Arc::clone(self);
        // Dropped with the thread, or with the closure that became none.
        let leaving = Leaving { crew, index };
        let started = Builder::new().name(format!("pkcs11-{index}")).spawn(move || {
            let leaving = leaving;
            if let Some(seat) = leaving.crew.seats.get(index) {
                life(&leaving.crew, seat);
            }
        });
        started.map(drop)
    }

    fn serve(&self, seat: &Seat, mut link: Link) {
        while let Ok(job) = self.next() {
            seat.overdue_at_us.store(self.overdue_at_us(job.patience), Ordering::Release);
            (job.work)(&mut link);
            seat.overdue_at_us.store(0, Ordering::Release);
            if self.may_leave(seat, &link) {
                break;
            }
        }
        // Closing the session is a call like any other.
        seat.overdue_at_us.store(self.overdue_at_us(Patience::Short), Ordering::Release);
    }

    fn next(&self) -> Result<Job, RecvError> {
        self.jobs.lock().recv()
    }

    /// Whether a thread is one too many: others have taken its place while it hung, or the token has no room for its session.
    fn may_leave(&self, seat: &Seat, link: &Link) -> bool {
        if !link.is_crowded() && self.seated.load(Ordering::Relaxed) <= self.sessions {
            return false;
        }
        let _alone = self.leaving.lock();
        let serving = self.count().serving;
        let leaves = serving > self.sessions || (link.is_crowded() && serving > 1);
        if leaves {
            seat.state.store(PREPARING, Ordering::Release);
        }
        leaves
    }

    fn overdue_at_us(&self, patience: Patience) -> u64 {
        let allowed = match patience {
            Patience::Short => self.hang_after,
            Patience::Long => self.hang_after.saturating_mul(LONG_TIMES),
        };
        self.now_us().saturating_add(micros(allowed)).max(1)
    }

    fn now_us(&self) -> u64 {
        micros(self.born_at.elapsed())
    }
}

/// A thread's hold on its seat.
struct Leaving {
    crew: Arc<Crew>,
    index: usize,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(seat) = self.crew.seats.get(self.index) {
            seat.overdue_at_us.store(0, Ordering::Release);
            seat.state.store(FREE, Ordering::Release);
        }
        self.crew.seated.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Seat {
    fn hangs(&self, now_us: u64) -> bool {
        let overdue_at_us = self.overdue_at_us.load(Ordering::Acquire);
        overdue_at_us != 0 && overdue_at_us <= now_us
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
