//! Secrets split among custodians.
//!
//! Pure: no I/O, no clock; randomness is injected. What the custodian's private key does, [`hufu_custodian::Agreement`] does.

mod error;
pub mod gf256;
pub mod shamir;
mod terms;

pub use error::Error;

/// Most shares of a set.
pub const SEATS_MAX: usize = 64;
/// Longest secret in bytes.
pub const SECRET_LEN_MAX: usize = 4096;
/// Length in bytes of what blinds a commitment.
pub const BLIND_LEN: usize = 32;
