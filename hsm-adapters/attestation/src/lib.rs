//! What an HSM's vendor signed about a key, and how anyone checks it offline.
//!
//! [`verify`] reads a statement (a YubiKey PIV attestation certificate, or a Thales Luna public key confirmation) and
//! tells where the private key of one public key lives, in the words of the vendor. It needs nothing but the statement,
//! the public key and the vendor's root: no network, no clock, no trust in the service that holds the key.
//!
//! A [`Statement`] is as good as the root that the caller trusts. It tells where the key was when it was signed, not
//! that the device still works, that its firmware is good, or who may use it; revocation of the vendor's certificates
//! is not asked for, as it would need the network.

mod certificate;
mod error;
mod evidence;
mod input;
mod luna;
mod path;
mod signature;
mod signed_data;
mod statement;
mod yubikey;

pub use error::{AttestationError, CertificateFault};
pub use evidence::{Evidence, verify};
pub use input::{CERTIFICATES_MAX, INPUT_LEN_MAX, public_key};
pub use path::PATH_LEN_MAX;
pub use statement::{Link, PinPolicy, Policy, Statement, TouchPolicy, Vendor};
