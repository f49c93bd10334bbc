//! Holders in one process, driven step by step.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

pub(crate) mod field;
pub(crate) mod generation;

use std::collections::BTreeMap;

use hufu_frost::dkg::{self, Agreement, Committing, Echoing, SealError, Sealer, Setup, Sharing};
use hufu_frost::{
    Commitment, Error, Group, Identifier, KeyShare, MessageDigest, Nonces, PublicKey, RandomError, SessionId, SetId,
    SignatureShare, SigningPackage, Suite, Threshold, aggregate,
};
use hufu_secret::SecretBytes;
use sha2::{Digest, Sha256};

pub(crate) const SUITES: [Suite; 2] = [Suite::Ed25519, Suite::Bip340];

pub(crate) fn id(number: u8) -> Identifier {
    Identifier::new(number).unwrap()
}

/// Bytes that differ for each seed: SHA-256 in counter mode.
pub(crate) fn random(seed: &str) -> impl FnMut(&mut [u8]) -> Result<(), RandomError> + use<> {
    let mut state: [u8; 32] = Sha256::digest(seed).into();
    move |buffer| {
        for chunk in buffer.chunks_mut(32) {
            state = Sha256::digest(state).into();
            let out: [u8; 32] = Sha256::digest([&state[..], b"out"].concat()).into();
            chunk.copy_from_slice(&out[..chunk.len()]);
        }
        Ok(())
    }
}

/// Seals by writing the binding and the receiver in front: opens for whom it was meant and nobody else.
pub(crate) struct OpenSealer(pub Identifier);

impl Sealer for OpenSealer {
    fn seal(&mut self, to: Identifier, binding: &[u8], secret: &SecretBytes) -> Result<Vec<u8>, SealError> {
        Ok([&[to.number(), u8::try_from(binding.len()).unwrap()], binding, secret.expose()].concat())
    }

    fn open(&mut self, _: Identifier, binding: &[u8], sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let head = [&[self.0.number(), u8::try_from(binding.len()).unwrap()], binding].concat();
        sealed.strip_prefix(head.as_slice()).map(SecretBytes::from_slice).ok_or(SealError::Sealed)
    }
}

pub(crate) struct Run {
    pub(crate) suite: Suite,
    pub(crate) threshold: Threshold,
    pub(crate) set: SetId,
    pub(crate) seed: String,
}

/// Packages by (sender, receiver).
pub(crate) type Sealed = BTreeMap<(Identifier, Identifier), Vec<u8>>;

impl Run {
    pub(crate) fn new(suite: Suite, t: u8, n: u8, seed: &str) -> Self {
        let set = SetId(Sha256::digest(format!("set {seed}")).into());
        Self { suite, threshold: Threshold::new(t, n).unwrap(), set, seed: seed.into() }
    }

    pub(crate) fn holders(&self) -> Vec<Identifier> {
        self.threshold.holders().collect()
    }

    pub(crate) fn begin(&self, me: Identifier) -> (Committing, Vec<u8>) {
        let setup = Setup::new(self.suite, self.threshold, self.set, me).unwrap();
        dkg::begin(setup, &mut random(&format!("{} {me}", self.seed))).unwrap()
    }

    /// Round 1 of all, delivered; `alter` may change what a sender sends to a receiver.
    pub(crate) fn round1(
        &self,
        alter: impl Fn(Identifier, Identifier, &[u8]) -> Vec<u8>,
    ) -> Result<BTreeMap<Identifier, Committing>, Error> {
        let mut states = BTreeMap::new();
        let mut packages = BTreeMap::new();
        for holder in self.holders() {
            let (state, package) = self.begin(holder);
            states.insert(holder, state);
            packages.insert(holder, package);
        }
        for (me, state) in &mut states {
            for (from, package) in packages.iter().filter(|(from, _)| *from != me) {
                state.receive(*from, &alter(*from, *me, package))?;
            }
        }
        Ok(states)
    }

    pub(crate) fn echo(
        &self,
        states: BTreeMap<Identifier, Committing>,
    ) -> Result<BTreeMap<Identifier, Echoing>, Error> {
        let mut echoes = BTreeMap::new();
        let mut next = BTreeMap::new();
        for (holder, state) in states {
            let (state, echo) = state.finish()?;
            next.insert(holder, state);
            echoes.insert(holder, echo);
        }
        for (me, state) in &mut next {
            for (from, echo) in echoes.iter().filter(|(from, _)| *from != me) {
                state.receive(*from, echo)?;
            }
        }
        Ok(next)
    }

    pub(crate) fn deal(
        &self,
        states: BTreeMap<Identifier, Echoing>,
    ) -> Result<(BTreeMap<Identifier, Sharing>, Sealed), Error> {
        let mut next = BTreeMap::new();
        let mut sealed = BTreeMap::new();
        for (holder, state) in states {
            let (state, packages) = state.finish(&mut OpenSealer(holder))?;
            next.insert(holder, state);
            sealed.extend(packages.into_iter().map(|(to, package)| ((holder, to), package)));
        }
        Ok((next, sealed))
    }

    pub(crate) fn deliver(&self, states: &mut BTreeMap<Identifier, Sharing>, sealed: &Sealed) -> Result<(), Error> {
        for ((from, to), package) in sealed {
            states.get_mut(to).unwrap().receive(*from, package, &mut OpenSealer(*to))?;
        }
        Ok(())
    }

    /// The whole key generation.
    pub(crate) fn shares(&self) -> Vec<KeyShare> {
        let states = self.echo(self.round1(|_, _, package| package.to_vec()).unwrap()).unwrap();
        let (mut states, sealed) = self.deal(states).unwrap();
        self.deliver(&mut states, &sealed).unwrap();
        let mut agreement = Agreement::new(self.suite, self.threshold, self.set);
        let mut shares = Vec::new();
        for (holder, state) in states {
            let (share, outcome) = state.finish().unwrap();
            agreement.receive(holder, &outcome).unwrap();
            shares.push(share);
        }
        let group = agreement.finish().unwrap();
        assert!(shares.iter().all(|share| *share.group() == group));
        shares
    }
}

pub(crate) fn shares(suite: Suite, t: u8, n: u8) -> Vec<KeyShare> {
    Run::new(suite, t, n, &format!("{suite} {t} {n}")).shares()
}

pub(crate) fn session(seed: &str) -> SessionId {
    SessionId(Sha256::digest(seed).into())
}

/// One round of commitments.
pub(crate) fn commitments(
    signers: &[&KeyShare],
    session: SessionId,
    message: &[u8],
    seed: &str,
) -> (Vec<Nonces>, Vec<Commitment>) {
    let digest = MessageDigest::of(message);
    let commit = |key: &&KeyShare| {
        let (nonces, commitment) = key.commit(session, digest, &mut random(&format!("{seed} {}", key.me()))).unwrap();
        let read = Commitment::receive(key.group(), nonces.purpose(), key.me(), &commitment.to_bytes()).unwrap();
        assert_eq!(read, commitment);
        (nonces, commitment)
    };
    signers.iter().map(commit).unzip()
}

/// One signature without judgement.
pub(crate) fn sign(signers: &[&KeyShare], message: &[u8], seed: &str) -> Result<Vec<u8>, Error> {
    let group = signers[0].group();
    let (nonces, commitments) = commitments(signers, session(seed), message, seed);
    let package = SigningPackage::new(group, session(seed), message, &commitments)?;
    let package = SigningPackage::from_bytes(&package.to_bytes()).unwrap();
    let share = |(key, nonces): (&&KeyShare, Nonces)| key.sign(nonces, &package);
    let shares: Vec<SignatureShare> = signers.iter().zip(nonces).map(share).collect::<Result<_, _>>()?;
    aggregate(group, &package, &shares)
}

/// Whether implementations that share nothing with FROST take the signature.
pub(crate) fn foreign_verifies(group: &Group, message: &[u8], signature: &[u8]) -> bool {
    match group.public_key() {
        PublicKey::Ed25519 { spki } => {
            let key: [u8; 32] = spki[12..].try_into().unwrap();
            let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
            let signature = ed25519_dalek::Signature::from_slice(signature).unwrap();
            key.verify_strict(message, &signature).is_ok()
        }
        PublicKey::Bip340 { x_only, compressed } => {
            assert_eq!((compressed[0], &compressed[1..]), (2, &x_only[..]));
            let key = k256::schnorr::VerifyingKey::from_bytes((&x_only).into()).unwrap();
            let signature = k256::schnorr::Signature::try_from(signature).unwrap();
            key.verify_raw(message, &signature).is_ok()
        }
    }
}
