//! Checks ledger bundles and checkpoints with nothing but the log's public key, and exported audit with nothing at all: no
//! service, no network, no clock.

mod audit;
mod ceremony;
mod public_key;
mod transfer;

pub use audit::{AuditCheck, CheckedChain, CheckedSegment, SegmentError};
pub use ceremony::{CeremonyLeaf, verify_ceremony_receipt, verify_root_receipt};
pub use public_key::{bundle_public_key, public_key_from_pem, public_key_sha256, public_key_to_pem};

pub use transfer::{ImportOffer, KEY_LEN_MAX, OFFER_LEN_MAX, WRAPPED_LEN_MAX, open_export, public_key_of, read_key};

pub use hufu_verify::{
    BUNDLE_LEN_MAX, Event, EventSummary, ImportStatement, Report, Revocation, Status, VerifierKey, VerifyError,
};

use crate::Error;

/// Reads the verifier key of a log (C2SP signed-note: `ORIGIN+HASH+KEY`); white space around it is ignored.
///
/// # Errors
/// [`Error::VerifierKey`] says which part is malformed.
pub fn verifier_key(text: &str) -> Result<VerifierKey, Error> {
    VerifierKey::parse(text.trim()).map_err(Error::VerifierKey)
}

/// Checks a bundle and tells what it proves: the last event of a key as of a checkpoint, never that the key is good now.
///
/// # Errors
/// [`Error::Verify`] names the first thing that does not hold.
pub fn verify_bundle(bundle: &[u8], key: &VerifierKey) -> Result<Report, Error> {
    hufu_verify::verify_bundle(bundle, key).map_err(Error::Verify)
}

/// Checks that a newer checkpoint extends an older one, both as signed notes, given the hashes of
/// [`Client::prove_consistency`](crate::Client::prove_consistency).
///
/// # Errors
/// [`Error::Verify`]; [`VerifyError::Inconsistent`] means that the log has forked or was cut.
pub fn verify_consistency(older: &[u8], newer: &[u8], hashes: &[Vec<u8>], key: &VerifierKey) -> Result<(), Error> {
    let hashes = hashes
        .iter()
        .map(|hash| <[u8; 32]>::try_from(hash.as_slice()).map(hufu_tlog::Hash))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| Error::Incomplete("hashes of 32 bytes"))?;
    let older = hufu_verify::verify_note(older, key).map_err(Error::Verify)?;
    let newer = hufu_verify::verify_note(newer, key).map_err(Error::Verify)?;
    hufu_verify::verify_checkpoints_consistent(&older, &newer, &hashes).map_err(Error::Verify)
}

/// Checks the log's signature on a checkpoint and tells the number of leaves it stands for.
///
/// # Errors
/// [`Error::Verify`] when the note is malformed or not signed by the log.
pub fn tree_size(checkpoint: &[u8], key: &VerifierKey) -> Result<u64, Error> {
    Ok(hufu_verify::verify_note(checkpoint, key).map_err(Error::Verify)?.size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_is_refused_and_named() {
        let error = verifier_key("nonsense").unwrap_err();
        assert!(error.to_string().starts_with("no verifier key of a log: "), "{error}");
        let key = VerifierKey::new("example.org/log", [0; 32]).unwrap();
        let error = verify_bundle(b"rubbish", &key).unwrap_err();
        assert!(matches!(error, Error::Verify(VerifyError::Bundle(_))), "{error:?}");
        assert!(verify_consistency(b"", b"", &[vec![0; 31]], &key).is_err());
    }

    #[test]
    fn a_line_feed_after_the_key_is_no_harm() {
        let key = VerifierKey::new("example.org/log", [7; 32]).unwrap();
        assert_eq!(verifier_key(&format!("{key}\n")).unwrap().name(), "example.org/log");
    }
}
