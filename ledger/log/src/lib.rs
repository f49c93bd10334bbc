//! The embedded ledger: sequencing, checkpoints, proofs.
//!
//! Leaves are committed by use cases without an index. [`Log::plan`] reads the change feed and plans what gives the next leaves
//! their indices; [`Log::unsigned`] and [`Log::seal`] frame the signature on the checkpoint that the plan fixed. Whoever
//! calls them commits the changesets: nothing here writes, signs, waits or opens a transaction.
//!
//! Everything that is read comes from a database that is not trusted blindly: tiles must lead to the root, the root
//! to a signature of the log's key, and no proof is given out that does not verify. What disagrees is named by
//! [`Damage`].
//!
//! Nothing beyond the newest *signed* checkpoint is served or proven.

mod bundle;
mod consistency;
mod error;
mod log;
mod outside;
mod plan;
mod rows;
mod scrub;
mod serve;
mod sign;
mod signed;
mod state;
mod tiles;

pub use bundle::{ProofOf, Proven};
pub use consistency::Extension;
pub use error::{Damage, LogError};
pub use log::Log;
pub use plan::{BATCH_LEN_MAX, Fence, Plan};
pub use rows::{audit_leaf_row_id, audit_leaf_scope, leaf_row_id, leaf_scope};
pub use scrub::Scrubbed;
pub use sign::{Sealed, Unsigned};
pub use signed::SignedCheckpoint;
pub use state::LogState;
