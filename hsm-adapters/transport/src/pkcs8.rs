//! PKCS #8 PrivateKeyInfo (RFC 5958), read strictly and written: EC (RFC 5915), Ed25519 and X25519 (RFC 8410), RSA (RFC 8017 §A.1.2),
//! ML-DSA (RFC 9881) and ML-KEM (RFC 9935).

use ::pkcs8::PrivateKeyInfoRef;
use aws_lc_rs::agreement;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, TagMode, TagNumber};
use hufu_secret::SecretBytes;
use sec1::{EcParameters, EcPrivateKey};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::{Error, MATERIAL_LEN_MAX};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ML_KEM_768: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.2");

/// Length in bytes of the seed of Ed25519 and of ML-DSA, and of a private key of X25519.
const SEED_LEN: usize = 32;
/// Length in bytes of a decapsulation key of ML-KEM-768 (FIPS 203 §8, table 3).
const DECAPSULATION_KEY_LEN: usize = 2400;

/// A curve of EC keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// secp256k1.
    Secp256k1,
    /// The recommended curve of SM2.
    Sm2,
}

/// A parameter set of ML-DSA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MlDsa {
    /// ML-DSA-44.
    L44,
    /// ML-DSA-65.
    L65,
    /// ML-DSA-87.
    L87,
}

/// A kind of key pair, and what its material is outside PKCS #8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pair {
    /// The scalar, big-endian, as long as the order.
    Ec(Curve),
    /// The seed.
    Ed25519,
    /// The private key as RFC 7748 §5 has it.
    X25519,
    /// PKCS #8 itself.
    Rsa,
    /// The seed.
    MlDsa(MlDsa),
    /// The decapsulation key.
    MlKem768,
}

impl Curve {
    const ALL: [Self; 4] = [Self::P256, Self::P384, Self::Secp256k1, Self::Sm2];

    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::P384 => "1.3.132.0.34",
            Self::Secp256k1 => "1.3.132.0.10",
            Self::Sm2 => "1.2.156.10197.1.301",
        })
    }

    fn scalar_len(self) -> usize {
        if self == Self::P384 { 48 } else { 32 }
    }
}

impl Pair {
    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Ec(_) => EC_PUBLIC_KEY,
            Self::Ed25519 => ED25519,
            Self::X25519 => X25519,
            Self::Rsa => RSA_ENCRYPTION,
            Self::MlDsa(MlDsa::L44) => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"),
            Self::MlDsa(MlDsa::L65) => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"),
            Self::MlDsa(MlDsa::L87) => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"),
            Self::MlKem768 => ML_KEM_768,
        }
    }
}

/// The material of a private key of that kind.
///
/// # Errors
/// [`Error::Malformed`] for anything but PKCS #8 of that kind, also when bytes follow.
pub fn from_pkcs8(pair: Pair, der: &SecretBytes) -> Result<SecretBytes, Error> {
    if der.len() > MATERIAL_LEN_MAX {
        return Err(Error::Malformed);
    }
    let info = PrivateKeyInfoRef::from_der(der.expose()).map_err(|_| Error::Malformed)?;
    if info.algorithm.oid != pair.oid() {
        return Err(Error::Malformed);
    }
    let inner = info.private_key.as_bytes();
    let found = match pair {
        Pair::Ec(curve) => scalar(&info, inner, curve),
        Pair::Ed25519 | Pair::X25519 => octets(inner).filter(|seed| seed.len() == SEED_LEN),
        Pair::Rsa => return Ok(SecretBytes::from_slice(der.expose())),
        Pair::MlDsa(_) => seed(inner).or_else(|| both(inner).map(|(seed, _)| seed)),
        Pair::MlKem768 => octets(inner)
            .or_else(|| both(inner).map(|(_, expanded)| expanded))
            .filter(|key| key.len() == DECAPSULATION_KEY_LEN),
    };
    found.map(SecretBytes::from_slice).ok_or(Error::Malformed)
}

/// PKCS #8 of material. `point` is the public key of EC pairs (SEC 1 §2.3.3), which goes with it.
///
/// # Errors
/// [`Error::Refused`] when the material is not of that kind.
pub fn to_pkcs8(pair: Pair, material: &SecretBytes, point: Option<&[u8]>) -> Result<SecretBytes, Error> {
    let bytes = material.expose();
    let inner = match pair {
        Pair::Rsa => return Ok(SecretBytes::from_slice(bytes)),
        Pair::Ec(_) => encode(&EcPrivateKey { private_key: bytes, parameters: None, public_key: point })?,
        Pair::Ed25519 | Pair::X25519 | Pair::MlKem768 => {
            encode(&OctetStringRef::new(bytes).map_err(|_| Error::Refused)?)?
        }
        Pair::MlDsa(_) => tagged_seed(bytes)?,
    };
    let curve = if let Pair::Ec(curve) = pair { Some(curve.oid()) } else { None };
    let algorithm = AlgorithmIdentifierRef { oid: pair.oid(), parameters: curve.as_ref().map(AnyRef::from) };
    let private_key = OctetStringRef::new(inner.expose()).map_err(|_| Error::Refused)?;
    encode(&PrivateKeyInfoRef::new(algorithm, private_key))
}

/// SubjectPublicKeyInfo, DER, of a private key in PKCS #8, where it is in it or follows from it by aws-lc; nothing for others.
#[must_use]
pub fn public_key_of(der: &SecretBytes) -> Option<Vec<u8>> {
    let info = PrivateKeyInfoRef::from_der(der.expose()).ok()?;
    match info.algorithm.oid {
        EC_PUBLIC_KEY => {
            let named = info.algorithm.parameters?.decode_as::<ObjectIdentifier>().ok()?;
            let curve = Curve::ALL.into_iter().find(|curve| curve.oid() == named)?;
            let key = EcPrivateKey::from_der(info.private_key.as_bytes()).ok()?;
            spki(
                AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&curve.oid())) },
                key.public_key?,
            )
        }
        ED25519 => {
            let pair = Ed25519KeyPair::from_seed_unchecked(octets(info.private_key.as_bytes())?).ok()?;
            spki(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, pair.public_key().as_ref())
        }
        X25519 => {
            let private = octets(info.private_key.as_bytes())?;
            let private = agreement::PrivateKey::from_private_key(&agreement::X25519, private).ok()?;
            let public = private.compute_public_key().ok()?;
            spki(AlgorithmIdentifierRef { oid: X25519, parameters: None }, public.as_ref())
        }
        RSA_ENCRYPTION => {
            let pair = RsaKeyPair::from_pkcs8(der.expose()).ok()?;
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
            Some(public.as_ref().to_vec())
        }
        _ => None,
    }
}

fn spki(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Option<Vec<u8>> {
    let subject_public_key = BitStringRef::from_bytes(key).ok()?;
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().ok()
}

/// The scalar of an ECPrivateKey on that curve, which is named outside and may be named inside.
fn scalar<'a>(info: &PrivateKeyInfoRef<'_>, inner: &'a [u8], curve: Curve) -> Option<&'a [u8]> {
    let named = info.algorithm.parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    let key = EcPrivateKey::from_der(inner).ok()?;
    let inside = key.parameters.is_none_or(|inside| inside == EcParameters::NamedCurve(curve.oid()));
    let good = named == Some(curve.oid()) && inside && key.private_key.len() == curve.scalar_len();
    good.then_some(key.private_key)
}

fn octets(der: &[u8]) -> Option<&[u8]> {
    <&OctetStringRef>::from_der(der).ok().map(OctetStringRef::as_bytes)
}

/// `seed [0] IMPLICIT OCTET STRING`.
fn seed(der: &[u8]) -> Option<&[u8]> {
    use der::Tagged as _;
    let any = AnyRef::from_der(der).ok()?;
    let tag = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };
    (any.tag() == tag && any.value().len() == SEED_LEN).then(|| any.value())
}

/// `SEQUENCE { seed OCTET STRING, expandedKey OCTET STRING }`.
fn both(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(der).ok()?;
    let both =
        reader.sequence(|r| Ok::<_, der::Error>((<&OctetStringRef>::decode(r)?, <&OctetStringRef>::decode(r)?)));
    let (seed, expanded) = both.ok()?;
    reader.finish().ok()?;
    Some((seed.as_bytes(), expanded.as_bytes()))
}

fn tagged_seed(seed: &[u8]) -> Result<SecretBytes, Error> {
    let value = OctetStringRef::new(seed).map_err(|_| Error::Refused)?;
    encode(&der::asn1::ContextSpecificRef { tag_number: TagNumber(0), tag_mode: TagMode::Implicit, value: &value })
}

/// Encodes into memory that is zeroized.
fn encode<T: Encode>(value: &T) -> Result<SecretBytes, Error> {
    let len = value.encoded_len().ok().and_then(|len| usize::try_from(u32::from(len)).ok()).ok_or(Error::Refused)?;
    if len > MATERIAL_LEN_MAX {
        return Err(Error::Refused);
    }
    let mut bytes = SecretBytes::zeroed(len);
    let mut writer = der::SliceWriter::new(bytes.expose_mut());
    value.encode(&mut writer).map_err(|_| Error::Refused)?;
    writer.finish().map_err(|_| Error::Refused)?;
    Ok(bytes)
}
