//! Ceremonies: requests, approvals, the states they go through, and transcripts that verify offline.
//!
//! Read in this order: [`Request`] (one reviewed file, and its digest), [`CeremonyPolicy`] (what each kind takes),
//! [`quorum::count`] (who is enough), [`Ceremony`] (what may happen when), [`Event`] (what happened), [`Transcript`] (the proof).
//!
//! Pure: no I/O, no clock, no randomness, no private keys. Time comes with each event, signatures from whoever holds keys.
//! How and why: `docs/ceremonies` and `docs/design/0019-ceremonies.md`.

mod act;
mod brought;
mod canonical;
mod ceremony;
mod event;
mod evidence;
mod grounds;
mod hash;
mod kind;
mod policy;
pub mod quorum;
mod refusal;
mod report;
mod request;
mod state;
mod statement;
mod struck;
mod text;
pub mod time;
mod transcript;
mod words;

pub use act::{
    Act, Destruction, Import, KeyVersion, Labelled, PolicyChange, Recovery, Refresh, Reshare, RootKey, RosterChange,
    SHARES_MAX, ShareSet, Sharing, Target, TargetKind, TenantKey,
};
pub use brought::BroughtShare;
pub use ceremony::{Approval, Awaited, Ceremony, STRUCK_MAX, STRUCK_OF_ONE_MAX, Seen, Share};
pub use event::{EVENTS_MAX, Event, STEPS_MAX, WHY_LEN_MAX, What};
pub use evidence::{SignedEvidence, TargetEvidence};
pub use grounds::Grounds;
pub use hash::{CeremonyId, Fingerprint, Head, PolicyHash, RequestDigest, SetId};
pub use kind::{Kind, ShareUse};
pub use policy::{APPROVALS_MAX, CeremonyPolicy, Rule};
pub use refusal::Refusal;
pub use report::{Approver, Report};
pub use request::{FILE_LEN_MAX, More, Request};
pub use state::State;
pub use statement::{Binding, Decision, ShareStatement, Word};
pub use struck::StruckShare;
pub use text::{Ident, Text, quoted};
pub use time::At;
pub use transcript::{Pins, TRANSCRIPT_LEN_MAX, Transcript, verify};
