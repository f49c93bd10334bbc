//! Locked, zeroized memory for secrets, and hardening of the process that holds them.
//!
//! [`SecretBytes`] is the only type in which key material, PINs and plaintexts travel between crates. It cannot be
//! cloned, copied, displayed or serialized, and it compares in constant time.

mod arena;
mod bytes;
mod process;
mod random;
mod region;

pub use bytes::SecretBytes;
pub use process::{
    Hardening, MemoryLock, Step, close_inherited_descriptors, die_with_parent, end_process, harden_process,
};
pub use random::{Rng, RngError, random_array};
pub use region::AllocError;
