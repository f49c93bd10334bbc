//! The store over SQLite, PostgreSQL and memory.
//!
//! All three keep the promise of [`hufu_core::store::Store`] and pass one conformance suite. The databases share a
//! schema, the statements of the reads and the planning of a group; how each makes a group durable and what it can
//! tell of a failure differs, and has its own files.

mod error;
mod limits;
mod memory;
mod migration;
mod plan;
mod postgres;
mod readers;
mod reads;
mod sqlite;

pub use error::OpenError;
pub use memory::{Fault, FaultPlan, MemoryState, MemoryStore};
pub use postgres::{PostgresOptions, PostgresStore};
pub use sqlite::{SqliteOptions, SqliteStore};
