//! Keys in a TPM 2.0 (ISO/IEC 11889), through the enhanced system API of the TCG software stack.
//!
//! A TPM keeps next to nothing: each key is made under the storage root key and comes out as a blob that only this TPM can
//! load again. The blob lives in the record of its version ([`hufu_core::record::Locator::Sealed`]). Keys are
//! fixed to the TPM and to their parent, made on it, and used with an authorization value that travels only in
//! salted, encrypted sessions. It needs `libtss2`; the crate is built only where that is wanted.
//!
//! Randomness of its own: the TPM's, that of the software stack for session nonces, and that of aws-lc for the pair which a TPM is
//! tried with when it is opened.

mod backend;
mod blob;
mod certificate;
mod config;
mod device;
mod fault;
mod link;
mod peer;
mod probe;
mod public_key;
mod sm2;
mod template;

pub use backend::TpmBackend;
pub use certificate::Certificate;
pub use config::{Config, OpenError};
