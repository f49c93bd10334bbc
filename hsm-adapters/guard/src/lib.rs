//! Checks what a backend makes before it is released.
//!
//! A device that was gone may come back with other handles, and a device under attack may answer a faulty signature, from
//! which an RSA key can be computed (Boneh, DeMillo, Lipton 1997). [`Proven`] stands in front of a backend and compares
//! signatures with the public key that was recorded when the key was made.
//!
//! What cannot be proven so: MACs and ciphertexts under secret keys, for which nothing public exists.

mod marks;
mod proven;
mod verify;

pub use proven::{Mismatch, Proven};
pub use verify::Verify;
