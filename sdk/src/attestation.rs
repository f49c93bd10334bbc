//! Checks what the vendor of an HSM signed about a key, with nothing but the statement, the public key and the vendor's
//! root: no service, no network, and the clock that the caller names.

pub use hufu_attestation::{
    AttestationError, CertificateFault, Evidence, INPUT_LEN_MAX, Link, PinPolicy, Policy, Statement, TouchPolicy,
    Vendor,
};

use crate::Error;

/// Checks a statement about a public key and tells what its vendor says: YubiKey PIV attestations and Thales Luna public
/// key confirmations.
///
/// # Errors
/// [`Error::Attestation`] names the first thing that does not hold.
pub fn verify(evidence: &Evidence<'_>) -> Result<Statement, Error> {
    hufu_attestation::verify(evidence).map_err(Error::Attestation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_is_refused_and_named() {
        let evidence = Evidence {
            statement: b"s",
            intermediates: b"",
            anchors: b"a",
            public_key: b"k",
            at_ms: 1_750_334_400_000,
        };
        let error = verify(&evidence).unwrap_err();
        assert!(matches!(error, Error::Attestation(AttestationError::PublicKey)), "{error:?}");
        assert!(error.to_string().starts_with("key is not attested: "), "{error}");
    }
}
