//! HSMs that fail, by script and in earnest: what is released is right, what was acknowledged is kept, the PIN is never
//! risked, and `hufud` goes on without a restart.
//!
//! `HUFU_SOAK=1000000` makes the soak as long as that many signatures.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it measured"
)]

mod bad_input;
mod book;
mod callers;
mod child;
mod deaths;
mod device;
mod hung_or_dead;
mod module;
mod phases;
mod pin;
mod scene;
mod silent;
mod soak;
mod vendor;
