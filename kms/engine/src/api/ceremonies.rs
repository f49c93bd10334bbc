//! Ceremonies, asked for and answered.

use std::sync::Arc;

use hufu_ceremony::{At, Awaited, Ceremony, Event};
pub use hufu_ceremony::{State as CeremonyState, TargetKind};
use hufu_core::name::TenantId;
use hufu_core::record::Target;

/// What a custodian decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CeremonyWord {
    /// It may be done.
    Approve,
    /// It must not be done.
    Veto,
    /// It is taken back.
    Cancel,
}

/// A ceremony as read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CeremonyView {
    /// Its number.
    pub number: u64,
    /// The tenant that it is about; nothing when it is about the deployment.
    pub tenant: Option<TenantId>,
    /// The ceremony, replayed.
    pub ceremony: Arc<Ceremony>,
    /// What time it is for the service.
    pub now: At,
    /// The roster that it stands on, as bytes; empty in lists.
    pub roster: Vec<u8>,
    /// The policy that it stands on, as bytes; empty in lists.
    pub policy: Vec<u8>,
    /// The policy or roster that it would put in force; empty for other kinds and in lists.
    pub next: Vec<u8>,
    /// Whether everything is here, and not only what lists show.
    pub whole: bool,
}

impl CeremonyView {
    /// Who could still approve.
    #[must_use]
    pub fn awaited(&self) -> Vec<String> {
        match self.ceremony.awaited(self.now) {
            Awaited::Approvals { from, .. } => from.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    /// How much of the delay is left in milliseconds, while it runs.
    #[must_use]
    pub fn delay_left_ms(&self) -> Option<u64> {
        (self.ceremony.state() == CeremonyState::Delayed).then(|| self.ceremony.delay_left_ms(self.now))
    }

    /// Every event as bytes; nothing in lists.
    #[must_use]
    pub fn events(&self) -> Vec<Vec<u8>> {
        let events = if self.whole { self.ceremony.events() } else { &[] };
        events.iter().map(Event::to_bytes).collect()
    }
}

/// A target of shares as read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetView {
    /// The target.
    pub record: Target,
}
