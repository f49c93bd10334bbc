//! Holders of shares as processes, each on a SoftHSM token, a database and keys of its own.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod alone;
mod house;
mod together;
