//! The private side of a custodian: keys in a file under a passphrase, on a PKCS#11 token, or in a TPM (feature `tpm`, which needs
//! `libtss2`).
//!
//! Each is a [`hufu_core::backend::KeyBackend`] with two keys in it, one that signs and one that agrees: what wraps, signs and
//! agrees for the service does it for custodians too. [`CustodianKeys`] is what shares and ceremonies see of them:
//! [`hufu_custodian::Agreement`] and [`hufu_custodian::Signer`].
//!
//! Part of a tool, not of the service: calls block, and each runs on a thread of its own, so that they can be made from
//! anywhere. Randomness comes from the operating system, the token or the TPM, and from aws-lc, as the backends say.

mod argon;
mod custodian_keys;
mod error;
mod key_file;
mod passphrase;
mod suite;
mod surroundings;
mod token;
#[cfg(feature = "tpm")]
mod tpm;

pub use argon::{Cost, PASSPHRASE_LEN_MAX, PASSPHRASE_LEN_MIN};
pub use custodian_keys::CustodianKeys;
pub use error::Error;
pub use hufu_pkcs11::{OpenError, TokenSelector};
pub use hufu_secret::{SecretBytes, end_process};
#[cfg(feature = "tpm")]
pub use hufu_tpm::OpenError as TpmOpenError;
pub use key_file::{Identity, KeyFile, Place};
pub use suite::Suite;
pub use surroundings::{harden, random};
pub use token::TokenAccess;
#[cfg(feature = "tpm")]
pub use tpm::TpmAccess;
