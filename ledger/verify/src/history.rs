//! The life of a key, folded from its events (SP 800-57pt1r5 §7).

use core::fmt;

use crate::error::HistoryError;
use crate::event::Event;
use crate::leaf::Leaf;
use crate::reason::RevocationReason;

/// The state of a key after its last known event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Status {
    /// Registered, not yet in use.
    PreActive,
    /// In use.
    Active,
    /// Set aside for a while.
    Suspended,
    /// No longer protects; superseded, or revoked for a reason other than compromise.
    Deactivated,
    /// Revoked because others may know it.
    Compromised,
    /// Gone. [`History::revocation`] tells whether it was compromised, before or since.
    Destroyed,
}

/// A revocation on the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// Why.
    pub reason: RevocationReason,
    /// When the service recorded it, in milliseconds since the Unix epoch.
    pub at: u64,
    /// Since when the key is claimed to be compromised, if the revoker said so.
    pub compromised_at: Option<u64>,
}

/// What the events of one key add up to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct History {
    status: Status,
    revocation: Option<Revocation>,
    erased: bool,
}

impl History {
    /// Begins with the key's first event. Only the event and its reason and times are looked at here.
    ///
    /// # Errors
    /// [`HistoryError::NotRegistered`], [`HistoryError::Unknown`].
    pub fn begin(first: &Leaf) -> Result<Self, HistoryError> {
        match first.event {
            Event::Register => Ok(Self { status: Status::PreActive, revocation: None, erased: false }),
            Event::Unknown(code) => Err(HistoryError::Unknown(code)),
            event => Err(HistoryError::NotRegistered(event)),
        }
    }

    /// Adds the key's next event.
    ///
    /// # Errors
    /// [`HistoryError::Illegal`], [`HistoryError::Unknown`]; the history is as it was.
    pub fn apply(&mut self, leaf: &Leaf) -> Result<(), HistoryError> {
        self.status = self.next(leaf)?;
        self.erased |= leaf.event == Event::Erase;
        if let (Event::Revoke, Some(reason)) = (leaf.event, leaf.reason) {
            self.note_revocation(Revocation { reason, at: leaf.at, compromised_at: leaf.compromised_at });
        }
        Ok(())
    }

    /// State after the last event.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The first revocation for compromise, else the first revocation.
    #[must_use]
    pub fn revocation(&self) -> Option<Revocation> {
        self.revocation
    }

    /// Whether the key is said to be gone from every backup too.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.erased
    }

    fn next(&self, leaf: &Leaf) -> Result<Status, HistoryError> {
        use Status::{Active, Compromised, Deactivated, Destroyed, PreActive, Suspended};
        let status = self.status;
        match (leaf.event, status) {
            (Event::Unknown(code), _) => Err(HistoryError::Unknown(code)),
            (Event::Activate, PreActive) if self.revocation.is_none() => Ok(Active),
            (Event::Resume, Suspended) if self.revocation.is_none() => Ok(Active),
            (Event::Suspend, Active) => Ok(Suspended),
            (Event::Rotate, Active | Suspended) => Ok(Deactivated),
            (Event::Destroy, PreActive | Deactivated | Compromised) => Ok(Destroyed),
            (Event::Erase, Destroyed) if !self.erased => Ok(Destroyed),
            (Event::Recover, PreActive | Active | Suspended | Deactivated | Compromised) | (Event::Policy, _) => {
                Ok(status)
            }
            (Event::Revoke, _) => self.next_revoked(leaf),
            (event, status) => Err(HistoryError::Illegal { event, status }),
        }
    }

    /// Compromise can come to light at any time, even after destruction; the other reasons only while
    /// there is something left to revoke.
    fn next_revoked(&self, leaf: &Leaf) -> Result<Status, HistoryError> {
        use Status::{Active, Compromised, Deactivated, Destroyed, PreActive, Suspended};
        let compromise = leaf.reason.is_some_and(RevocationReason::is_compromise);
        match self.status {
            PreActive | Active | Suspended | Deactivated if compromise => Ok(Compromised),
            PreActive | Active | Suspended | Deactivated => Ok(Deactivated),
            Destroyed if compromise => Ok(Destroyed),
            status => Err(HistoryError::Illegal { event: leaf.event, status }),
        }
    }

    fn note_revocation(&mut self, new: Revocation) {
        let worse = |old: Revocation| new.reason.is_compromise() && !old.reason.is_compromise();
        if self.revocation.is_none_or(worse) {
            self.revocation = Some(new);
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreActive => "pre-active",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
            Self::Compromised => "compromised",
            Self::Destroyed => "destroyed",
        })
    }
}
