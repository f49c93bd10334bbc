//! Feldman's sharing (1987) in any group of prime order; constant in time in what is secret, by the curve's library.

use elliptic_curve::ff::{Field, PrimeField};
use elliptic_curve::group::{Group, GroupEncoding};
use hufu_secret::{Rng, SecretBytes};
use zeroize::{Zeroize, Zeroizing};

use crate::feldman::SCALAR_LEN;
use crate::{Error, Point};

/// Draws before the source counts as broken: each misses with a probability of 2^-32 on these curves.
const DRAWS_MAX: usize = 16;

/// A group, and its scalars.
pub(crate) trait PrimeGroup: Group<Scalar: PrimeField + Zeroize> + GroupEncoding {}

impl<G: Group<Scalar: PrimeField + Zeroize> + GroupEncoding> PrimeGroup for G {}

/// Commitments to the coefficients, and the shares at 1 to `count`.
pub(crate) fn split<G: PrimeGroup>(
    secret: &SecretBytes,
    threshold: u8,
    count: u8,
    rng: &dyn Rng,
) -> Result<(Vec<Point>, Vec<SecretBytes>), Error> {
    let secret = scalar::<G>(secret).filter(|secret| !bool::from(secret.is_zero()));
    let secret = secret.ok_or(Error::Terms("a scalar of 0 or not below the order"))?;
    // INVARIANT: never grown, so that no copy stays behind where the vector was before.
    let mut coefficients = Zeroizing::new(Vec::with_capacity(usize::from(threshold)));
    coefficients.push(*secret);
    for _ in 1..threshold {
        coefficients.push(*draw::<G>(rng)?);
    }
    let points = coefficients.iter().map(|coefficient| to_point(&G::mul_by_generator(coefficient)));
    let points = points.collect::<Option<_>>().ok_or(Error::Terms("a coefficient of 0"))?;
    let share = |x| to_bytes::<G>(&evaluate::<G>(&coefficients, x));
    Ok((points, (1..=count).map(share).collect()))
}

/// The point of the share at `x`, from the commitments, by Horner's rule.
pub(crate) fn image<G: PrimeGroup>(commitments: &[Point], x: u8) -> Option<G> {
    commitments.iter().rev().try_fold(G::identity(), |sum, point| Some(times(sum, x) + from_point::<G>(point)?))
}

/// Whether a share is what was committed to.
pub(crate) fn verify<G: PrimeGroup>(commitments: &[Point], x: u8, share: &SecretBytes) -> bool {
    let Some(share) = scalar::<G>(share) else { return false };
    image::<G>(commitments, x).is_some_and(|image| image == G::mul_by_generator(&share))
}

/// Sum of shares, or of other scalars, each by the Lagrange coefficient at 0 of its place.
pub(crate) fn combine<G: PrimeGroup>(shares: &[(u8, &SecretBytes)]) -> Result<SecretBytes, Error> {
    let mut sum = Zeroizing::new(G::Scalar::from(0));
    for (x, share) in shares {
        let share = scalar::<G>(share).ok_or(Error::Points("one is no scalar"))?;
        *sum += *share * weight::<G>(*x, shares.iter().map(|(x, _)| *x))?;
    }
    Ok(to_bytes::<G>(&sum))
}

/// The same of commitments: one column of several lists.
pub(crate) fn combine_points<G: PrimeGroup>(points: &[(u8, &Point)]) -> Result<Point, Error> {
    let mut sum = G::identity();
    for (x, point) in points {
        let point = from_point::<G>(point).ok_or(Error::Points("a commitment is no point"))?;
        sum += point * weight::<G>(*x, points.iter().map(|(x, _)| *x))?;
    }
    to_point(&sum).ok_or(Error::Points("the commitments cancel each other"))
}

/// Any point but that at infinity, which has no compressed form of this length.
pub(crate) fn from_point<G: PrimeGroup>(point: &Point) -> Option<G> {
    let mut repr = G::Repr::default();
    (repr.as_ref().len() == point.0.len()).then(|| repr.as_mut().copy_from_slice(&point.0))?;
    let point: Option<G> = G::from_bytes(&repr).into();
    point.filter(|point| !bool::from(point.is_identity()) && point.to_bytes().as_ref() == repr.as_ref())
}

pub(crate) fn to_point<G: PrimeGroup>(point: &G) -> Option<Point> {
    let bytes = point.to_bytes().as_ref().try_into().ok()?;
    (!bool::from(point.is_identity())).then_some(Point(bytes))
}

/// Big-endian, below the order.
fn scalar<G: PrimeGroup>(bytes: &SecretBytes) -> Option<Zeroizing<G::Scalar>> {
    if bytes.len() != SCALAR_LEN {
        return None;
    }
    let mut repr = <G::Scalar as PrimeField>::Repr::default();
    repr.as_mut().copy_from_slice(bytes.expose());
    let scalar: Option<G::Scalar> = G::Scalar::from_repr(repr).into();
    repr.as_mut().zeroize();
    scalar.map(Zeroizing::new)
}

fn to_bytes<G: PrimeGroup>(scalar: &G::Scalar) -> SecretBytes {
    let mut repr = scalar.to_repr();
    let bytes = SecretBytes::from_slice(repr.as_ref());
    repr.as_mut().zeroize();
    bytes
}

/// Uniform, by drawing again what is not below the order. 0 is drawn again too: its commitment has no compressed form, and the
/// difference from uniform is 2^-256.
fn draw<G: PrimeGroup>(rng: &dyn Rng) -> Result<Zeroizing<G::Scalar>, Error> {
    let mut bytes = SecretBytes::zeroed(SCALAR_LEN);
    for _ in 0..DRAWS_MAX {
        rng.fill(bytes.expose_mut())?;
        if let Some(drawn) = scalar::<G>(&bytes).filter(|drawn| !bool::from(drawn.is_zero())) {
            return Ok(drawn);
        }
    }
    Err(hufu_secret::RngError.into())
}

/// A small multiple, by doubling and adding: all of it is public, and it is ten times as fast as the constant-time product.
fn times<G: PrimeGroup>(point: G, factor: u8) -> G {
    (0..8).rev().fold(G::identity(), |sum, bit| {
        let doubled = sum.double();
        if (factor >> bit) & 1 == 1 { doubled + point } else { doubled }
    })
}

fn evaluate<G: PrimeGroup>(coefficients: &[G::Scalar], x: u8) -> Zeroizing<G::Scalar> {
    let x = G::Scalar::from(u64::from(x));
    let mut value = Zeroizing::new(G::Scalar::from(0));
    for coefficient in coefficients.iter().rev() {
        *value = *value * x + coefficient;
    }
    value
}

/// Lagrange's coefficient at 0 of the share at `x`. Places are public.
fn weight<G: PrimeGroup>(x: u8, places: impl Iterator<Item = u8>) -> Result<G::Scalar, Error> {
    let at = |place: u8| G::Scalar::from(u64::from(place));
    let (mut numerator, mut denominator, mut own) = (at(1), at(1), 0);
    for place in places {
        if place == 0 {
            return Err(Error::Points("one is at 0, where the secret is"));
        }
        if place == x {
            own += 1;
            continue;
        }
        numerator *= at(place);
        denominator *= at(place) - at(x);
    }
    let inverse: Option<G::Scalar> = denominator.invert().into();
    let inverse = inverse.filter(|_| own == 1).ok_or(Error::Points("two are at one place"))?;
    Ok(numerator * inverse)
}
