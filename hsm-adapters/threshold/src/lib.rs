//! Keys that holders share: a [`hufu_core::backend::KeyBackend`] over links to share holders, each a process of its own.
//!
//! # The path of one signature
//!
//! 1. The backend reads the key's group, chooses an order of holders, and begins a [`hufu_frost::Coordinator`] with the
//!    requester's mandate (`sign.rs`).
//! 2. What the coordinator asks goes over [`HolderLink`]s, side by side; each call has its time, and a holder that takes longer is
//!    replaced (`seat.rs`).
//! 3. The coordinator verifies each share and the signature. Who failed is named with the answer, good or bad (`words.rs`).
//!
//! A key is made by carrying messages among all of its holders (`generate/`): each is signed by its sender and, where it is secret,
//! sealed to its receiver. The backend holds no secret, and holders do nothing for it that a requester has not signed.

mod backend;
mod destroy;
mod generate;
mod groups;
mod link;
mod seat;
mod sign;
mod words;

pub use backend::{Config, ThresholdBackend, ThresholdError};
pub use link::{HolderInfo, HolderLink, LinkError, Message, Share};
