//! The public area of a key as SubjectPublicKeyInfo.

use der::Encode as _;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::structures::{EccPoint, Public};

pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(crate) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SM2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// Length of a coordinate in bytes, of both curves.
pub(crate) const COORDINATE_LEN: usize = 32;

/// The uncompressed point of a public area, x ‖ y.
pub(crate) fn point(public: &Public) -> Result<[u8; 2 * COORDINATE_LEN], BackendError> {
    let Public::Ecc { unique, .. } = public else { return Err(malformed()) };
    let mut point = [0; 2 * COORDINATE_LEN];
    let (x, y) = point.split_at_mut(COORDINATE_LEN);
    fill(x, unique.x().value())?;
    fill(y, unique.y().value())?;
    Ok(point)
}

/// DER of the SubjectPublicKeyInfo (RFC 5480 §2).
pub(crate) fn spki(public: &Public) -> Result<Vec<u8>, BackendError> {
    let Public::Ecc { parameters, .. } = public else { return Err(malformed()) };
    let curve = match parameters.ecc_curve() {
        EccCurve::NistP256 => P256,
        EccCurve::Sm2P256 => SM2,
        _ => return Err(malformed()),
    };
    let point = [&[4][..], &point(public)?].concat();
    let subject_public_key = BitStringRef::from_bytes(&point).map_err(|_| malformed())?;
    let algorithm = AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&curve)) };
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().map_err(|_| malformed())
}

/// Z (SP 800-56Ar3 §5.7.1.2): the first coordinate of the point that both sides reach, with its leading zeros.
pub(crate) fn shared_secret(point: &EccPoint) -> Result<SecretBytes, BackendError> {
    let mut secret = SecretBytes::zeroed(COORDINATE_LEN);
    fill(secret.expose_mut(), point.x().value())?;
    Ok(secret)
}

/// Puts a number into a field of fixed length; TPMs leave leading zeros out.
pub(crate) fn fill(field: &mut [u8], number: &[u8]) -> Result<(), BackendError> {
    let start = field.len().checked_sub(number.len()).ok_or_else(malformed)?;
    let tail = field.get_mut(start..).ok_or_else(malformed)?;
    tail.copy_from_slice(number);
    Ok(())
}

fn malformed() -> BackendError {
    BackendError::Failed("the TPM answered something other than a key of 256 bits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_come_back() {
        let mut field = [0; 4];
        fill(&mut field, &[1, 2]).unwrap();
        assert_eq!(field, [0, 0, 1, 2]);
        assert!(fill(&mut field, &[1; 5]).is_err());
    }
}
