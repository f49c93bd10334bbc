//! Secrets split among custodians, so that any `threshold` of them make the secret again and fewer know nothing of it.
//!
//! [`deal`] splits; each custodian gets a [`Share`], a file sealed to it, which carries the dealer's signed [`Manifest`] of
//! the whole set. An [`OpenedShare`] is handed over, sealed to whoever may have the secret ([`HandedOver`]), who puts a
//! [`Gathering`] together: every share that does not belong is named with its custodian before anything is combined. The same secret is shared anew, among the same
//! people or others, as the set's next epoch; [`Epochs`] lets the epoch before die when the custodians have confirmed theirs.
//!
//! Pure: no I/O, no clock; randomness is injected, but for what the primitives of [`hufu_custodian::seal`] draw themselves.

mod confirmation;
mod curve;
mod deal;
mod epochs;
mod error;
pub mod feldman;
mod gathering;
pub mod gf256;
mod group;
mod handed_over;
mod handover;
mod handover_request;
mod ids;
mod manifest;
mod opened;
mod refusal;
mod reshare;
mod resharing;
mod root;
mod scheme;
pub mod shamir;
mod share;
mod signed_manifest;
mod strict;
mod subject;
mod terms;

pub use confirmation::Confirmation;
pub use curve::Curve;
pub use deal::{Dealt, Terms, deal, deal_scalar};
pub use epochs::{Epoch, Epochs};
pub use error::Error;
pub use gathering::{Gathering, Missing, combine};
pub use handed_over::{HandedOver, Resealed};
pub use handover::Handover;
pub use handover_request::{HandoverRequest, LIFETIME_MS_MAX, ROOT_SUBJECT, Wanted};
pub use ids::{Commitment, ManifestDigest, Point, SetId};
pub use manifest::{Manifest, Seat};
pub use opened::OpenedShare;
pub use refusal::{Fault, Refusal};
pub use reshare::{Contribution, Plan, draft, receive};
pub use resharing::Resharing;
pub use root::{
    Deed, Opening, ROOT_RECORD_LEN_MAX, ROOT_TRANSCRIPT_LEN_MAX, RootPins, RootRecord, RootReport, RootTranscript,
};
pub use scheme::Scheme;
pub use share::Share;
pub use signed_manifest::SignedManifest;
pub use subject::Subject;

/// Most shares of a set.
pub const SEATS_MAX: usize = 64;
/// Longest secret in bytes.
pub const SECRET_LEN_MAX: usize = 4096;
/// Length in bytes of what blinds a commitment.
pub const BLIND_LEN: usize = 32;
