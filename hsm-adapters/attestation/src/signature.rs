//! Signatures of certificates.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use der::asn1::ObjectIdentifier;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::error::CertificateFault;

pub(crate) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// Whether SHA-1 counts. It does only where nothing depends on the signature: for the wholeness of a trust anchor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sha1 {
    Refused,
    Accepted,
}

/// Checks a signature over `message`: RSA PKCS#1 v1.5 of 2048 bits and more (RFC 8017 §8.2), ECDSA on P-256 and P-384.
pub(crate) fn verify(
    message: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    signature: &[u8],
    key: &SubjectPublicKeyInfoOwned,
    sha1: Sha1,
) -> Result<(), CertificateFault> {
    let verification = verification(algorithm, key, sha1).ok_or(CertificateFault::Algorithm)?;
    let key = key.subject_public_key.as_bytes().ok_or(CertificateFault::Algorithm)?;
    UnparsedPublicKey::new(verification, key).verify(message, signature).map_err(|_| CertificateFault::Signature)
}

fn verification(
    algorithm: &AlgorithmIdentifierOwned,
    key: &SubjectPublicKeyInfoOwned,
    sha1: Sha1,
) -> Option<&'static dyn VerificationAlgorithm> {
    let curve = || key.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok();
    if key.algorithm.oid == RSA {
        return rsa(algorithm.oid, sha1);
    }
    (key.algorithm.oid == EC).then(|| ecdsa(algorithm.oid, curve()?)).flatten()
}

fn rsa(algorithm: ObjectIdentifier, sha1: Sha1) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm {
        RSA_SHA1 if sha1 == Sha1::Accepted => Some(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        RSA_SHA256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        RSA_SHA384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        RSA_SHA512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

fn ecdsa(algorithm: ObjectIdentifier, curve: ObjectIdentifier) -> Option<&'static dyn VerificationAlgorithm> {
    match (algorithm, curve) {
        (ECDSA_SHA256, P256) => Some(&ECDSA_P256_SHA256_ASN1),
        (ECDSA_SHA384, P256) => Some(&ECDSA_P256_SHA384_ASN1),
        (ECDSA_SHA256, P384) => Some(&ECDSA_P384_SHA256_ASN1),
        (ECDSA_SHA384, P384) => Some(&ECDSA_P384_SHA384_ASN1),
        _ => None,
    }
}
