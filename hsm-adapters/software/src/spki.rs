//! SubjectPublicKeyInfo (RFC 5280 §4.1.2.7): strict reading, and writing.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Reader, SliceReader};
use hufu_core::algorithm::Algorithm;
use hufu_core::backend::BackendError;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::backend::{failed, invalid};

/// No key of ours is longer: ML-DSA-87 needs 2614 bytes.
const SPKI_LEN_MAX: usize = 4096;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

const RSA_EXPONENT_LEN_MAX: usize = 8;

/// A curve with points of the form (x, y).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Curve {
    P256,
    P384,
    Secp256k1,
    Sm2,
}

impl Curve {
    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::P384 => "1.3.132.0.34",
            Self::Secp256k1 => "1.3.132.0.10",
            Self::Sm2 => "1.2.156.10197.1.301",
        })
    }

    fn point_len(self) -> usize {
        if self == Self::P384 { 97 } else { 65 }
    }
}

/// The uncompressed point (SEC 1 §2.3.3). Whether it is on the curve is for the library that uses it to say.
pub(crate) fn ec_point(spki: &[u8], curve: Curve) -> Result<&[u8], BackendError> {
    let info = parse(spki)?;
    let named = info.algorithm.parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    let point = info.subject_public_key.as_bytes().unwrap_or_default();
    let good = info.algorithm.oid == EC_PUBLIC_KEY
        && named == Some(curve.oid())
        && point.len() == curve.point_len()
        && point.first() == Some(&4);
    if good { Ok(point) } else { Err(invalid("the public key is not a point of that curve")) }
}

/// Object identifier and length in bytes of public keys that stand bare in the BIT STRING, without parameters: RFC 8410 §3,
/// RFC 9881 §3, RFC 9935 §3.
fn raw_form(algorithm: Algorithm) -> Option<(ObjectIdentifier, usize)> {
    let (oid, len) = match algorithm {
        Algorithm::Ed25519 => ("1.3.101.112", 32),
        Algorithm::X25519 => ("1.3.101.110", 32),
        Algorithm::MlDsa44 => ("2.16.840.1.101.3.4.3.17", 1312),
        Algorithm::MlDsa65 => ("2.16.840.1.101.3.4.3.18", 1952),
        Algorithm::MlDsa87 => ("2.16.840.1.101.3.4.3.19", 2592),
        Algorithm::MlKem768 => ("2.16.840.1.101.3.4.4.2", 1184),
        _ => return None,
    };
    Some((ObjectIdentifier::new_unwrap(oid), len))
}

/// The public key of Ed25519, X25519, ML-DSA or ML-KEM as its standard writes it.
pub(crate) fn raw(spki: &[u8], algorithm: Algorithm) -> Result<&[u8], BackendError> {
    let info = parse(spki)?;
    let key = info.subject_public_key.as_bytes().unwrap_or_default();
    let found = (info.algorithm.oid, key.len());
    let good = raw_form(algorithm) == Some(found) && info.algorithm.parameters.is_none();
    if good { Ok(key) } else { Err(invalid("the public key is not of that algorithm")) }
}

/// The RSAPublicKey (RFC 8017 §A.1.1) with a modulus of exactly the algorithm's length.
pub(crate) fn rsa(spki: &[u8], algorithm: Algorithm) -> Result<&[u8], BackendError> {
    let refused = || invalid("the public key is not of RSA with that many bits");
    let info = parse(spki)?;
    let no_parameters = info.algorithm.parameters.is_some_and(|p| p == AnyRef::NULL);
    let key = info.subject_public_key.as_bytes().unwrap_or_default();
    let (modulus, exponent) = rsa_components(key).map_err(|_| refused())?;
    let good = info.algorithm.oid == RSA_ENCRYPTION
        && no_parameters
        && algorithm.modulus_len() == Some(modulus.len())
        && modulus.first().is_some_and(|top| top & 0x80 != 0)
        && exponent.len() <= RSA_EXPONENT_LEN_MAX
        && exponent.last().is_some_and(|low| low & 1 == 1);
    if good { Ok(key) } else { Err(refused()) }
}

/// Encodes a point of a curve.
pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Result<Vec<u8>, BackendError> {
    let oid = curve.oid();
    encode(AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&oid)) }, point)
}

/// Encodes a public key of Ed25519, X25519, ML-DSA or ML-KEM.
pub(crate) fn from_raw(algorithm: Algorithm, key: &[u8]) -> Result<Vec<u8>, BackendError> {
    match raw_form(algorithm) {
        Some((oid, len)) if len == key.len() => encode(AlgorithmIdentifierRef { oid, parameters: None }, key),
        _ => Err(failed("a public key has the wrong length")),
    }
}

fn parse(spki: &[u8]) -> Result<SubjectPublicKeyInfoRef<'_>, BackendError> {
    if spki.len() > SPKI_LEN_MAX {
        return Err(invalid("the public key is too long"));
    }
    SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| invalid("the public key is malformed"))
}

fn rsa_components(key: &[u8]) -> der::Result<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(key)?;
    let (modulus, exponent) = reader.sequence(|r| Ok::<_, der::Error>((UintRef::decode(r)?, UintRef::decode(r)?)))?;
    reader.finish()?;
    Ok((modulus.as_bytes(), exponent.as_bytes()))
}

fn encode(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<Vec<u8>, BackendError> {
    let malformed = |_| failed("a public key could not be encoded");
    let subject_public_key = BitStringRef::from_bytes(key).map_err(malformed)?;
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().map_err(malformed)
}
