//! SM2 signatures by a vendor's mechanism, which signs e and knows no distinguishing identifier (GB/T 32918.2 §5.5 and §6.1).

use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};
use hufu_core::backend::{BackendError, KeyHandle};
use hufu_core::record::DISTINGUISHING_ID_DEFAULT;
use sm2::dsa::signature::hazmat::PrehashVerifier as _;
use sm2::dsa::{Signature, VerifyingKey};
use sm3::{Digest as _, Sm3};
use spki::SubjectPublicKeyInfoRef;

use crate::vendor::SignatureForm;

const COORDINATE_LEN: usize = 32;
const SIGNATURE_LEN: usize = 2 * COORDINATE_LEN;

/// a, b, x_G and y_G of the recommended curve (GB/T 32918.5 §2).
const CURVE: [[u8; COORDINATE_LEN]; 4] = [
    hex_literal("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"),
    hex_literal("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
    hex_literal("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
    hex_literal("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
];

/// e = SM3(Z_A ‖ M) for a key of which the engine knows the public half.
pub(crate) fn digest(key: &KeyHandle, message: &[u8]) -> Result<Vec<u8>, BackendError> {
    let missing = || BackendError::Missing("the version has no public key of SM2".to_owned());
    let spki = key.public_key.as_deref().ok_or_else(missing)?;
    let point = point(spki).ok_or_else(missing)?;
    let id = key.distinguishing_id.as_deref().unwrap_or(DISTINGUISHING_ID_DEFAULT);
    let too_long = || BackendError::InvalidInput("the distinguishing identifier is too long".to_owned());
    let bits = id.len().checked_mul(8).and_then(|bits| u16::try_from(bits).ok()).ok_or_else(too_long)?;
    let mut z = Sm3::new_with_prefix(bits.to_be_bytes());
    z.update(id);
    CURVE.iter().for_each(|parameter| z.update(parameter));
    z.update(point.get(1..).unwrap_or_default());
    Ok(Sm3::new_with_prefix(z.finalize()).chain_update(message).finalize().to_vec())
}

/// Whether r ‖ s is an SM2 signature of e: ECDSA on the same curve is none.
pub(crate) fn verifies(spki: &[u8], e: &[u8], signature: &[u8]) -> bool {
    let key = point(spki).and_then(|point| VerifyingKey::from_sec1_bytes(DISTINGUISHING_ID_DEFAULT, &point).ok());
    let signature = Signature::try_from(signature).ok();
    key.zip(signature).is_some_and(|(key, signature)| key.verify_prehash(e, &signature).is_ok())
}

/// r ‖ s of fixed length, whatever the token makes of them.
pub(crate) fn fixed(signature: Vec<u8>, form: SignatureForm) -> Option<Vec<u8>> {
    match form {
        SignatureForm::Raw => Some(signature).filter(|signature| signature.len() == SIGNATURE_LEN),
        SignatureForm::Der => from_der(&signature),
    }
}

fn from_der(signature: &[u8]) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(signature).ok()?;
    let numbers = reader.sequence(|inner| Ok::<[UintRef<'_>; 2], der::Error>([inner.decode()?, inner.decode()?]));
    let (numbers, ()) = (numbers.ok()?, reader.finish().ok()?);
    let mut fixed = vec![0; SIGNATURE_LEN];
    for (number, field) in numbers.iter().zip(fixed.chunks_exact_mut(COORDINATE_LEN)) {
        let bytes = number.as_bytes();
        let start = COORDINATE_LEN.checked_sub(bytes.len())?;
        field.get_mut(start..)?.copy_from_slice(bytes);
    }
    Some(fixed)
}

/// 04 ‖ x ‖ y of a SubjectPublicKeyInfo.
fn point(spki: &[u8]) -> Option<[u8; 1 + SIGNATURE_LEN]> {
    let info = SubjectPublicKeyInfoRef::from_der(spki).ok()?;
    let point: [u8; 1 + SIGNATURE_LEN] = info.subject_public_key.as_bytes()?.try_into().ok()?;
    (point.first() == Some(&4)).then_some(point)
}

/// Reads 64 hexadecimal digits at compile time.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time alone")]
const fn hex_literal(digits: &str) -> [u8; COORDINATE_LEN] {
    let digits = digits.as_bytes();
    let mut bytes = [0; COORDINATE_LEN];
    let mut at = 0;
    while at < digits.len() {
        let value = match digits[at] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit => digit - b'a' + 10,
        };
        bytes[at / 2] = bytes[at / 2] << 4 | value;
        at += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_come_out_fixed() {
        let der = [0x30, 7, 2, 2, 0, 0x80, 2, 1, 5];
        let fixed_len = fixed(der.to_vec(), SignatureForm::Der).unwrap();
        assert_eq!((fixed_len[31], fixed_len[63], fixed_len.len()), (0x80, 5, 64));
        assert_eq!(fixed_len.iter().filter(|byte| **byte != 0).count(), 2);
        assert_eq!(fixed(vec![1; 64], SignatureForm::Raw), Some(vec![1; 64]));
        let long = [&[0x30, 38, 2, 33, 1][..], &[0; 32], &[2, 1, 5]].concat();
        for bad in [&der[..8], &[&der[..], &[0]].concat(), &long, &[]] {
            assert_eq!(fixed(bad.to_vec(), SignatureForm::Der), None, "{bad:?}");
        }
        assert_eq!(fixed(vec![1; 63], SignatureForm::Raw), None);
    }

    #[test]
    fn what_is_no_key_verifies_nothing() {
        assert!(!verifies(&[], &[1; 32], &[1; 64]));
        assert!(!verifies(&[0x30, 0], &[1; 32], &[1; 64]));
    }
}
