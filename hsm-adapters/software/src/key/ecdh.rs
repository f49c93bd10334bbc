//! Diffie-Hellman on P-256, P-384 and X25519 by aws-lc, on SM2's curve by the sm2 crate.
//!
//! What the other side sends is checked before the private key meets it: the curve, the point on it, and, since the cofactor
//! of P-256, P-384 and SM2 is 1, with that also its order. X25519 takes any 32 bytes and refuses an outcome of zeros (RFC 7748
//! §6.1).

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, PrivateKey, UnparsedPublicKey, X25519};
use elliptic_curve::sec1::ToSec1Point;
use hufu_core::algorithm::Algorithm;
use hufu_core::ambient::Rng;
use hufu_core::backend::BackendError;
use hufu_secret::SecretBytes;

use super::{draw_scalar, malformed};
use crate::backend::{failed, invalid};
use crate::spki::{self, Curve};

pub(crate) struct Key {
    algorithm: Algorithm,
    private: Private,
}

enum Private {
    AwsLc(PrivateKey),
    /// It overwrites itself when it is dropped.
    Sm2(sm2::SecretKey),
}

/// Makes a pair of X25519; on the other curves a scalar is a scalar, whatever it is for.
pub(super) fn generate(rng: &dyn Rng) -> Result<(SecretBytes, Vec<u8>), BackendError> {
    let (scalar, key) = draw_scalar(rng, 32, |scalar| Key::parse(Algorithm::X25519, scalar))?;
    let public_key = key.public_key()?;
    Ok((scalar, public_key))
}

impl Key {
    /// Parses a scalar: big-endian, of the length of the curve's order, or the 32 bytes of RFC 7748 §5.
    pub(super) fn parse(algorithm: Algorithm, scalar: &[u8]) -> Result<Self, BackendError> {
        let aws_lc = match algorithm {
            Algorithm::P256 => &ECDH_P256,
            Algorithm::P384 => &ECDH_P384,
            Algorithm::X25519 => &X25519,
            _ => {
                let private = sm2::SecretKey::from_slice(scalar).map_err(|_| malformed())?;
                return Ok(Self { algorithm, private: Private::Sm2(private) });
            }
        };
        let private = PrivateKey::from_private_key(aws_lc, scalar).map_err(|_| malformed())?;
        Ok(Self { algorithm, private: Private::AwsLc(private) })
    }

    /// Whether an agreement takes less than about 50 µs.
    pub(crate) fn is_quick(&self) -> bool {
        self.algorithm == Algorithm::X25519
    }

    pub(super) fn public_key(&self) -> Result<Vec<u8>, BackendError> {
        match &self.private {
            Private::Sm2(key) => spki::from_point(Curve::Sm2, key.public_key().to_sec1_point(false).as_bytes()),
            Private::AwsLc(key) => {
                let public = key.compute_public_key().map_err(|_| failed("the library shows no public key"))?;
                match curve(self.algorithm) {
                    Some(curve) => spki::from_point(curve, public.as_ref()),
                    None => spki::from_raw(self.algorithm, public.as_ref()),
                }
            }
        }
    }

    /// The shared secret with the holder of a SubjectPublicKeyInfo: the x-coordinate, or the 32 bytes of X25519.
    pub(super) fn agree(&self, peer: &[u8]) -> Result<SecretBytes, BackendError> {
        let peer = match curve(self.algorithm) {
            Some(curve) => spki::ec_point(peer, curve)?,
            None => spki::raw(peer, self.algorithm)?,
        };
        match &self.private {
            Private::AwsLc(key) => {
                let peer = UnparsedPublicKey::new(key.algorithm(), peer);
                agreement::agree(key, peer, refused(), |z| Ok(SecretBytes::from_slice(z)))
            }
            Private::Sm2(key) => {
                let peer = sm2::PublicKey::from_sec1_bytes(peer).map_err(|_| refused())?;
                let z = elliptic_curve::ecdh::diffie_hellman(key.to_nonzero_scalar(), peer.as_affine());
                Ok(SecretBytes::from_slice(z.raw_secret_bytes()))
            }
        }
    }
}

/// The curve of points with two coordinates; none for X25519.
fn curve(algorithm: Algorithm) -> Option<Curve> {
    match algorithm {
        Algorithm::P256 => Some(Curve::P256),
        Algorithm::P384 => Some(Curve::P384),
        Algorithm::Sm2 => Some(Curve::Sm2),
        _ => None,
    }
}

fn refused() -> BackendError {
    invalid("the public key is not a point of that curve, or one of small order")
}
