//! One token of a group: what is known of it from the calls that were made.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hufu_core::backend::{BackendError, DeviceStatus, Health, KeyBackend, KeyHandle, Operation, Outcome};
use hufu_core::record::{Locator, VersionUid};
use parking_lot::Mutex;

use crate::late::silent;

/// After a failure a token is asked last for so long; then one call tries it again.
const SUSPECT_FOR: Duration = Duration::from_secs(1);

/// Keys that a token is remembered to lack. One that is forgotten is missed again.
const LACKING_MAX: usize = 65_536;

/// A token of a group.
pub(crate) struct Member {
    pub(crate) serial: String,
    pub(crate) backend: Arc<dyn KeyBackend>,
    born_at: Instant,
    in_flight: AtomicU32,
    /// When it may be tried again, in milliseconds since its birth; 0 while nothing speaks against it.
    suspect_until_ms: AtomicU64,
    lacking: Mutex<BTreeSet<VersionUid>>,
    lacking_len: AtomicUsize,
    /// It was down when somebody looked last.
    was_down: AtomicBool,
}

impl Member {
    pub(crate) fn new(serial: String, backend: Arc<dyn KeyBackend>) -> Self {
        Self {
            serial,
            backend,
            born_at: Instant::now(),
            in_flight: AtomicU32::new(0),
            suspect_until_ms: AtomicU64::new(0),
            lacking: Mutex::default(),
            lacking_len: AtomicUsize::new(0),
            was_down: AtomicBool::new(true),
        }
    }

    /// Whether a locator names this very token.
    pub(crate) fn is_at(&self, locator: &Locator) -> bool {
        matches!(locator, Locator::Token { serial, .. } if *serial == self.serial)
    }

    /// A group's key as this token knows it.
    pub(crate) fn handle(&self, key: &KeyHandle) -> KeyHandle {
        let locator = match &key.locator {
            Locator::Group { uid, fingerprint, .. } => {
                Locator::Token { serial: self.serial.clone(), uid: *uid, fingerprint: *fingerprint }
            }
            other => other.clone(),
        };
        KeyHandle { locator, ..key.clone() }
    }

    /// Asks the token, and remembers what its answer says of it.
    pub(crate) async fn perform(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        let _call = Call::begin(self);
        let answer = self.backend.perform(operation, deadline).await;
        match &answer {
            Err(error) if is_sick(error) => self.suspect(),
            // A busy token is not sick, nor is one that is well for that.
            Err(BackendError::Overloaded) => {}
            _ => self.trust(),
        }
        answer
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.backend.health() == Health::Serving
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether something speaks against asking it first. After a while one caller is let through, to find out.
    pub(crate) fn is_suspect(&self) -> bool {
        let until = self.suspect_until_ms.load(Ordering::Acquire);
        if until == 0 {
            return false;
        }
        let now = self.now_ms();
        let next = now.saturating_add(millis(SUSPECT_FOR));
        let claimed = now >= until
            && self.suspect_until_ms.compare_exchange(until, next, Ordering::AcqRel, Ordering::Acquire).is_ok();
        !claimed
    }

    fn suspect(&self) {
        let until = self.now_ms().saturating_add(millis(SUSPECT_FOR));
        if self.suspect_until_ms.swap(until, Ordering::AcqRel) == 0 {
            tracing::warn!(token = self.serial, "the group asks this token last");
        }
    }

    fn trust(&self) {
        if self.suspect_until_ms.load(Ordering::Relaxed) != 0 {
            self.suspect_until_ms.store(0, Ordering::Release);
        }
    }

    pub(crate) fn lacks(&self, uid: VersionUid) -> bool {
        self.lacking_len.load(Ordering::Acquire) > 0 && self.lacking.lock().contains(&uid)
    }

    /// Remembers that a key is not there. Tells whether that is new.
    pub(crate) fn miss(&self, uid: VersionUid) -> bool {
        let mut lacking = self.lacking.lock();
        if lacking.len() >= LACKING_MAX {
            lacking.pop_first();
        }
        let new = lacking.insert(uid);
        self.lacking_len.store(lacking.len(), Ordering::Release);
        new
    }

    /// A key is there now, or nowhere any more.
    pub(crate) fn settle(&self, uid: VersionUid) {
        if self.lacking_len.load(Ordering::Acquire) > 0 {
            let mut lacking = self.lacking.lock();
            lacking.remove(&uid);
            self.lacking_len.store(lacking.len(), Ordering::Release);
        }
    }

    /// Whether it was down when this was asked last, and is not now. At the beginning every token counts as one that was.
    pub(crate) fn has_returned(&self) -> bool {
        let down = !self.is_serving();
        self.was_down.swap(down, Ordering::AcqRel) && !down
    }

    pub(crate) fn status(&self) -> DeviceStatus {
        let missing = self.lacking_len.load(Ordering::Acquire) as u64;
        let device = self.backend.devices().pop().unwrap_or_else(|| silent(&self.serial, self.backend.as_ref()));
        DeviceStatus { missing, in_flight: self.in_flight(), ..device }
    }

    fn now_ms(&self) -> u64 {
        millis(self.born_at.elapsed()).max(1)
    }
}

/// Whether another token may answer what this one did not.
pub(crate) fn may_be_asked_elsewhere(error: &BackendError) -> bool {
    is_sick(error) || matches!(error, BackendError::Overloaded | BackendError::Missing(_))
}

/// Whether the answer speaks against the token, and not against what was asked.
fn is_sick(error: &BackendError) -> bool {
    matches!(
        error,
        BackendError::Unavailable(_)
            | BackendError::DeadlineExceeded
            | BackendError::Credentials(_)
            | BackendError::Failed(_)
    )
}

/// A call under way.
struct Call<'a>(&'a Member);

impl<'a> Call<'a> {
    fn begin(member: &'a Member) -> Self {
        member.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(member)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
