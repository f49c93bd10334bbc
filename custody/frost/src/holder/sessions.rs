//! Open sessions with their nonces, and the memory of all that have been begun.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::Refusal;
use crate::id::SessionId;
use crate::mandate::{Mandate, ShareId};
use crate::signing::Nonces;

/// How much a holder has open and remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Open sessions of one key.
    pub open_per_key: usize,
    /// Open sessions of one requester: less than in all, so that none takes what others need.
    pub open_per_requester: usize,
    /// Open sessions in all.
    pub open: usize,
    /// How long a session waits for its signing package, in milliseconds.
    pub open_ms_max: u64,
    /// Sessions of one requester that are remembered.
    pub remembered_per_requester: usize,
    /// Sessions that are remembered until their mandates end. When it is full, no session begins.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open_per_key: 32,
            open_per_requester: 64,
            open: 256,
            open_ms_max: 10_000,
            remembered_per_requester: 16_384,
            remembered: 65_536,
        }
    }
}

/// A session in which a share may have left, as it was written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsedSession {
    /// Which.
    pub session: SessionId,
    /// Under whose mandate.
    pub requester: String,
    /// When it may be forgotten, in milliseconds since the Unix epoch: the mandate ends then.
    pub until_ms: u64,
}

/// A session between its two rounds.
pub(super) struct Open {
    pub(super) share: ShareId,
    pub(super) requester: String,
    pub(super) mandate_expires_at_ms: u64,
    pub(super) nonces: Nonces,
    closes_at_ms: u64,
}

impl Open {
    pub(super) fn new(mandate: &Mandate, nonces: Nonces) -> Self {
        Self {
            share: mandate.share(),
            requester: mandate.requester.clone(),
            mandate_expires_at_ms: mandate.expires_at_ms,
            nonces,
            closes_at_ms: 0,
        }
    }
}

/// A session that was begun.
struct Seen {
    requester: String,
    ends_at_ms: u64,
    /// Whether it was written down as used.
    used: bool,
}

pub(super) struct Sessions {
    limits: Limits,
    open: BTreeMap<SessionId, Open>,
    /// Every session that was begun.
    seen: BTreeMap<SessionId, Seen>,
    /// The same, by when they end.
    ends: BTreeSet<(u64, SessionId)>,
    /// How many of them each requester has.
    seen_of: BTreeMap<String, usize>,
    /// Used sessions whose mandates have ended, which are still written down.
    forgotten: Vec<SessionId>,
}

impl Sessions {
    pub(super) fn new(limits: Limits, used: impl IntoIterator<Item = UsedSession>) -> Self {
        let (open, seen, ends) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let mut sessions = Self { limits, open, seen, ends, seen_of: BTreeMap::new(), forgotten: Vec::new() };
        for UsedSession { session, requester, until_ms } in used {
            sessions.remember(session, Seen { requester, ends_at_ms: until_ms, used: true });
        }
        sessions
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether a session may begin.
    pub(super) fn admit(&mut self, session: SessionId, mandate: &Mandate, now_ms: u64) -> Result<(), Refusal> {
        self.forget(now_ms);
        if self.seen.contains_key(&session) {
            return Err(Refusal::SessionUsed);
        }
        let open = |of: fn(&Open, &Mandate) -> bool| self.open.values().filter(|one| of(one, mandate)).count();
        let limits = &self.limits;
        let is_full = self.open.len() >= limits.open
            || open(|one, mandate| one.share.key == mandate.key) >= limits.open_per_key
            || open(|one, mandate| one.requester == mandate.requester) >= limits.open_per_requester
            || self.seen.len() >= limits.remembered
            || self.seen_of.get(&mandate.requester).is_some_and(|seen| *seen >= limits.remembered_per_requester);
        if is_full { Err(Refusal::Busy) } else { Ok(()) }
    }

    pub(super) fn begin(&mut self, session: SessionId, mut open: Open, now_ms: u64) {
        let ends_at_ms = open.mandate_expires_at_ms;
        open.closes_at_ms = ends_at_ms.min(now_ms.saturating_add(self.limits.open_ms_max));
        self.remember(session, Seen { requester: open.requester.clone(), ends_at_ms, used: false });
        self.open.insert(session, open);
    }

    /// Takes a session out for good.
    pub(super) fn take(&mut self, session: SessionId, now_ms: u64) -> Option<Open> {
        self.forget(now_ms);
        self.open.remove(&session)
    }

    /// The session is about to be written down as used.
    pub(super) fn used(&mut self, session: SessionId) {
        if let Some(seen) = self.seen.get_mut(&session) {
            seen.used = true;
        }
    }

    /// At most so many used sessions that need not be written down any more.
    pub(super) fn forgotten(&mut self, max: usize, now_ms: u64) -> Vec<SessionId> {
        self.forget(now_ms);
        let kept = self.forgotten.len().saturating_sub(max);
        self.forgotten.split_off(kept)
    }

    /// Destroys the nonces of a share.
    pub(super) fn close(&mut self, share: &ShareId) {
        self.open.retain(|_, open| open.share != *share);
    }

    fn remember(&mut self, session: SessionId, seen: Seen) {
        let (requester, ends_at_ms) = (seen.requester.clone(), seen.ends_at_ms);
        if self.seen.insert(session, seen).is_none() {
            *self.seen_of.entry(requester).or_default() += 1;
            self.ends.insert((ends_at_ms, session));
        }
    }

    /// Destroys what waited too long, and forgets sessions whose mandates have ended: those are refused as expired.
    fn forget(&mut self, now_ms: u64) {
        self.open.retain(|_, open| open.closes_at_ms > now_ms);
        while let Some((ends_at_ms, session)) = self.ends.first().copied() {
            if ends_at_ms > now_ms {
                break;
            }
            self.ends.remove(&(ends_at_ms, session));
            if let Some(seen) = self.seen.remove(&session) {
                self.discount(&seen.requester);
                self.forgotten.extend(seen.used.then_some(session));
            }
        }
    }

    fn discount(&mut self, requester: &str) {
        let left = self.seen_of.get_mut(requester).map(|seen| {
            *seen = seen.saturating_sub(1);
            *seen
        });
        if left == Some(0) {
            self.seen_of.remove(requester);
        }
    }
}
