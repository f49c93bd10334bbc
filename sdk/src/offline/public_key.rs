//! The public key in a bundle, and in other hands.

use hufu_verify::Bundle;
use sha2::{Digest as _, Sha256};
use x509_cert::der::pem::{self, LineEnding};

use crate::Error;

/// Label of a SubjectPublicKeyInfo in PEM (RFC 7468 §13).
const LABEL: &str = "PUBLIC KEY";

/// DER of the SubjectPublicKeyInfo in a bundle, which [`verify_bundle`](super::verify_bundle) finds to be that of the
/// proven key. The bundle of a symmetric key has none.
///
/// # Errors
/// [`Error::Verify`] when the bundle is malformed.
pub fn bundle_public_key(bundle: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    Bundle::decode(bundle).map(|bundle| bundle.public_key).map_err(|error| Error::Verify(error.into()))
}

/// DER of the SubjectPublicKeyInfo in a PEM file. Nothing is said of the key itself.
///
/// # Errors
/// [`Error::Usage`] when the text is something else.
pub fn public_key_from_pem(text: &[u8]) -> Result<Vec<u8>, Error> {
    match pem::decode_vec(text.trim_ascii()) {
        Ok((LABEL, der)) => Ok(der),
        _ => Err(Error::Usage {
            message: "this is no public key in PEM (`-----BEGIN PUBLIC KEY-----`)".to_owned(),
            help: Some("`openssl x509 -pubkey -noout -in cert.pem` takes the one of a certificate".to_owned()),
        }),
    }
}

/// PEM of a SubjectPublicKeyInfo.
///
/// # Errors
/// [`Error::Incomplete`] never in practice: when it is too long for PEM.
pub fn public_key_to_pem(spki: &[u8]) -> Result<String, Error> {
    pem::encode_string(LABEL, LineEnding::LF, spki).map_err(|_| Error::Incomplete("a public key of sensible length"))
}

/// SHA-256 of a SubjectPublicKeyInfo, the usual fingerprint of a public key (RFC 7469 §2.4).
#[must_use]
pub fn public_key_sha256(spki: &[u8]) -> [u8; 32] {
    Sha256::digest(spki).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_reads_back_and_other_things_are_refused() {
        let spki = vec![7; 91];
        let pem = public_key_to_pem(&spki).unwrap();
        assert_eq!(public_key_from_pem(format!("\n{pem}\n").as_bytes()).unwrap(), spki);
        let certificate = pem.replace("PUBLIC KEY", "CERTIFICATE");
        assert!(matches!(public_key_from_pem(certificate.as_bytes()), Err(Error::Usage { .. })));
        assert!(public_key_from_pem(b"").is_err());
        assert!(bundle_public_key(b"rubbish").is_err());
    }
}
