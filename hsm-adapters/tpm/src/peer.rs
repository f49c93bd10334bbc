//! The other side's public key of a key agreement: checked here, because a key is given away by a TPM that does not look whether
//! a point is on the curve, to whoever may choose the points.

use aws_lc_rs::agreement::{self, ECDH_P256, ParsedPublicKey, PrivateKey, UnparsedPublicKey};
use der::Decode as _;
use der::asn1::ObjectIdentifier;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;
use spki::SubjectPublicKeyInfoRef;
use tss_esapi::Error;
use tss_esapi::structures::{EccParameter, EccPoint};

use crate::public_key::{COORDINATE_LEN, EC_PUBLIC_KEY, P256};

/// What is told of points that are none.
pub(crate) const REFUSED: &str = "the public key is not a point of P-256";
/// No public key of the curve is longer.
const SPKI_LEN_MAX: usize = 256;
const POINT_LEN: usize = 1 + 2 * COORDINATE_LEN;

/// A point of P-256, uncompressed. The cofactor is 1: it is of the right order too.
pub(crate) struct Peer([u8; POINT_LEN]);

impl Peer {
    /// The point in a SubjectPublicKeyInfo (RFC 5480 §2).
    pub(crate) fn from_spki(spki: &[u8]) -> Result<Self, BackendError> {
        let refused = || BackendError::InvalidInput(REFUSED.to_owned());
        if spki.len() > SPKI_LEN_MAX {
            return Err(refused());
        }
        let info = SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| refused())?;
        let named = info.algorithm.parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
        if info.algorithm.oid != EC_PUBLIC_KEY || named != Some(P256) {
            return Err(refused());
        }
        Self::from_bytes(info.subject_public_key.as_bytes().unwrap_or_default()).ok_or_else(refused)
    }

    /// As the TPM takes it.
    pub(crate) fn to_point(&self) -> Result<EccPoint, Error> {
        let (x, y) = self.0.split_at(1 + COORDINATE_LEN);
        let (_, x) = x.split_at(1);
        Ok(EccPoint::new(EccParameter::try_from(x)?, EccParameter::try_from(y)?))
    }

    fn from_bytes(point: &[u8]) -> Option<Self> {
        let point = <[u8; POINT_LEN]>::try_from(point).ok().filter(|point| point.first() == Some(&4))?;
        ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, point)).ok()?;
        Some(Self(point))
    }
}

/// A pair made here for a trial, by the library's own randomness: its point, and what it agrees on with the TPM's, x ‖ y.
pub(crate) fn trial(theirs: &[u8; 2 * COORDINATE_LEN]) -> Result<(Peer, SecretBytes), BackendError> {
    let failed = || BackendError::Failed("the library cannot agree with the TPM's key".to_owned());
    let ours = PrivateKey::generate(&ECDH_P256).map_err(|_| failed())?;
    let point = ours.compute_public_key().map_err(|_| failed())?;
    let peer = Peer::from_bytes(point.as_ref()).ok_or_else(failed)?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, [&[4][..], theirs].concat());
    let secret = agreement::agree(&ours, theirs, failed(), |z| Ok(SecretBytes::from_slice(z)))?;
    Ok((peer, secret))
}
