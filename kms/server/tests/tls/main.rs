//! What the gRPC listener lets in, and what those can do whom it does not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod flood;
mod pki;
mod refusal;
mod scene;
