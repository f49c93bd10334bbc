//! Appraising evidence (RFC 9334 §8): from files to a statement.

use crate::certificate::Certificate;
use crate::error::AttestationError;
use crate::input::{self, Contents};
use crate::signature::Sha1;
use crate::statement::Statement;
use crate::{luna, yubikey};

/// What is to be checked. Every file is PEM or DER and at most [`INPUT_LEN_MAX`](crate::INPUT_LEN_MAX) long.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The vendor's statement: an attestation certificate, with its intermediates if in PEM, or a `.p7b` file.
    pub statement: &'a [u8],
    /// Further intermediate certificates; may be empty.
    pub intermediates: &'a [u8],
    /// Roots of the vendor that the caller trusts. Where they come from decides what the answer is worth.
    pub anchors: &'a [u8],
    /// The public key that is asked about: see [`public_key`](crate::public_key).
    pub public_key: &'a [u8],
    /// The moment at which all certificates must be valid, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// Checks a statement about a public key and tells what it says.
///
/// # Errors
/// [`AttestationError`] names the first thing that does not hold.
pub fn verify(evidence: &Evidence<'_>) -> Result<Statement, AttestationError> {
    input::bounded(evidence.statement, "statement")?;
    let question = Question {
        public_key: input::public_key(evidence.public_key)?,
        intermediates: intermediates(evidence.intermediates)?,
        anchors: anchors(evidence.anchors)?,
        at_ms: evidence.at_ms,
    };
    match input::contents(evidence.statement).map_err(AttestationError::Statement)? {
        Contents::Certificates(certificates) => yubikey::verify(certificates, question),
        Contents::SignedData(certificates) => luna::verify(certificates, &question),
    }
}

/// The evidence beside the statement, read.
pub(crate) struct Question {
    pub(crate) public_key: Vec<u8>,
    pub(crate) intermediates: Vec<Certificate>,
    pub(crate) anchors: Vec<Certificate>,
    pub(crate) at_ms: u64,
}

impl Question {
    /// Whether the certificate is about the key that was asked about.
    pub(crate) fn check_key(&self, leaf: &Certificate) -> Result<(), AttestationError> {
        let same = leaf.public_key_der().is_some_and(|key| key == self.public_key);
        if same { Ok(()) } else { Err(AttestationError::WrongKey) }
    }
}

fn intermediates(bytes: &[u8]) -> Result<Vec<Certificate>, AttestationError> {
    input::bounded(bytes, "file of intermediate certificates")?;
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    input::certificates(bytes).map_err(AttestationError::Intermediate)
}

fn anchors(bytes: &[u8]) -> Result<Vec<Certificate>, AttestationError> {
    input::bounded(bytes, "file of trust anchors")?;
    let anchors = input::certificates(bytes).map_err(AttestationError::Anchor)?;
    if anchors.iter().all(is_whole) {
        Ok(anchors)
    } else {
        Err(AttestationError::Anchor("not a root, or its signature on itself is wrong: the file is damaged"))
    }
}

/// A root's signature on itself proves no trust, so SHA-1 does for it: it shows that the file is not damaged.
fn is_whole(anchor: &Certificate) -> bool {
    anchor.is_self_issued() && anchor.check_signed_by(anchor, Sha1::Accepted).is_ok()
}
