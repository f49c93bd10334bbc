//! How a secret is split, and what the dealer commits to.

use hufu_codec::encode;
use hufu_secret::SecretBytes;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{BLIND_LEN, Commitment, Curve, Fault, Point, SECRET_LEN_MAX, SetId, feldman};

const SHARE_DOMAIN: &str = "hufu-share-commitment";
const SECRET_DOMAIN: &str = "hufu-secret-commitment";
const VERSION: u32 = 1;

/// How a secret is split.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Scheme {
    /// Bytes, by Shamir over GF(2^8). What is split is the secret with the blind of its commitment after it: whoever
    /// has fewer shares than needed cannot even try a guess.
    #[n(1)]
    Shamir {
        /// Length of the secret in bytes.
        #[n(0)]
        secret_len: u16,
        /// To the secret. It stays blind until the secret is there.
        #[n(1)]
        secret: Commitment,
        /// To the share of each index, from 1.
        #[n(2)]
        shares: Vec<Commitment>,
    },
    /// A scalar, by Feldman's verifiable sharing.
    #[n(2)]
    Feldman {
        /// Of which curve.
        #[n(0)]
        curve: Curve,
        /// To the coefficients from the constant term up: the first is the public key.
        #[n(1)]
        coefficients: Vec<Point>,
    },
}

impl Scheme {
    /// Whether it fits a threshold and a number of shares.
    pub(crate) fn check(&self, threshold: u8, seats: usize) -> Result<(), &'static str> {
        match self {
            Self::Shamir { secret_len, shares, .. } => {
                if !(1..=SECRET_LEN_MAX).contains(&usize::from(*secret_len)) {
                    return Err("the length of its secret");
                }
                if shares.len() == seats { Ok(()) } else { Err("one commitment for each share") }
            }
            Self::Feldman { curve, coefficients } => {
                if coefficients.len() != usize::from(threshold) {
                    return Err("as many commitments as the threshold");
                }
                let good = coefficients.iter().all(|point| feldman::is_point(*curve, point));
                if good { Ok(()) } else { Err("a commitment is no point of the curve") }
            }
        }
    }

    /// Whether what a custodian holds is what the dealer committed to.
    pub(crate) fn check_share(&self, of: (SetId, u32), index: u8, content: &SecretBytes) -> Result<(), Fault> {
        match self {
            Self::Shamir { secret_len, shares, .. } => {
                if content.len() != usize::from(*secret_len) + 2 * BLIND_LEN {
                    return Err(Fault::Length);
                }
                let committed = shares.get(usize::from(index).wrapping_sub(1)).ok_or(Fault::NoSeat)?;
                let own = commit_share(of, index, content);
                if bool::from(own.0.ct_eq(&committed.0)) { Ok(()) } else { Err(Fault::Commitment) }
            }
            Self::Feldman { curve, coefficients } => {
                if content.len() != feldman::SCALAR_LEN {
                    return Err(Fault::Length);
                }
                let good = feldman::verify(*curve, coefficients, index, content);
                if good { Ok(()) } else { Err(Fault::Commitment) }
            }
        }
    }
}

/// To what a custodian holds: the blind, then the share.
pub(crate) fn commit_share((set, epoch): (SetId, u32), index: u8, content: &SecretBytes) -> Commitment {
    commit(&encode(SHARE_DOMAIN, VERSION, &(set, epoch, index)), content)
}

/// To a secret, with the blind after it. The same through all epochs that have the same blind.
pub(crate) fn commit_secret(set: SetId, blinded: &SecretBytes) -> Commitment {
    commit(&encode(SECRET_DOMAIN, VERSION, &(set,)), blinded)
}

/// The first part says its own length, the second has one length in a set.
fn commit(to: &[u8], value: &SecretBytes) -> Commitment {
    Commitment(Sha256::new().chain_update(to).chain_update(value.expose()).finalize().into())
}
