//! The states of a ceremony.

use std::fmt;

/// The state of a ceremony.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Proposed; the ledger has to have the request before anyone approves.
    Proposed,
    /// Approvals are collected.
    Collecting,
    /// The quorum is there; the time for a veto runs.
    Delayed,
    /// It may begin, once its shares are there and its time has come.
    Ready,
    /// It began. From here on it ends in [`State::Executed`] or [`State::Failed`]; by a veto or a cancellation only while it waits for
    /// shares in place of some that were struck out ([`crate::Ceremony::awaits_shares`]).
    Executing,
    /// Done.
    Executed,
    /// Vetoed.
    Rejected,
    /// Taken back.
    Cancelled,
    /// Its time passed before it began.
    Expired,
    /// It began, and could not be done.
    Failed,
}

impl State {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Collecting => "collecting",
            Self::Delayed => "delayed",
            Self::Ready => "ready",
            Self::Executing => "executing",
            Self::Executed => "executed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Executed | Self::Rejected | Self::Cancelled | Self::Expired | Self::Failed)
    }

    /// Whether it has neither begun nor ended: a veto counts, and time runs out. (A veto also counts while
    /// [`crate::Ceremony::awaits_shares`].)
    #[must_use]
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Proposed | Self::Collecting | Self::Delayed | Self::Ready)
    }

    /// Whether an approval is taken. Once the quorum is there, more are welcome: one that expires before the beginning can be
    /// made good by another.
    #[must_use]
    pub fn takes_approvals(self) -> bool {
        matches!(self, Self::Collecting | Self::Delayed | Self::Ready)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
