//! Words of the report.

use super::{Decision, Outcome, Weight};

impl Decision {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::AdmittedWithReservations => "admitted with reservations",
            Self::Refused => "refused",
        }
    }
}

impl Outcome {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "**fails**",
            Self::NotSupported => "not there",
            Self::Skipped => "not tried",
        }
    }
}

impl Weight {
    /// What it does to the decision.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Informative => "note",
            Self::Important => "reservation",
            Self::Critical => "refusal",
        }
    }
}
