//! Feldman's verifiable sharing of scalars on P-256 and SM2: each share is checked against public commitments, the first of
//! which is the public key.

use elliptic_curve::sec1::ToSec1Point;
use hufu_secret::{Rng, SecretBytes};

use crate::terms::check_quorum;
use crate::{Curve, Error, Point, group};

/// Length of a scalar in bytes, big-endian.
pub const SCALAR_LEN: usize = 32;

/// Calls a function of [`group`] for a curve.
macro_rules! on {
    ($curve:expr, $function:ident($($argument:expr),*)) => {
        match $curve {
            Curve::P256 => group::$function::<p256::ProjectivePoint>($($argument),*),
            Curve::Sm2 => group::$function::<sm2::ProjectivePoint>($($argument),*),
        }
    };
}

/// Splits a scalar into shares at 1 to `count`, of which any `threshold` make it again: the commitments to the coefficients
/// from the constant term up, and the shares.
///
/// # Errors
/// [`Error::Terms`] unless 1 ≤ `threshold` ≤ `count` ≤ 64 and the scalar is neither 0 nor too large; [`Error::Random`].
pub fn split(
    curve: Curve,
    secret: &SecretBytes,
    threshold: u8,
    count: u8,
    rng: &dyn Rng,
) -> Result<(Vec<Point>, Vec<SecretBytes>), Error> {
    check_quorum(threshold, usize::from(count))?;
    on!(curve, split(secret, threshold, count, rng))
}

/// Whether a share is what was committed to.
#[must_use]
pub fn verify(curve: Curve, commitments: &[Point], index: u8, share: &SecretBytes) -> bool {
    index != 0 && on!(curve, verify(commitments, index, share))
}

/// The scalar of shares and where they are.
///
/// # Errors
/// [`Error::Points`] for no share, one at 0, two at one place, or one that is no scalar.
pub fn combine(curve: Curve, shares: &[(u8, &SecretBytes)]) -> Result<SecretBytes, Error> {
    if shares.is_empty() {
        return Err(Error::Points("there are none"));
    }
    on!(curve, combine(shares))
}

/// The public counterpart of the share at an index.
pub(crate) fn image(curve: Curve, commitments: &[Point], index: u8) -> Option<Point> {
    match curve {
        Curve::P256 => group::to_point(&group::image::<p256::ProjectivePoint>(commitments, index)?),
        Curve::Sm2 => group::to_point(&group::image::<sm2::ProjectivePoint>(commitments, index)?),
    }
}

/// Points at their places, combined as the shares are.
pub(crate) fn combine_points(curve: Curve, points: &[(u8, &Point)]) -> Result<Point, Error> {
    on!(curve, combine_points(points))
}

/// Whether it is a point of the curve.
pub(crate) fn is_point(curve: Curve, point: &Point) -> bool {
    match curve {
        Curve::P256 => group::from_point::<p256::ProjectivePoint>(point).is_some(),
        Curve::Sm2 => group::from_point::<sm2::ProjectivePoint>(point).is_some(),
    }
}

/// The SubjectPublicKeyInfo (RFC 5480) of a public key.
pub(crate) fn spki(curve: Curve, key: &Point) -> Option<Vec<u8>> {
    let (head, point): (&[u8], Vec<u8>) = match curve {
        Curve::P256 => {
            let key = p256::PublicKey::from_sec1_bytes(&key.0).ok()?;
            (&P256_HEAD, key.as_affine().to_sec1_point(false).as_bytes().to_vec())
        }
        Curve::Sm2 => {
            let key = sm2::PublicKey::from_sec1_bytes(&key.0).ok()?;
            (&SM2_HEAD, key.as_affine().to_sec1_point(false).as_bytes().to_vec())
        }
    };
    Some([head, &point].concat())
}

/// What comes before a point that is not compressed: id-ecPublicKey, the curve's identifier, a bit string of 66 bytes.
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const SM2_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf,
    0x55, 0x01, 0x82, 0x2d, 0x03, 0x42, 0x00,
];
