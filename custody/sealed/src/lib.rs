//! A root without an HSM.
//!
//! A [`MasterKey`] of 32 bytes is split among custodians and kept nowhere else. Until they have brought their shares the service is
//! sealed: [`SealedBackend`], which takes the place of the token, answers that it is not there. Once it is open, the root key
//! and the log key, which lie in the database wrapped by the master key, work as they would in a token, in locked memory.

mod backend;
mod master;
mod unsealing;

pub use backend::SealedBackend;
pub use master::{MASTER_KEY_LEN, MasterKey};
pub use unsealing::{Opened, UnsealError, Unsealing, Waiting};
