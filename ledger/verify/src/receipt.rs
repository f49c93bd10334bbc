//! Receipts: one leaf, and the proof that the log holds it.

use hufu_tlog::{VerifierKey, leaf_hash, verify_inclusion};

use crate::bundle::Bundle;
use crate::error::{BundleError, EntryError, VerifyError};
use crate::leaf::Leaf;
use crate::note::verify_note;

/// One leaf that is on the log. Nothing is said of what came before it or after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The leaf.
    pub leaf: Leaf,
    /// Its index in the log.
    pub index: u64,
    /// Size of the tree at the checkpoint that the proof leads to.
    pub checkpoint_size: u64,
}

/// Checks a bundle of exactly one entry, of whatever event, against the log's key.
///
/// # Errors
/// [`VerifyError`]: the log's signature is not good, the leaf is not in the tree, or it was made for another log.
pub fn verify_receipt(bytes: &[u8], key: &VerifierKey) -> Result<Receipt, VerifyError> {
    let bundle = Bundle::decode(bytes)?;
    let checkpoint = verify_note(bundle.checkpoint.as_bytes(), key)?;
    let [entry] = bundle.entries.as_slice() else { return Err(BundleError::Entries.into()) };
    let at_fault = |error| VerifyError::Entry { entry: 0, error };
    let hash = leaf_hash(&entry.leaf);
    let included = verify_inclusion(&hash, entry.index, checkpoint.size, &entry.proof, &checkpoint.root);
    included.map_err(|error| at_fault(error.into()))?;
    let leaf = Leaf::decode(&entry.leaf).map_err(|error| at_fault(error.into()))?;
    if leaf.origin != checkpoint.origin {
        return Err(at_fault(EntryError::Origin));
    }
    Ok(Receipt { leaf, index: entry.index, checkpoint_size: checkpoint.size })
}
