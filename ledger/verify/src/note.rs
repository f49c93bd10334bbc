//! Signatures and consistency of checkpoints.

use alloc::string::String;

use ed25519_dalek::{Signature, VerifyingKey};
use hufu_tlog::{Checkpoint, Hash, SignedNote, VerifierKey, verify_consistency};

use crate::error::VerifyError;

/// Reads the checkpoint out of a signed note, once the log's own signature on it is good.
///
/// Ed25519 is checked strictly: no small-order keys, no second spelling of a signature. Signatures of
/// other keys are passed over (c2sp.org/signed-note).
///
/// # Errors
/// [`VerifyError`] unless the note is well-formed, signed by `key`, and a checkpoint whose origin is
/// the name of `key`.
pub fn verify_note(note: &[u8], key: &VerifierKey) -> Result<Checkpoint, VerifyError> {
    let checkpoint = Checkpoint::parse(&signed_text(note, key)?)?;
    if checkpoint.origin == key.name() { Ok(checkpoint) } else { Err(VerifyError::Origin) }
}

/// The text of a note, once the signature of `key` on it is good.
pub(crate) fn signed_text(note: &[u8], key: &VerifierKey) -> Result<String, VerifyError> {
    let note = SignedNote::parse(note)?;
    let signature = note.signature_for(key).ok_or(VerifyError::NotSigned)?;
    let signature = Signature::from_slice(signature).map_err(|_| VerifyError::Signature)?;
    let verifying = VerifyingKey::from_bytes(key.public_key()).map_err(|_| VerifyError::VerifierKey)?;
    verifying.verify_strict(note.signed_bytes(), &signature).map_err(|_| VerifyError::Signature)?;
    Ok(note.text().into())
}

/// Checks that the log of `old` was only appended to until `new` (RFC 6962 §2.1.2). Both must have come
/// through [`verify_note`].
///
/// # Errors
/// [`VerifyError::Origin`], [`VerifyError::Inconsistent`].
pub fn verify_checkpoints_consistent(old: &Checkpoint, new: &Checkpoint, proof: &[Hash]) -> Result<(), VerifyError> {
    if old.origin != new.origin {
        return Err(VerifyError::Origin);
    }
    verify_consistency(old.size, &old.root, new.size, &new.root, proof).map_err(VerifyError::Inconsistent)
}
