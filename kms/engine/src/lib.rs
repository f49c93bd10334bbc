//! Use cases of the key management service.
//!
//! Each use case decides purely, calls the backend where it must, and returns what the journal shall commit. Nothing is
//! spawned here, and nothing is written but through the journal.

pub mod alarms;
pub mod api;
mod ceremonies;
mod crypto;
mod deposits;
mod directory;
mod engine;
mod escrow;
mod fault;
mod foundation;
mod holder;
mod identity;
mod keys;
mod leaf;
pub mod ledger;
mod lifecycle;
mod proofs;
mod reconcile;
mod refusals;
mod rewrap;
mod root_transcripts;
mod roots;
pub mod sequencer;
mod shares;
mod split_root;
mod status;
mod trail;
mod transfer;

pub use engine::{Engine, Parts};
pub use foundation::{
    BeforeFirst, Bootstrap, Foundation, FoundationError, Integrity, Keyring, MoveStep, Renewal, RootKeeper,
    RootReport, RootToken, lay_foundation,
};
pub use holder::{HolderIdentity, HolderPolicy, HolderSetup, Offload, RequesterRule};
pub use root_transcripts::{RootOpening, beginning as beginning_of_root};
pub use split_root::{SplitRoot, root_shares};
pub use transfer::read_envelope;
