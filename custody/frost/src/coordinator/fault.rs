//! How a holder failed.

use std::fmt;

use crate::error::{Error, Misconduct};
use crate::holder::Refusal;
use crate::threshold::Identifier;

/// One failure of one holder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Who.
    pub holder: Identifier,
    /// In which attempt, from 0.
    pub attempt: u8,
    /// How.
    pub kind: FaultKind,
}

/// How a holder failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// It did not answer.
    Unreachable,
    /// It takes no part, and says why.
    Refused(Refusal),
    /// It did what no honest holder does.
    Misbehaved(Misconduct),
}

impl FaultKind {
    /// Whether the same holder may do better in the next attempt: a holder that has just started anew, one that
    /// has had too much to do, one that this very attempt was shown to before.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Self::Refused(Refusal::SessionUnknown | Refusal::SessionUsed | Refusal::Busy))
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("no answer"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::Misbehaved(how) => write!(f, "misbehaved: {how}"),
        }
    }
}

impl From<Error> for FaultKind {
    fn from(error: Error) -> Self {
        match error {
            Error::Misbehaved { how, .. } => Self::Misbehaved(how),
            _ => Self::Misbehaved(Misconduct::Malformed),
        }
    }
}
