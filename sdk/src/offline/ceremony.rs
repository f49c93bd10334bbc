//! Receipts of ceremonies, and of what was done with a root: that the world could see what was asked for before anyone allowed it.

use hufu_verify::{Event, VerifierKey, verify_receipt};

use crate::Error;

/// What a ceremony's leaf must say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CeremonyLeaf {
    /// The ceremony's id, 32 bytes.
    pub ceremony: [u8; 32],
    /// Digest of its request, 32 bytes.
    pub request: [u8; 32],
    /// Number of the event that the leaf is of, from 0.
    pub event: u64,
    /// Hash of that event and of all before it, 32 bytes.
    pub head: [u8; 32],
}

/// Checks with nothing but the log's key that a ceremony's event is on the log. Answers with its index there.
///
/// # Errors
/// [`Error::Verify`] when the receipt proves nothing; [`Error::Receipt`] when it proves something else.
pub fn verify_ceremony_receipt(receipt: &[u8], expected: &CeremonyLeaf, key: &VerifierKey) -> Result<u64, Error> {
    let found = verify_receipt(receipt, key).map_err(Error::Verify)?;
    let names = |name: &str, hash: &[u8; 32]| found.leaf.extensions.get(name).is_some_and(|found| found == hash);
    let is_it = found.leaf.event == Event::Policy
        && found.leaf.key_id == Some(expected.ceremony)
        && found.leaf.sequence == expected.event
        && names("ceremony-head", &expected.head)
        && names("ceremony-request", &expected.request);
    if is_it { Ok(found.index) } else { Err(Error::Receipt) }
}

/// Checks with nothing but the log's key that a record of a root, of that digest, is on the log. Answers with its index there.
///
/// # Errors
/// [`Error::Verify`] when the receipt proves nothing; [`Error::Receipt`] when it proves something else.
pub fn verify_root_receipt(receipt: &[u8], digest: &[u8; 32], key: &VerifierKey) -> Result<u64, Error> {
    let found = verify_receipt(receipt, key).map_err(Error::Verify)?;
    let named = found.leaf.extensions.get("root-transcript").is_some_and(|found| found == digest);
    let is_it =
        found.leaf.event == Event::Policy && found.leaf.key_id == Some(*digest) && found.leaf.sequence == 0 && named;
    if is_it { Ok(found.index) } else { Err(Error::Receipt) }
}
