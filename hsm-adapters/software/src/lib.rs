//! Keys in software: made from the injected random source, wrapped at rest, opened into a bounded cache.
//!
//! The backend keeps nothing: material lives in the record of its version as a wrapped blob. What is opened stays in
//! memory of the process until it is evicted, destroyed or the process ends, and is cleansed then.
//!
//! Libraries that draw randomness of their own: aws-lc for RSA key generation, ECDSA nonces, PSS salts and OAEP seeds.
//! Everything else comes from the injected [`hufu_core::ambient::Rng`]; secp256k1 nonces follow RFC 6979.

mod backend;
mod cache;
mod capabilities;
mod fresh;
mod key;
mod material;
mod public;
mod spki;
mod usage;
mod wrapping;

pub use backend::{INPUT_LEN_MAX, OpenError, RANDOM_LEN_MAX, SoftwareBackend};
pub use fresh::fresh;
