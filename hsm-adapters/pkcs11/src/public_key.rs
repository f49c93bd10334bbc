//! Public keys as the token shows them, to SubjectPublicKeyInfo.

use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode, Reader as _, SliceReader};
use hufu_core::algorithm::Algorithm;
use hufu_core::backend::BackendError;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::fault::Fault;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The named curve of an algorithm (RFC 5480 §2.1.1.1, SEC 2).
pub(crate) fn curve(algorithm: Algorithm) -> Option<ObjectIdentifier> {
    match algorithm {
        Algorithm::P256 => Some(ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7")),
        Algorithm::P384 => Some(ObjectIdentifier::new_unwrap("1.3.132.0.34")),
        Algorithm::Secp256k1 => Some(ObjectIdentifier::new_unwrap("1.3.132.0.10")),
        _ => None,
    }
}

/// Reads a public key object as SubjectPublicKeyInfo, DER.
pub(crate) fn read(session: &Session, object: ObjectHandle, algorithm: Algorithm) -> Result<Vec<u8>, Fault> {
    if algorithm.modulus_len().is_some() {
        return read_rsa(session, object);
    }
    if let Some((oid, len)) = lattice(algorithm) {
        return read_value(session, object, oid, len);
    }
    let attributes = session.get_attributes(object, &[AttributeType::EcPoint])?;
    let Some(Attribute::EcPoint(shown)) = attributes.into_iter().next() else {
        return Err(unreadable().into());
    };
    let encoded = match curve(algorithm) {
        Some(curve) => {
            let len = if algorithm == Algorithm::P384 { 97 } else { 65 };
            let point = unwrap_point(&shown, len).filter(|point| point.first() == Some(&4)).ok_or_else(unreadable)?;
            encode(AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&curve)) }, point)
        }
        None => {
            let point = unwrap_point(&shown, 32).ok_or_else(unreadable)?;
            encode(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, point)
        }
    };
    Ok(encoded.ok_or_else(unreadable)?)
}

/// The attributes that hold a public key, out of its SubjectPublicKeyInfo; the curve is told by the template.
///
/// # Errors
/// `InvalidInput` when it is no public key of that algorithm.
pub(crate) fn parts(spki: &[u8], algorithm: Algorithm) -> Result<Vec<Attribute>, BackendError> {
    parse(spki, algorithm).ok_or_else(|| BackendError::InvalidInput(format!("the public key is none of {algorithm}")))
}

fn parse(spki: &[u8], algorithm: Algorithm) -> Option<Vec<Attribute>> {
    let info = SubjectPublicKeyInfoRef::from_der(spki).ok()?;
    let key = info.subject_public_key.as_bytes()?;
    if algorithm.modulus_len().is_some() {
        let mut reader = SliceReader::new(key).ok()?;
        let (modulus, exponent) = reader
            .sequence(|inner| -> der::Result<_> { Ok((UintRef::decode(inner)?, UintRef::decode(inner)?)) })
            .ok()?;
        let parts = [
            Attribute::Modulus(modulus.as_bytes().to_vec()),
            Attribute::PublicExponent(exponent.as_bytes().to_vec()),
        ];
        return (info.algorithm.oid == RSA_ENCRYPTION).then(|| parts.to_vec());
    }
    if let Some((oid, len)) = lattice(algorithm) {
        let fits = info.algorithm.oid == oid && key.len() == len;
        return fits.then(|| vec![Attribute::Value(key.to_vec())]);
    }
    let fits = match curve(algorithm) {
        Some(curve) => info.algorithm.oid == EC_PUBLIC_KEY && info.algorithm.parameters_oid().ok() == Some(curve),
        None => info.algorithm.oid == ED25519 && key.len() == 32,
    };
    let point = OctetStringRef::new(key).ok()?.to_der().ok()?;
    fits.then(|| vec![Attribute::EcPoint(point)])
}

/// Object identifier and length in bytes of a public key of a lattice (RFC 9881 §3, RFC 9935 §3).
fn lattice(algorithm: Algorithm) -> Option<(ObjectIdentifier, usize)> {
    let (oid, len) = match algorithm {
        Algorithm::MlDsa44 => ("2.16.840.1.101.3.4.3.17", 1312),
        Algorithm::MlDsa65 => ("2.16.840.1.101.3.4.3.18", 1952),
        Algorithm::MlDsa87 => ("2.16.840.1.101.3.4.3.19", 2592),
        Algorithm::MlKem768 => ("2.16.840.1.101.3.4.4.2", 1184),
        _ => return None,
    };
    Some((ObjectIdentifier::new_unwrap(oid), len))
}

/// A public key that the token shows bare in CKA_VALUE (PKCS #11 v3.2).
fn read_value(session: &Session, object: ObjectHandle, oid: ObjectIdentifier, len: usize) -> Result<Vec<u8>, Fault> {
    let shown = session.get_attributes(object, &[AttributeType::Value])?;
    let Some(Attribute::Value(value)) = shown.into_iter().next().filter(|shown| has_len(shown, len)) else {
        return Err(unreadable().into());
    };
    Ok(encode(AlgorithmIdentifierRef { oid, parameters: None }, &value).ok_or_else(unreadable)?)
}

fn has_len(shown: &Attribute, len: usize) -> bool {
    matches!(shown, Attribute::Value(value) if value.len() == len)
}

/// CKA_EC_POINT is a DER OCTET STRING by the standard, and the bare point on some tokens.
fn unwrap_point(shown: &[u8], len: usize) -> Option<&[u8]> {
    if shown.len() == len {
        return Some(shown);
    }
    let wrapped: &OctetStringRef = Decode::from_der(shown).ok()?;
    Some(wrapped.as_bytes()).filter(|point| point.len() == len)
}

fn read_rsa(session: &Session, object: ObjectHandle) -> Result<Vec<u8>, Fault> {
    let (mut modulus, mut exponent) = (None, None);
    for attribute in session.get_attributes(object, &[AttributeType::Modulus, AttributeType::PublicExponent])? {
        match attribute {
            Attribute::Modulus(value) => modulus = Some(value),
            Attribute::PublicExponent(value) => exponent = Some(value),
            _ => {}
        }
    }
    let encoded = modulus.zip(exponent).and_then(|(modulus, exponent)| rsa_key(&modulus, &exponent));
    let algorithm = AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) };
    Ok(encoded.and_then(|key| encode(algorithm, &key)).ok_or_else(unreadable)?)
}

/// RSAPublicKey (RFC 8017 §A.1.1).
fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let integers = [UintRef::new(modulus).ok()?, UintRef::new(exponent).ok()?];
    let body: Vec<u8> = integers.iter().map(|i| i.to_der().ok()).collect::<Option<Vec<_>>>()?.concat();
    AnyRef::new(der::Tag::Sequence, &body).ok()?.to_der().ok()
}

fn encode(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Option<Vec<u8>> {
    let subject_public_key = BitStringRef::from_bytes(key).ok()?;
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().ok()
}

fn unreadable() -> BackendError {
    BackendError::Missing("the token does not show a public key of that algorithm".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_accepted_bare_and_wrapped() {
        let (bare, wrapped) = ([4; 65], [&[0x04, 65][..], &[4; 65]].concat());
        assert_eq!(unwrap_point(&bare, 65), Some(&bare[..]));
        assert_eq!(unwrap_point(&wrapped, 65), Some(&bare[..]));
        assert_eq!(unwrap_point(&[&[0x04, 32][..], &[9; 32]].concat(), 32), Some(&[9; 32][..]));
        assert_eq!(unwrap_point(&wrapped[..66], 65), None);
        assert_eq!(unwrap_point(&[&wrapped[..], &[0]].concat(), 65), None);
        assert_eq!(unwrap_point(&[], 65), None);
    }

    #[test]
    fn rsa_integers_are_minimal() {
        let key = rsa_key(&[0, 0x80, 1], &[1, 0, 1]).unwrap();
        assert_eq!(key, [0x30, 10, 2, 3, 0, 0x80, 1, 2, 3, 1, 0, 1]);
    }
}
