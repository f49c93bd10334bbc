//! The state of the service.

use hufu_core::record::Protection;

use super::TenantKey;
use crate::RootReport;

/// The state of the service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Whether this is a development deployment.
    pub development: bool,
    /// Backends.
    pub backends: Vec<BackendStatus>,
    /// Root slots.
    pub roots: Vec<RootReport>,
    /// The audit writer of this start.
    pub writer: String,
    /// Sequence number of the next audit record.
    pub audit_sequence: u64,
    /// Journal slots taken, and how many there are.
    pub slots: (u32, u32),
    /// Whether the journal commits.
    pub journal_serving: bool,
    /// Origin of the ledger.
    pub ledger_origin: String,
    /// Size of the newest signed checkpoint, and when it was made.
    pub ledger_size: u64,
    /// When it was made.
    pub ledger_at: u64,
    /// Leaves that are committed and not yet in a checkpoint.
    pub ledger_pending: u64,
    /// Why the ledger stands still, if it does.
    pub ledger_halted: Option<String>,
    /// When the reconciler last ran.
    pub reconciled_at: u64,
    /// Intents that are not settled.
    pub intents_open: u64,
    /// Objects on tokens that no record knows.
    pub unknown_objects: u64,
    /// Levelling of the tokens; nothing where there is no group of them.
    pub levelling: Option<Levelling>,
    /// Rotations of tenants' wrapping keys that are under way.
    pub rotations: Vec<TenantKey>,
    /// What needs a person: kind, resource, words, since when.
    pub alarms: Vec<Alarm>,
    /// Versions that are locked.
    pub quarantined: Vec<String>,
    /// When this server started.
    pub started_at: u64,
    /// The server's clock.
    pub now: u64,
}

/// How far levelling the tokens of a group has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Levelling {
    /// Whether a pass through the keys is under way.
    pub running: bool,
    /// Keys that it, or else the last pass, has looked at.
    pub seen: u64,
    /// Those among them that could not be brought to every token: tried again.
    pub left: u64,
    /// When the last pass ended; 0 before the first.
    pub finished_at: u64,
}

/// The state of one backend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackendStatus {
    /// Its name.
    pub name: String,
    /// The protection it gives.
    pub protection: Protection,
    /// Whether it answers.
    pub health: hufu_core::backend::Health,
    /// What it can do.
    pub capabilities: hufu_core::backend::Capabilities,
    /// The devices behind it.
    pub devices: Vec<hufu_core::backend::DeviceStatus>,
}

/// Something that needs a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alarm {
    /// What kind: `quarantine`, `unknown-object`, `ledger-halted`, `ledger-damaged`, `outside-missing`, `bad-random`, `clock`,
    /// `root-missing`, `root-revived`, `not-rewrapped`.
    pub kind: &'static str,
    /// What it is about.
    pub resource: String,
    /// In words.
    pub detail: String,
    /// Since when.
    pub at: u64,
}
