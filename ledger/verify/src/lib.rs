//! What the ledger says about a key, and how anyone checks it offline.
//!
//! [`Leaf`] is the entry format, [`Bundle`] carries the entries of one key with their proofs, and
//! [`verify_bundle`] needs nothing but the bundle and the log's [`VerifierKey`]: no network, no clock,
//! no trust in the service that made it.
//!
//! Inclusion proves that something was said, never that nothing was said since. So a [`Report`] tells
//! the last event as of a checkpoint; it does not tell that a key is good now.

#![no_std]

extern crate alloc;

mod bundle;
mod cbor;
mod error;
mod event;
mod history;
mod key_id;
mod leaf;
mod note;
mod reason;
mod receipt;
mod report;
mod statement;
mod time;
mod verify;

pub use bundle::{BUNDLE_LEN_MAX, Bundle, BundleEntry, ENTRIES_MAX, PUBLIC_KEY_LEN_MAX};
pub use error::{BundleError, EntryError, HistoryError, LeafError, StatementError, VerifyError};
pub use event::Event;
pub use history::{History, Revocation, Status};
pub use hufu_tlog::VerifierKey;
pub use key_id::key_id_for_public_key;
pub use leaf::{EXTENSIONS_MAX, LEAF_LEN_MAX, Leaf};
pub use note::{verify_checkpoints_consistent, verify_note};
pub use reason::RevocationReason;
pub use receipt::{Receipt, verify_receipt};
pub use report::{EventSummary, Report};
pub use statement::{ImportStatement, STATEMENT_LEN_MAX, verify_import_statement};
pub use verify::verify_bundle;
