//! Open sessions with their nonces, and the memory of all that have been begun.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::Refusal;
use crate::id::SessionId;
use crate::mandate::{KeyVersion, Mandate};
use crate::signing::Nonces;

/// How much a holder has open and remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Open sessions of one key.
    pub open_per_key: usize,
    /// Open sessions in all.
    pub open: usize,
    /// How long a session waits for its signing package, in milliseconds.
    pub open_ms_max: u64,
    /// Sessions that are remembered until their mandates end. When it is full, no session begins.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open_per_key: 32, open: 256, open_ms_max: 10_000, remembered: 65_536 }
    }
}

/// A session between its two rounds.
pub(super) struct Open {
    pub(super) key: KeyVersion,
    pub(super) requester: String,
    pub(super) mandate_expires_at_ms: u64,
    pub(super) nonces: Nonces,
    closes_at_ms: u64,
}

impl Open {
    pub(super) fn new(mandate: &Mandate, nonces: Nonces) -> Self {
        Self {
            key: mandate.key.clone(),
            requester: mandate.requester.clone(),
            mandate_expires_at_ms: mandate.expires_at_ms,
            nonces,
            closes_at_ms: 0,
        }
    }
}

pub(super) struct Sessions {
    limits: Limits,
    open: BTreeMap<SessionId, Open>,
    /// Every session that was begun, and when its mandate ends.
    seen: BTreeMap<SessionId, u64>,
    /// The same, by when they end.
    ends: BTreeSet<(u64, SessionId)>,
}

impl Sessions {
    pub(super) fn new(limits: Limits, used: impl IntoIterator<Item = (SessionId, u64)>) -> Self {
        let seen: BTreeMap<_, _> = used.into_iter().collect();
        let ends = seen.iter().map(|(session, ends_at_ms)| (*ends_at_ms, *session)).collect();
        Self { limits, open: BTreeMap::new(), seen, ends }
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether a session may begin.
    pub(super) fn admit(&mut self, session: SessionId, key: &KeyVersion, now_ms: u64) -> Result<(), Refusal> {
        self.forget(now_ms);
        if self.seen.contains_key(&session) {
            return Err(Refusal::SessionUsed);
        }
        let of_key = self.open.values().filter(|open| open.key == *key).count();
        let is_full = self.open.len() >= self.limits.open
            || of_key >= self.limits.open_per_key
            || self.seen.len() >= self.limits.remembered;
        if is_full { Err(Refusal::Busy) } else { Ok(()) }
    }

    pub(super) fn begin(&mut self, session: SessionId, mut open: Open, now_ms: u64) {
        let ends_at_ms = open.mandate_expires_at_ms;
        open.closes_at_ms = ends_at_ms.min(now_ms.saturating_add(self.limits.open_ms_max));
        self.seen.insert(session, ends_at_ms);
        self.ends.insert((ends_at_ms, session));
        self.open.insert(session, open);
    }

    /// Takes a session out for good.
    pub(super) fn take(&mut self, session: SessionId, now_ms: u64) -> Option<Open> {
        self.forget(now_ms);
        self.open.remove(&session)
    }

    /// Destroys the nonces of a key.
    pub(super) fn close(&mut self, key: &KeyVersion) {
        self.open.retain(|_, open| open.key != *key);
    }

    /// Destroys what waited too long, and forgets sessions whose mandates have ended: those are refused as expired.
    fn forget(&mut self, now_ms: u64) {
        self.open.retain(|_, open| open.closes_at_ms > now_ms);
        while let Some((ends_at_ms, session)) = self.ends.first().copied() {
            if ends_at_ms > now_ms {
                break;
            }
            self.ends.remove(&(ends_at_ms, session));
            self.seen.remove(&session);
        }
    }
}
