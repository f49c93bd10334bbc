//! What a bundle shows.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use hufu_tlog::Hash;

use crate::event::Event;
use crate::history::{Revocation, Status};
use crate::leaf::Leaf;
use crate::reason::RevocationReason;
use crate::time::Utc;

/// What the log said about one key as of one checkpoint.
///
/// Everything in it was proven to be on the log. That nothing was left out, or added after the
/// checkpoint, was not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The log.
    pub origin: String,
    /// Size of its tree at the checkpoint.
    pub checkpoint_size: u64,
    /// Root of its tree at the checkpoint.
    pub root: Hash,
    /// The key.
    pub key_id: [u8; 32],
    /// Whether the key id was computed from the public key in the bundle.
    pub public_key_matches: bool,
    /// The key's algorithm, if any event names it.
    pub algorithm: Option<String>,
    /// Not to be used before, in milliseconds since the Unix epoch, by the last event that tells it.
    pub not_before: Option<u64>,
    /// Not to be used after, in milliseconds since the Unix epoch, by the last event that tells it.
    pub not_after: Option<u64>,
    /// State after the last event.
    pub status: Status,
    /// The first revocation for compromise, else the first revocation.
    pub revocation: Option<Revocation>,
    /// Whether the key is said to be gone from every backup too.
    pub erased: bool,
    /// The last event.
    pub last_event: Event,
    /// When that happened, in milliseconds since the Unix epoch.
    pub at: u64,
    /// All events, the last one too, in their order.
    pub events: Vec<EventSummary>,
}

/// One event of the key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventSummary {
    /// Number among the events of the key, from 0.
    pub sequence: u64,
    /// Index in the log.
    pub index: u64,
    /// What happened.
    pub event: Event,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// Why, where the event has a reason.
    pub reason: Option<RevocationReason>,
    /// Since when the key is claimed to be compromised, in milliseconds since the Unix epoch.
    pub compromised_at: Option<u64>,
    /// Hash of the audit record that stands behind the event.
    pub evidence: [u8; 32],
}

impl EventSummary {
    pub(crate) fn new(leaf: &Leaf, index: u64) -> Self {
        Self {
            sequence: leaf.sequence,
            index,
            event: leaf.event,
            at: leaf.at,
            reason: leaf.reason,
            compromised_at: leaf.compromised_at,
            evidence: leaf.evidence,
        }
    }
}

impl fmt::Display for EventSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.event)?;
        if let Some(reason) = self.reason {
            write!(f, " ({reason})")?;
        }
        write!(f, " at {}", Utc(self.at))?;
        self.compromised_at.map_or(Ok(()), |since| write!(f, ", compromised since {}", Utc(since)))
    }
}

impl fmt::Display for Report {
    /// Several lines without a final newline. The first tells the last event; none says that the key is
    /// good.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "last event as of checkpoint {}: ", self.checkpoint_size)?;
        self.events.last().map_or(Ok(()), |last| writeln!(f, "{last}"))?;
        write!(f, "status: {}", self.status)?;
        f.write_str(if self.erased { ", erased" } else { "" })?;
        if let Some(revocation) = self.revocation {
            write!(f, ", revoked ({}) at {}", revocation.reason, Utc(revocation.at))?;
        }
        writeln!(f)?;
        self.fmt_key(f)?;
        writeln!(f, "log: {}\nroot: {}\nevents:", self.origin, self.root)?;
        for event in &self.events {
            writeln!(f, "  {} leaf {}: {event}", event.sequence, event.index)?;
        }
        f.write_str("events after this checkpoint, or left out of this bundle, are not shown")
    }
}

impl Report {
    fn fmt_key(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key: {}", Hash(self.key_id))?;
        if let Some(algorithm) = &self.algorithm {
            write!(f, ", {algorithm}")?;
        }
        f.write_str(if self.public_key_matches { ", of the public key in the bundle\n" } else { "\n" })?;
        let bounds = [("not before", self.not_before), ("not after", self.not_after)];
        bounds.iter().try_for_each(|(name, time)| time.map_or(Ok(()), |time| writeln!(f, "{name}: {}", Utc(time))))
    }
}
