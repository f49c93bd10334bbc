//! The kinds of ceremonies.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::Deserialize;

/// The kinds of ceremonies. A policy has a rule for each kind that it allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    // 1 and 2 are never used again, as in [`crate::Act`].
    /// [`crate::Act::RotateKey`]
    #[n(3)]
    RotateKey,
    /// [`crate::Act::RotateTenantKey`]
    #[n(4)]
    RotateTenantKey,
    /// [`crate::Act::RotateRoot`]
    #[n(5)]
    RotateRoot,
    /// [`crate::Act::RotateLabel`]
    #[n(6)]
    RotateLabel,
    /// [`crate::Act::Refresh`]
    #[n(7)]
    Refresh,
    /// [`crate::Act::Reshare`]
    #[n(8)]
    Reshare,
    /// [`crate::Act::Recovery`]
    #[n(9)]
    Recovery,
    /// [`crate::Act::Import`]
    #[n(10)]
    Import,
    /// [`crate::Act::Destruction`]
    #[n(11)]
    Destruction,
    /// [`crate::Act::PolicyChange`]
    #[n(12)]
    PolicyChange,
    /// [`crate::Act::RosterChange`]
    #[n(13)]
    RosterChange,
    /// [`crate::Act::Drill`]
    #[n(14)]
    Drill,
}

/// Whether custodians bring shares to a ceremony.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShareUse {
    /// It opens something with them.
    Needed,
    /// It has no use for them.
    None,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::RotateKey,
        Self::RotateTenantKey,
        Self::RotateRoot,
        Self::RotateLabel,
        Self::Refresh,
        Self::Reshare,
        Self::Recovery,
        Self::Import,
        Self::Destruction,
        Self::PolicyChange,
        Self::RosterChange,
        Self::Drill,
    ];

    /// Its name in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RotateKey => "rotate-key",
            Self::RotateTenantKey => "rotate-tenant-key",
            Self::RotateRoot => "rotate-root",
            Self::RotateLabel => "rotate-label",
            Self::Refresh => "refresh",
            Self::Reshare => "reshare",
            Self::Recovery => "recovery",
            Self::Import => "import",
            Self::Destruction => "destruction",
            Self::PolicyChange => "policy-change",
            Self::RosterChange => "roster-change",
            Self::Drill => "drill",
        }
    }

    /// Whether custodians bring shares.
    #[must_use]
    pub fn share_use(self) -> ShareUse {
        match self {
            Self::Refresh | Self::Reshare | Self::Recovery | Self::Drill => ShareUse::Needed,
            _ => ShareUse::None,
        }
    }

    /// Whether whoever goes through it gets enough shares to have the secret: a drill is a recovery whose target throws away what it
    /// has, a refresh one whose target deals it out again, and the target says so itself; whoever chooses the next holders can choose one.
    /// Requests of other kinds may do so too: [`crate::Act::opens_secrets`].
    #[must_use]
    pub fn opens_secrets(self) -> bool {
        matches!(self, Self::Recovery | Self::Drill | Self::Reshare | Self::Refresh)
    }

    /// Whether callers with a role for it can do the same without a ceremony, unless the policy says `only`.
    #[must_use]
    pub fn is_done_otherwise(self) -> bool {
        matches!(self, Self::RotateKey | Self::RotateTenantKey | Self::Import | Self::Destruction)
    }

    /// Whether it decides what all other kinds take, and who counts.
    #[must_use]
    pub fn governs(self) -> bool {
        matches!(self, Self::PolicyChange | Self::RosterChange)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
