//! Public keys of custodians, as SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use der::Decode as _;
use der::asn1::ObjectIdentifier;
use minicbor::{Decode, Decoder, Encode, decode};
use sha2::{Digest, Sha256};
use sm2::dsa::signature::Verifier;
use spki::SubjectPublicKeyInfoRef;

use crate::Error;

/// Longest SubjectPublicKeyInfo of a key that is accepted here, in bytes: a point of a 256-bit curve needs 91.
const SPKI_LEN_MAX: usize = 128;
/// Length in bytes of a point that is not compressed (SEC 1 §2.3.3).
const POINT_LEN: usize = 65;
/// The identifier in SM2 signatures that are made without one of their own (GM/T 0009 §10).
const SM2_ID: &str = "1234567812345678";

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SM2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
const ED25519_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const X25519_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
/// What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410 §4).
const ED25519_SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// How a custodian signs. All signatures are 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5), r ‖ s.
    P256,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// SM2 with SM3 (GB/T 32918.2), r ‖ s, under the identifier `1234567812345678`.
    Sm2,
}

/// How things are sealed to a custodian.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SealingAlgorithm {
    /// DHKEM(P-256, HKDF-SHA256) of HPKE (RFC 9180 §4.1).
    P256,
    /// DHKEM(X25519, HKDF-SHA256) of HPKE.
    X25519,
    /// SM2 public-key encryption (GB/T 32918.4).
    Sm2,
}

/// The key that verifies what a custodian signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyingKey {
    algorithm: SigningAlgorithm,
    spki: Vec<u8>,
}

impl VerifyingKey {
    /// Reads a SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`Error::PublicKey`] unless it is a key of a [`SigningAlgorithm`], in its only form.
    pub fn from_spki(spki: &[u8]) -> Result<Self, Error> {
        let refused = |why| Error::PublicKey { what: "signing", why };
        let (kind, bytes) = read(spki).map_err(refused)?;
        let (algorithm, sound) = match kind {
            Kind::P256 => (SigningAlgorithm::P256, ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).is_ok()),
            Kind::Ed25519 => (SigningAlgorithm::Ed25519, ParsedPublicKey::new(&ED25519, bytes).is_ok()),
            Kind::Sm2 => (SigningAlgorithm::Sm2, sm2_key(bytes).is_some()),
            Kind::X25519 => return Err(refused("X25519 does not sign")),
        };
        if sound { Ok(Self { algorithm, spki: spki.to_vec() }) } else { Err(refused("it is no point of its curve")) }
    }

    /// An Ed25519 key of its 32 bytes (RFC 8032 §5.1.5), as logs have it.
    ///
    /// # Errors
    /// [`Error::PublicKey`] when they are no point of the curve.
    pub fn from_ed25519(key: &[u8; 32]) -> Result<Self, Error> {
        Self::from_spki(&[&ED25519_SPKI_PREFIX[..], key].concat())
    }

    /// Whether it made this signature over this message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok((kind, bytes)) = read(&self.spki) else { return false };
        let by_aws_lc = |algorithm| {
            ParsedPublicKey::new(algorithm, bytes).is_ok_and(|key| key.verify_sig(message, signature).is_ok())
        };
        match kind {
            Kind::P256 => by_aws_lc(&ECDSA_P256_SHA256_FIXED),
            Kind::Ed25519 => by_aws_lc(&ED25519),
            Kind::Sm2 => verifies_sm2(bytes, message, signature),
            Kind::X25519 => false,
        }
    }
}

/// The key that things are sealed to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealingKey {
    algorithm: SealingAlgorithm,
    spki: Vec<u8>,
}

impl SealingKey {
    /// Reads a SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`Error::PublicKey`] unless it is a key of a [`SealingAlgorithm`], in its only form.
    pub fn from_spki(spki: &[u8]) -> Result<Self, Error> {
        let refused = |why| Error::PublicKey { what: "sealing", why };
        let (kind, bytes) = read(spki).map_err(refused)?;
        let (algorithm, sound) = match kind {
            Kind::P256 => (SealingAlgorithm::P256, ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).is_ok()),
            Kind::X25519 => (SealingAlgorithm::X25519, bytes.iter().any(|byte| *byte != 0)),
            Kind::Sm2 => (SealingAlgorithm::Sm2, sm2_key(bytes).is_some()),
            Kind::Ed25519 => return Err(refused("nothing is sealed to Ed25519")),
        };
        if sound { Ok(Self { algorithm, spki: spki.to_vec() }) } else { Err(refused("it is no point of its curve")) }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    P256,
    Sm2,
    Ed25519,
    X25519,
}

/// The key in a SubjectPublicKeyInfo: strict, so that one key has one fingerprint.
fn read(spki: &[u8]) -> Result<(Kind, &[u8]), &'static str> {
    if spki.len() > SPKI_LEN_MAX {
        return Err("it is too long for a key of a custodian");
    }
    let info = SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| "it is no SubjectPublicKeyInfo")?;
    let bytes = info.subject_public_key.as_bytes().unwrap_or_default();
    let parameters = info.algorithm.parameters;
    let kind = match info.algorithm.oid {
        EC_PUBLIC_KEY => match parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok()) {
            Some(P256) => Kind::P256,
            Some(SM2) => Kind::Sm2,
            _ => return Err("it is of a curve that custodians do not use"),
        },
        ED25519_KEY if parameters.is_none() => Kind::Ed25519,
        X25519_KEY if parameters.is_none() => Kind::X25519,
        _ => return Err("it is of an algorithm that custodians do not use"),
    };
    let fits = match kind {
        Kind::P256 | Kind::Sm2 => bytes.len() == POINT_LEN && bytes.first() == Some(&4),
        Kind::Ed25519 | Kind::X25519 => bytes.len() == 32,
    };
    if fits { Ok((kind, bytes)) } else { Err("it has the wrong length, or its point is compressed") }
}

fn sm2_key(point: &[u8]) -> Option<sm2::dsa::VerifyingKey> {
    sm2::dsa::VerifyingKey::from_sec1_bytes(SM2_ID, point).ok()
}

fn verifies_sm2(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let signature = sm2::dsa::Signature::from_slice(signature);
    sm2_key(point).is_some_and(|key| signature.is_ok_and(|signature| key.verify(message, &signature).is_ok()))
}

/// What both have: they are an algorithm and a SubjectPublicKeyInfo.
macro_rules! as_spki {
    ($key:ty, $algorithm:ty) => {
        impl $key {
            /// Its algorithm.
            #[must_use]
            pub fn algorithm(&self) -> $algorithm {
                self.algorithm
            }

            /// Its SubjectPublicKeyInfo, DER.
            #[must_use]
            pub fn spki(&self) -> &[u8] {
                &self.spki
            }

            /// SHA-256 of its SubjectPublicKeyInfo.
            #[must_use]
            pub fn fingerprint(&self) -> [u8; 32] {
                Sha256::digest(&self.spki).into()
            }

            /// The key itself: a point that is not compressed, or the 32 bytes of Ed25519 or X25519 (RFC 7748 §5).
            #[must_use]
            pub fn point(&self) -> &[u8] {
                read(&self.spki).map(|(_, bytes)| bytes).unwrap_or_default()
            }
        }

        impl<C> Encode<C> for $key {
            fn encode<W: minicbor::encode::Write>(
                &self,
                encoder: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                encoder.bytes(&self.spki)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $key {
            fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                Self::from_spki(decoder.bytes()?).map_err(|_| decode::Error::message("no key of a custodian"))
            }
        }
    };
}

as_spki!(VerifyingKey, SigningAlgorithm);
as_spki!(SealingKey, SealingAlgorithm);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Person;

    #[test]
    fn a_key_of_32_bytes_is_the_one_of_its_spki() {
        let key = Person::new("ann", "north").custodian().signing;
        let bytes: [u8; 32] = key.point().try_into().unwrap();
        assert_eq!(VerifyingKey::from_ed25519(&bytes).unwrap(), key);
    }
}
