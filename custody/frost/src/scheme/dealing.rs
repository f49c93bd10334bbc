//! Key generation: each holder is a dealer of one polynomial, and the key is the sum of them.

use std::collections::BTreeMap;

use frost_core::keys::dkg;
use frost_core::keys::{PublicKeyPackage, SigningShare, VerifiableSecretSharingCommitment};
use frost_core::{Ciphersuite, Signature};
use hufu_secret::SecretBytes;

use super::random::drawing;
use super::{holders, identifier};
use crate::ambient::Random;
use crate::dkg::Setup;
use crate::error::{Error, Misconduct};
use crate::group::PublicShares;
use crate::threshold::{Identifier, Threshold};

/// What a dealer publishes: points of its coefficients, constant first, and a proof that it knows the constant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Commitment {
    /// t points, one after the other.
    pub(crate) points: Vec<u8>,
    /// A Schnorr signature under the first point.
    pub(crate) proof: Vec<u8>,
}

/// A dealer that waits for the commitments of the others.
pub(crate) trait Committed: Send {
    /// Checks the commitments and proofs of all others and evaluates the own polynomial for each of them.
    #[expect(clippy::type_complexity, reason = "a pair: what stays here, and what goes to whom")]
    fn deal(
        self: Box<Self>,
        others: &BTreeMap<Identifier, Commitment>,
    ) -> Result<(Box<dyn Dealt>, BTreeMap<Identifier, SecretBytes>), Error>;
}

/// A dealer that waits for the shares of the others.
pub(crate) trait Dealt: Send {
    /// Checks each share against its dealer's commitment and adds them up: the own share of the key, and the
    /// public points of the group.
    fn combine(
        self: Box<Self>,
        dealt: &BTreeMap<Identifier, SecretBytes>,
    ) -> Result<(SecretBytes, PublicShares), Error>;
}

pub(super) fn begin<C: Ciphersuite>(
    setup: &Setup,
    random: &mut dyn Random,
) -> Result<(Box<dyn Committed>, Commitment), Error> {
    let (threshold, me) = (setup.threshold, identifier::<C>(setup.me)?);
    let drawn = drawing(random, |rng| dkg::part1::<C, _>(me, threshold.n().into(), threshold.t().into(), rng))?;
    let (secret, package) = drawn.map_err(|_| Error::internal("round 1"))?;
    let points = package.commitment().serialize_whole().map_err(|_| Error::internal("commitment"))?;
    let proof = package.proof_of_knowledge().serialize().map_err(|_| Error::internal("proof"))?;
    Ok((Box::new(CommittedOf { threshold, secret }), Commitment { points, proof }))
}

type Others<C> = BTreeMap<frost_core::Identifier<C>, dkg::round1::Package<C>>;

struct CommittedOf<C: Ciphersuite> {
    threshold: Threshold,
    secret: dkg::round1::SecretPackage<C>,
}

impl<C: Ciphersuite> Committed for CommittedOf<C> {
    fn deal(
        self: Box<Self>,
        others: &BTreeMap<Identifier, Commitment>,
    ) -> Result<(Box<dyn Dealt>, BTreeMap<Identifier, SecretBytes>), Error> {
        let threshold = self.threshold;
        let packages = packages::<C>(threshold, others)?;
        let (secret, mut dealt) =
            dkg::part2(self.secret, &packages).map_err(|error| named(threshold, Misconduct::WrongProof, &error))?;
        let mut shares = BTreeMap::new();
        for holder in others.keys() {
            let package = dealt.remove(&identifier(*holder)?).ok_or(Error::internal("dealt share"))?;
            shares.insert(*holder, SecretBytes::from_vec(package.signing_share().serialize()));
        }
        Ok((Box::new(DealtOf { threshold, secret, packages }), shares))
    }
}

fn packages<C: Ciphersuite>(
    threshold: Threshold,
    others: &BTreeMap<Identifier, Commitment>,
) -> Result<Others<C>, Error> {
    let read = |(holder, commitment): (&Identifier, &Commitment)| {
        let points = VerifiableSecretSharingCommitment::<C>::deserialize_whole(&commitment.points)
            .ok()
            .filter(|points| points.serialize().is_ok_and(|all| all.len() == usize::from(threshold.t())));
        match (points, Signature::deserialize(&commitment.proof)) {
            (Some(points), Ok(proof)) => Ok((identifier(*holder)?, dkg::round1::Package::new(points, proof))),
            _ => Err(Error::by(*holder, Misconduct::Malformed)),
        }
    };
    others.iter().map(read).collect()
}

struct DealtOf<C: Ciphersuite> {
    threshold: Threshold,
    secret: dkg::round2::SecretPackage<C>,
    packages: Others<C>,
}

impl<C: Ciphersuite> Dealt for DealtOf<C> {
    fn combine(
        self: Box<Self>,
        dealt: &BTreeMap<Identifier, SecretBytes>,
    ) -> Result<(SecretBytes, PublicShares), Error> {
        let read = |(dealer, share): (&Identifier, &SecretBytes)| {
            let share = SigningShare::deserialize(share.expose());
            let share = share.map_err(|_| Error::by(*dealer, Misconduct::WrongShare))?;
            Ok((identifier(*dealer)?, dkg::round2::Package::new(share)))
        };
        let shares = dealt.iter().map(read).collect::<Result<BTreeMap<_, _>, Error>>()?;
        let (key, public) = dkg::part3(&self.secret, &self.packages, &shares)
            .map_err(|error| named(self.threshold, Misconduct::WrongShare, &error))?;
        let secret = SecretBytes::from_vec(key.signing_share().serialize());
        Ok((secret, public_shares(self.threshold, &public)?))
    }
}

fn public_shares<C: Ciphersuite>(threshold: Threshold, public: &PublicKeyPackage<C>) -> Result<PublicShares, Error> {
    let group_key = public.verifying_key().serialize().map_err(|_| Error::internal("group key"))?;
    let mut verifying_shares = Vec::new();
    for holder in threshold.holders() {
        let share = public.verifying_shares().get(&identifier(holder)?).ok_or(Error::internal("verifying share"))?;
        verifying_shares.extend(share.serialize().map_err(|_| Error::internal("verifying share"))?);
    }
    Ok(PublicShares { group_key, verifying_shares })
}

fn named<C: Ciphersuite>(threshold: Threshold, how: Misconduct, error: &frost_core::Error<C>) -> Error {
    let culprits = holders(threshold, &error.culprits());
    if culprits.is_empty() { Error::internal("key generation") } else { Error::Misbehaved { culprits, how } }
}
