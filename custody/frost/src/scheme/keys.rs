//! Signing with a group's keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use frost_core::keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare};
use frost_core::round1::{Nonce, NonceCommitment, SigningCommitments, SigningNonces};
use frost_core::round2::SignatureShare;
use frost_core::{CheaterDetection, Ciphersuite, Signature, SigningPackage, VerifyingKey};
use hufu_secret::SecretBytes;
use minicbor::{Decode, Encode};

use super::random::drawing;
use super::{holders, identifier};
use crate::ambient::Random;
use crate::error::{Error, Misconduct};
use crate::group::PublicShares;
use crate::threshold::{Identifier, Threshold};

/// A holder's commitments to its two nonces: two encoded points.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub(crate) struct NonceCommitments {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) hiding: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) binding: Vec<u8>,
}

/// A group's keys, read and checked, and what is computed with them (RFC 9591 §5).
pub(crate) trait Scheme: Send + Sync {
    /// Whether a secret is this holder's share.
    fn fits(&self, me: Identifier, secret: &SecretBytes) -> bool;
    /// Two nonces, hiding before binding, and the commitments to them (§5.1).
    fn commit(&self, secret: &SecretBytes, random: &mut dyn Random)
    -> Result<(SecretBytes, NonceCommitments), Error>;
    /// Whether both commitments are points of the group.
    fn are_points(&self, commitments: &NonceCommitments) -> bool;
    /// A signature share (§5.2).
    fn sign(
        &self,
        me: Identifier,
        secret: &SecretBytes,
        nonces: &SecretBytes,
        signers: &BTreeMap<Identifier, NonceCommitments>,
        message: &[u8],
    ) -> Result<Vec<u8>, Error>;
    /// The signature, or everyone whose share is wrong (§5.3 and §5.4).
    fn aggregate(
        &self,
        signers: &BTreeMap<Identifier, NonceCommitments>,
        message: &[u8],
        shares: &BTreeMap<Identifier, Vec<u8>>,
    ) -> Result<Vec<u8>, Error>;
    /// Whether a signature verifies under the group's key.
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool;
}

pub(super) fn open<C: Ciphersuite>(threshold: Threshold, public: &PublicShares) -> Result<Arc<dyn Scheme>, Error> {
    let malformed = |_| Error::Malformed { what: "hufu-frost-group" };
    let group_key = VerifyingKey::<C>::deserialize(&public.group_key).map_err(malformed)?;
    let len = public.verifying_shares.len() / usize::from(threshold.n());
    let mut shares = BTreeMap::new();
    for (holder, point) in threshold.holders().zip(public.verifying_shares.chunks_exact(len.max(1))) {
        shares.insert(identifier(holder)?, VerifyingShare::deserialize(point).map_err(malformed)?);
    }
    let public = PublicKeyPackage::new(shares, group_key, Some(threshold.t().into()));
    Ok(Arc::new(Keys { threshold, public }))
}

struct Keys<C: Ciphersuite> {
    threshold: Threshold,
    public: PublicKeyPackage<C>,
}

impl<C: Ciphersuite> Keys<C> {
    fn key(&self, me: Identifier, secret: &SecretBytes) -> Result<KeyPackage<C>, Error> {
        let id = identifier(me)?;
        let verifying =
            *self.public.verifying_shares().get(&id).ok_or(Error::UnknownHolder { number: me.number() })?;
        let share = SigningShare::deserialize(secret.expose()).map_err(|_| Error::WrongSecret)?;
        Ok(KeyPackage::new(id, share, verifying, *self.public.verifying_key(), self.threshold.t().into()))
    }
}

impl<C: Ciphersuite> Scheme for Keys<C> {
    fn fits(&self, me: Identifier, secret: &SecretBytes) -> bool {
        let of = |key: &KeyPackage<C>| VerifyingShare::from(*key.signing_share()) == *key.verifying_share();
        self.key(me, secret).is_ok_and(|key| of(&key))
    }

    fn commit(
        &self,
        secret: &SecretBytes,
        random: &mut dyn Random,
    ) -> Result<(SecretBytes, NonceCommitments), Error> {
        let share = SigningShare::<C>::deserialize(secret.expose()).map_err(|_| Error::WrongSecret)?;
        let (nonces, commitments) = drawing(random, |rng| frost_core::round1::commit(&share, rng))?;
        let secrets = [nonces.hiding(), nonces.binding()].map(|nonce| SecretBytes::from_vec(nonce.serialize()));
        let point = |point: &NonceCommitment<C>| point.serialize().map_err(|_| Error::internal("nonce commitment"));
        let hiding = point(commitments.hiding())?;
        Ok((joined(&secrets), NonceCommitments { hiding, binding: point(commitments.binding())? }))
    }

    fn are_points(&self, commitments: &NonceCommitments) -> bool {
        points::<C>(commitments).is_some()
    }

    fn sign(
        &self,
        me: Identifier,
        secret: &SecretBytes,
        nonces: &SecretBytes,
        signers: &BTreeMap<Identifier, NonceCommitments>,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let key = self.key(me, secret)?;
        let package = package::<C>(signers, message)?;
        let nonces = read_nonces::<C>(nonces)?;
        let share = frost_core::round2::sign(&package, &nonces, &key).map_err(|_| Error::WrongPackage)?;
        Ok(share.serialize())
    }

    fn aggregate(
        &self,
        signers: &BTreeMap<Identifier, NonceCommitments>,
        message: &[u8],
        shares: &BTreeMap<Identifier, Vec<u8>>,
    ) -> Result<Vec<u8>, Error> {
        let package = package::<C>(signers, message)?;
        let mut read = BTreeMap::new();
        for (signer, share) in shares {
            let share = SignatureShare::deserialize(share);
            let share = share.map_err(|_| Error::by(*signer, Misconduct::WrongSignatureShare))?;
            read.insert(identifier(*signer)?, share);
        }
        let signature = frost_core::aggregate_custom(&package, &read, &self.public, CheaterDetection::AllCheaters);
        let signature = signature.map_err(|error| match holders(self.threshold, &error.culprits()) {
            culprits if culprits.is_empty() => Error::WrongPackage,
            culprits => Error::Misbehaved { culprits, how: Misconduct::WrongSignatureShare },
        })?;
        signature.serialize().map_err(|_| Error::internal("signature"))
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::deserialize(signature);
        signature.is_ok_and(|signature| self.public.verifying_key().verify(message, &signature).is_ok())
    }
}

fn points<C: Ciphersuite>(commitments: &NonceCommitments) -> Option<SigningCommitments<C>> {
    let hiding = NonceCommitment::deserialize(&commitments.hiding).ok()?;
    Some(SigningCommitments::new(hiding, NonceCommitment::deserialize(&commitments.binding).ok()?))
}

fn package<C: Ciphersuite>(
    signers: &BTreeMap<Identifier, NonceCommitments>,
    message: &[u8],
) -> Result<SigningPackage<C>, Error> {
    let read = |(signer, commitments): (&Identifier, &NonceCommitments)| {
        let points = points(commitments).ok_or(Error::WrongPackage)?;
        Ok((identifier(*signer)?, points))
    };
    Ok(SigningPackage::new(signers.iter().map(read).collect::<Result<_, Error>>()?, message))
}

/// Secrets of the same length, one after the other.
fn joined(secrets: &[SecretBytes; 2]) -> SecretBytes {
    let mut both = SecretBytes::zeroed(secrets.iter().map(SecretBytes::len).sum());
    for (to, from) in both.expose_mut().iter_mut().zip(secrets.iter().flat_map(|secret| secret.expose())) {
        *to = *from;
    }
    both
}

/// Takes apart what [`joined`] has put together.
fn read_nonces<C: Ciphersuite>(nonces: &SecretBytes) -> Result<SigningNonces<C>, Error> {
    let (hiding, binding) = nonces.expose().split_at(nonces.len() / 2);
    let read = |bytes: &[u8]| Nonce::deserialize(bytes).map_err(|_| Error::internal("nonce"));
    Ok(SigningNonces::from_nonces(read(hiding)?, read(binding)?))
}
