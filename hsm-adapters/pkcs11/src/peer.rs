//! The other side's public key of a key agreement: checked here, because not every token looks whether a point is on its curve,
//! and one that does not gives its private key away to whoever may choose the points.

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ParsedPublicKey, PrivateKey, UnparsedPublicKey, X25519};
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};
use hufu_core::algorithm::Algorithm;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;
use spki::SubjectPublicKeyInfoRef;

use crate::input::invalid;
use crate::public_key::{self, EC_PUBLIC_KEY};

/// No public key of those curves is longer.
const SPKI_LEN_MAX: usize = 256;

/// The uncompressed point, or the coordinate of X25519, in a SubjectPublicKeyInfo of that algorithm.
pub(crate) fn checked(algorithm: Algorithm, spki: &[u8]) -> Result<Vec<u8>, BackendError> {
    let refused = || invalid("the public key is not a point of that curve");
    if spki.len() > SPKI_LEN_MAX {
        return Err(refused());
    }
    let info = SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| refused())?;
    let point = info.subject_public_key.as_bytes().unwrap_or_default();
    let named = info.algorithm.parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    let good = match algorithm {
        Algorithm::X25519 => {
            let named = info.algorithm.oid == public_key::X25519 && info.algorithm.parameters.is_none();
            // A coordinate of small order agrees on zero with everyone (RFC 7748 §6.1); tokens name that in ways of their own.
            named && point.len() == 32 && trial(algorithm, point).is_ok()
        }
        _ => {
            info.algorithm.oid == EC_PUBLIC_KEY && named == public_key::curve(algorithm) && on_curve(algorithm, point)
        }
    };
    if good { Ok(point.to_vec()) } else { Err(refused()) }
}

/// Whether these are the bytes of an uncompressed point of the curve; the cofactor is 1, so it is of the right order too.
fn on_curve(algorithm: Algorithm, point: &[u8]) -> bool {
    let parsed = by_points(algorithm).map(|curve| ParsedPublicKey::try_from(UnparsedPublicKey::new(curve, point)));
    point.first() == Some(&4) && parsed.is_some_and(|parsed| parsed.is_ok())
}

fn by_points(algorithm: Algorithm) -> Option<&'static agreement::Algorithm> {
    match algorithm {
        Algorithm::P256 => Some(&ECDH_P256),
        Algorithm::P384 => Some(&ECDH_P384),
        _ => None,
    }
}

/// A pair made here for a trial, by the library's own randomness: its point, and what it agrees on with the token's.
pub(crate) fn trial(algorithm: Algorithm, theirs: &[u8]) -> Result<(Vec<u8>, SecretBytes), BackendError> {
    let failed = || BackendError::Failed("the library cannot agree with the token's key".to_owned());
    let curve = match algorithm {
        Algorithm::X25519 => &X25519,
        algorithm => by_points(algorithm).ok_or_else(failed)?,
    };
    let ours = PrivateKey::generate(curve).map_err(|_| failed())?;
    let point = ours.compute_public_key().map_err(|_| failed())?.as_ref().to_vec();
    let theirs = UnparsedPublicKey::new(curve, theirs);
    let secret = agreement::agree(&ours, theirs, failed(), |z| Ok(SecretBytes::from_slice(z)))?;
    Ok((point, secret))
}

/// A point as CKA_EC_POINT writes it.
pub(crate) fn wrapped(point: &[u8]) -> Result<Vec<u8>, BackendError> {
    let wrapped = OctetStringRef::new(point).and_then(|point| point.to_der());
    wrapped.map_err(|_| BackendError::Failed("a point could not be encoded".to_owned()))
}
