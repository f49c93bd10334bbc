//! Which keys are proven, and since when.

use std::sync::atomic::{AtomicU64, Ordering};

use hufu_core::record::VersionUid;

/// Keys that are remembered; one that is forgotten is proven again.
const MARKS_MAX: usize = 65_536;

/// After a signature that was not good, so many of the token's are checked whatever is configured.
const WATCHED: u64 = 10_000;

/// What a proof rests on: it holds while neither changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Standing {
    /// The backend's generation.
    generation: u64,
    /// Number of mismatches. One shakes the trust in every key, since handles may have been swapped between two.
    mismatches: u64,
}

pub(crate) struct Marks {
    proven: quick_cache::sync::Cache<VersionUid, Standing>,
    mismatches: AtomicU64,
    /// Signatures that are still to be checked after the last mismatch.
    watched: AtomicU64,
    counted: AtomicU64,
}

impl Marks {
    pub(crate) fn new() -> Self {
        Self {
            proven: quick_cache::sync::Cache::new(MARKS_MAX),
            mismatches: AtomicU64::new(0),
            watched: AtomicU64::new(0),
            counted: AtomicU64::new(0),
        }
    }

    /// Where things stand in a generation.
    pub(crate) fn standing(&self, generation: u64) -> Standing {
        Standing { generation, mismatches: self.mismatches.load(Ordering::Acquire) }
    }

    pub(crate) fn is_proven(&self, uid: VersionUid, now: Standing) -> bool {
        self.proven.get(&uid) == Some(now)
    }

    /// Remembers a proof of something that was begun at `since`.
    pub(crate) fn prove(&self, uid: VersionUid, since: Standing) {
        self.proven.insert(uid, since);
    }

    /// Nothing is proven any more.
    pub(crate) fn doubt(&self) {
        self.mismatches.fetch_add(1, Ordering::AcqRel);
        self.watched.store(WATCHED, Ordering::Release);
    }

    /// Whether this use is one of those that are watched since the last mismatch.
    pub(crate) fn is_watched(&self) -> bool {
        let left = self.watched.load(Ordering::Acquire);
        left > 0 && self.watched.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1)).is_ok()
    }

    /// Whether this use is one of every so many.
    pub(crate) fn is_sampled(&self, one_of: u32) -> bool {
        self.counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(u64::from(one_of.max(1)))
    }
}
