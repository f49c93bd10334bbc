//! The only place that knows the FROST crates. Everything that leaves it is bytes or our own types, so the generation
//! of RustCrypto that they stand on stays inside.

mod dealing;
mod keys;
mod random;

use std::sync::Arc;

use frost_core::Ciphersuite;
use frost_ed25519::Ed25519Sha512;
use frost_secp256k1_tr::Secp256K1Sha256TR;

use crate::ambient::Random;
use crate::dkg::Setup;
use crate::error::Error;
use crate::group::PublicShares;
use crate::suite::Suite;
use crate::threshold::{Identifier, Threshold};

pub(crate) use dealing::{Commitment, Committed, Dealt};
pub(crate) use keys::{NonceCommitments, Scheme};

/// Draws a polynomial and commits to it (round 1 of the key generation).
pub(crate) fn begin(setup: &Setup, random: &mut dyn Random) -> Result<(Box<dyn Committed>, Commitment), Error> {
    match setup.suite {
        Suite::Ed25519 => dealing::begin::<Ed25519Sha512>(setup, random),
        Suite::Bip340 => dealing::begin::<Secp256K1Sha256TR>(setup, random),
    }
}

/// Reads a group's public points: each in the one encoding it has, in the group of prime order, none neutral.
pub(crate) fn open(suite: Suite, threshold: Threshold, public: &PublicShares) -> Result<Arc<dyn Scheme>, Error> {
    match suite {
        Suite::Ed25519 => keys::open::<Ed25519Sha512>(threshold, public),
        Suite::Bip340 => keys::open::<Secp256K1Sha256TR>(threshold, public),
    }
}

fn identifier<C: Ciphersuite>(holder: Identifier) -> Result<frost_core::Identifier<C>, Error> {
    u16::from(holder.number()).try_into().map_err(|_| Error::internal("identifier"))
}

/// Which of our holders those are, ascending.
fn holders<C: Ciphersuite>(threshold: Threshold, found: &[frost_core::Identifier<C>]) -> Vec<Identifier> {
    let is_found = |holder: &Identifier| identifier::<C>(*holder).is_ok_and(|one| found.contains(&one));
    threshold.holders().filter(is_found).collect()
}
