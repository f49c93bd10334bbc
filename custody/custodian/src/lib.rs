//! Custodians: who they are, what they sign, and what is sealed to them.
//!
//! A [`Custodian`] is a person, or a service, that holds a share or approves: a name, an organisation, roles, a key that
//! verifies what it signs and a key that things are sealed to. The [`Roster`] is the list of all of a deployment; its hash is
//! compared out of band and pinned in each custodian's own tool, so that a server cannot bring its own people in.
//!
//! Pure: no I/O, no private keys. Those are in a token, a TPM or a file under a passphrase, behind
//! [`Agreement`] and whatever signs.

mod error;
mod hpke;
mod name;
mod public_key;
mod roster;
mod seal;
mod signed;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use error::Error;
pub use name::Name;
pub use public_key::{SealingAlgorithm, SealingKey, SigningAlgorithm, VerifyingKey};
pub use roster::{Custodian, MEMBERS_MAX, Roster, RosterHash};
pub use seal::{Agreement, PLAINTEXT_LEN_MAX, open, seal};
pub use signed::{SIGNATURE_LEN, STATEMENT_LEN_MAX, Signed};
