//! Shamir's sharing of bytes over GF(2^8): each byte of the secret is the constant term of a polynomial of its own.

use hufu_secret::{Rng, SecretBytes};

use crate::Error;
use crate::gf256::{inv, mul};
use crate::terms::check_quorum;

/// Longest secret that is split, in bytes: one of [`crate::SECRET_LEN_MAX`] and the blind of its commitment.
pub const LEN_MAX: usize = crate::SECRET_LEN_MAX + crate::BLIND_LEN;

/// Splits a secret into shares at 1 to `count`, of which any `threshold` make it again. All coefficients are uniform over
/// all 256 values, the highest too: were that one never 0, t−1 shares would rule out secrets (RUSTSEC-2024-0398).
///
/// # Errors
/// [`Error::Terms`] unless 1 ≤ `threshold` ≤ `count` ≤ 64 and the secret has 1 to [`LEN_MAX`] bytes; [`Error::Random`].
pub fn split(secret: &SecretBytes, threshold: u8, count: u8, rng: &dyn Rng) -> Result<Vec<SecretBytes>, Error> {
    check_quorum(threshold, usize::from(count))?;
    if secret.is_empty() || secret.len() > LEN_MAX {
        return Err(Error::Terms("a secret that is empty or too long"));
    }
    let mut coefficients = SecretBytes::zeroed(secret.len() * usize::from(threshold - 1));
    rng.fill(coefficients.expose_mut())?;
    Ok((1..=count).map(|x| evaluate(secret, &coefficients, x)).collect())
}

/// The secret of shares and where they are. More than the threshold do no harm if they are of one sharing; fewer give bytes
/// that have nothing to do with the secret.
///
/// # Errors
/// [`Error::Points`] for no share, one at 0, two at one place, or of different lengths.
pub fn combine(shares: &[(u8, &SecretBytes)]) -> Result<SecretBytes, Error> {
    let len = shares.first().map(|(_, share)| share.len()).ok_or(Error::Points("there are none"))?;
    if shares.iter().any(|(_, share)| share.len() != len) {
        return Err(Error::Points("they differ in length"));
    }
    let mut secret = SecretBytes::zeroed(len);
    for (x, share) in shares {
        let weight = weight(*x, shares.iter().map(|(x, _)| *x))?;
        for (sum, byte) in secret.expose_mut().iter_mut().zip(share.expose()) {
            *sum ^= mul(*byte, weight);
        }
    }
    Ok(secret)
}

/// The polynomials at `x`, by Horner's rule; the highest coefficients come first, the secret is the constant term.
fn evaluate(secret: &SecretBytes, coefficients: &SecretBytes, x: u8) -> SecretBytes {
    let mut share = SecretBytes::zeroed(secret.len());
    for row in coefficients.expose().chunks_exact(secret.len()).chain([secret.expose()]) {
        for (value, coefficient) in share.expose_mut().iter_mut().zip(row) {
            *value = mul(*value, x) ^ coefficient;
        }
    }
    share
}

/// Lagrange's coefficient at 0 of the share at `x`. Places are public.
fn weight(x: u8, places: impl Iterator<Item = u8>) -> Result<u8, Error> {
    let (mut numerator, mut denominator, mut own) = (1, 1, 0);
    for place in places {
        if place == 0 {
            return Err(Error::Points("one is at 0, where the secret is"));
        }
        if place == x {
            own += 1;
            continue;
        }
        numerator = mul(numerator, place);
        denominator = mul(denominator, place ^ x);
    }
    if own == 1 { Ok(mul(numerator, inv(denominator))) } else { Err(Error::Points("two are at one place")) }
}
