//! What both tests need: people, a dealer, a target and a receiver of wrapped keys.
#![allow(dead_code, clippy::unwrap_used, reason = "for tests, and not each needs all")]

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use hufu_core::algorithm::Algorithm;
use hufu_custodian::testing::{self, Person};
use hufu_custodian::{Agreement, Name, Roster, SealingKey};
use hufu_opener::{Agreed, Answer, Hash, NewTerms, Opener, Opening, Split, Task, WrapTo, points};
use hufu_secret::{Rng, RngError, SecretBytes};
use hufu_shares::{Dealt, Share, SignedManifest};
use hufu_transport::Opener as Receiver;

pub(crate) struct System;

impl Rng for System {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

pub(crate) fn opener() -> Opener {
    Opener::new(hufu_software::fresh, Arc::new(System))
}

/// The digest that shares are handed over for.
pub(crate) const REQUEST: [u8; 32] = [7; 32];

pub(crate) struct Scene {
    pub(crate) people: Vec<Person>,
    pub(crate) roster: Roster,
    pub(crate) dealer: Person,
    pub(crate) target: Person,
    rsa: PrivateDecryptingKey,
}

/// A key that was split: what is on record, and what custodians have.
pub(crate) struct Held {
    pub(crate) public_key: Option<Vec<u8>>,
    pub(crate) manifest: SignedManifest,
    pub(crate) shares: Vec<Share>,
    pub(crate) wrapped: Option<Vec<u8>>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let people = testing::people(5);
        Self {
            roster: testing::roster(&people),
            people,
            dealer: Person::new("dealer", "north"),
            target: Person::new("target", "north"),
            rsa: PrivateDecryptingKey::generate(KeySize::Rsa3072).unwrap(),
        }
    }

    pub(crate) fn names(&self) -> Vec<Name> {
        self.people.iter().map(Person::name).collect()
    }

    pub(crate) fn terms(&self, threshold: u8, holders: &[Name]) -> NewTerms {
        let (roster, dealer) = (self.roster.clone(), self.dealer.custodian().signing);
        NewTerms { threshold, holders: holders.to_vec(), roster, dealer, now_ms: 1_790_000_000_000 }
    }

    pub(crate) fn wrap_to(&self) -> WrapTo {
        let spki: PublicKeyX509Der<'_> = self.rsa.public_key().as_der().unwrap();
        WrapTo { spki: spki.as_ref().to_vec(), hash: Hash::Sha256 }
    }

    /// What was wrapped for the backend.
    pub(crate) fn unwrap(&self, wrapped: &[u8]) -> SecretBytes {
        let pkcs8: Pkcs8V1Der<'_> = self.rsa.as_der().unwrap();
        let receiver = Receiver::parse(&SecretBytes::from_slice(pkcs8.as_ref())).unwrap();
        receiver.open(hufu_transport::Hash::Sha256, &SecretBytes::zeroed(32), wrapped).unwrap()
    }

    pub(crate) fn split_task(&self, algorithm: Algorithm) -> Task {
        let subject = "tenants/acme/keys/archive/versions/1".to_owned();
        let wrap_to = Some(self.wrap_to());
        Task::Split(Box::new(Split { algorithm, subject, terms: self.terms(3, &self.names()), wrap_to }))
    }

    pub(crate) fn sign(&self, dealt: &[u8]) -> (SignedManifest, Vec<Share>) {
        let dealt = Dealt::from_bytes(dealt).unwrap();
        let signature = self.dealer.sign(dealt.statement()).signature;
        dealt.signed(&signature).unwrap()
    }

    pub(crate) fn held(&self, answer: Answer) -> Held {
        let Answer::Split { public_key, dealt, wrapped } = answer else { panic!("{answer:?}") };
        let (manifest, shares) = self.sign(&dealt);
        Held { public_key, manifest, shares, wrapped }
    }

    pub(crate) fn split(&self, algorithm: Algorithm) -> Held {
        self.held(opener().answer(&self.split_task(algorithm)))
    }

    /// What the custodian of an index hands over, to a key and for a request.
    pub(crate) fn hand(&self, share: &Share, to: &SealingKey, request: &[u8; 32]) -> Vec<u8> {
        let person = self.people.get(usize::from(share.index()) - 1).unwrap();
        let opened = share.open(&self.dealer.custodian().signing, person).unwrap();
        let resealed = opened.reseal(to, request).unwrap();
        let signed = person.sign(resealed.statement());
        resealed.signed(signed).to_bytes()
    }

    pub(crate) fn handed(&self, held: &Held, indices: &[usize]) -> Vec<Vec<u8>> {
        let to = self.target.custodian().sealing;
        indices.iter().map(|index| self.hand(held.shares.get(index - 1).unwrap(), &to, &REQUEST)).collect()
    }

    /// What an opener needs, with the target's part done.
    pub(crate) fn opening(&self, held: &Held, handovers: Vec<Vec<u8>>) -> Opening {
        let mut opening = Opening {
            manifest: held.manifest.to_bytes(),
            dealer: self.dealer.custodian().signing,
            expected: held.manifest.digest(),
            roster: self.roster.clone(),
            handovers: handovers.into_iter().map(Into::into).collect(),
            target: self.target.custodian().sealing,
            request: REQUEST,
            agreed: Vec::new(),
            public_key: held.public_key.clone(),
        };
        let agree = |point: Vec<u8>| {
            let value = self.target.agree(&point).ok();
            Agreed::new(point, value)
        };
        opening.agreed = points(&opening).into_iter().map(agree).collect();
        opening
    }
}
