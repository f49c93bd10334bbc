//! Custodians: who they are, what they sign, and what is sealed to them.
//!
//! A [`Custodian`] is a person, or a service, that holds a share or approves: a name, an organisation, roles, a key that
//! verifies what it signs and a key that things are sealed to. The [`Roster`] is the list of all of a deployment; its hash is
//! compared out of band and pinned in each custodian's own tool, so that a server cannot bring its own people in.
//!
//! Pure: no I/O, no private keys. Those are in a token, a TPM or a file under a passphrase, behind
//! [`Agreement`] and [`Signer`].

pub mod armour;
mod base32;
mod enrol;
mod error;
mod fixed_bytes;
mod hpke;
mod label;
mod name;
mod pin;
pub mod printable;
mod public_key;
mod roster;
mod seal;
mod signed;
mod sm2_sealing;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod words;

pub use enrol::{Awaited, Challenge, SECRET_LEN};
pub use error::Error;
pub use label::Label;
pub use name::Name;
pub use pin::{Pin, Standing};
pub use public_key::{SealingAlgorithm, SealingKey, SigningAlgorithm, VerifyingKey};
pub use roster::{Custodian, MEMBERS_MAX, Roster, RosterHash};
pub use seal::{Agreement, PLAINTEXT_LEN_MAX, open, seal};
pub use signed::{SIGNATURE_LEN, STATEMENT_LEN_MAX, Signed, Signer};
pub use words::{from_words, words};

use sha2::{Digest, Sha256};

/// The beginning of a hash over a domain, a label and bytes: against accidents, not against people.
fn checksum<const N: usize>(domain: &str, label: Label, bytes: &[u8]) -> [u8; N] {
    let label = label.as_str();
    let hash = Sha256::new().chain_update(domain).chain_update([0]).chain_update(label).chain_update([0]);
    let hash: [u8; 32] = hash.chain_update(bytes).finalize().into();
    // INVARIANT: nobody asks for more than 32 bytes.
    hash.first_chunk().copied().unwrap_or([0; N])
}
