//! What several tests need.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, reason = "not every test needs all of it")]

use hufu_custodian::testing::{self, Person};
use hufu_custodian::{Name, Roster, VerifyingKey};
use hufu_secret::{Rng, RngError, SecretBytes};
use hufu_shares::{Curve, Dealt, Manifest, OpenedShare, Share, SignedManifest, Subject, Terms};

/// The operating system's randomness.
pub(crate) struct System;

impl Rng for System {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

/// Random bytes.
pub(crate) fn random(len: usize) -> SecretBytes {
    let mut secret = SecretBytes::zeroed(len);
    System.fill(secret.expose_mut()).unwrap();
    secret
}

/// All ways to choose `count` of 0..`of`.
pub(crate) fn choices(of: usize, count: usize) -> Vec<Vec<usize>> {
    let all = (0..1u32 << of).filter(|set| set.count_ones() as usize == count);
    all.map(|set| (0..of).filter(|at| set >> at & 1 == 1).collect()).collect()
}

/// The same for foreign implementations.
pub(crate) struct Foreign;

impl rand_core::TryRng for Foreign {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Self::Error> {
        System.fill(buffer).unwrap();
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Foreign {}

/// People, and one who deals.
pub(crate) struct Scene {
    pub(crate) people: Vec<Person>,
    pub(crate) roster: Roster,
    pub(crate) dealer: Person,
    pub(crate) dealer_key: VerifyingKey,
    pub(crate) subject: Subject,
}

impl Scene {
    pub(crate) fn new(count: usize) -> Self {
        let (people, dealer) = (testing::people(count), Person::new("dealer", "north"));
        let subject = Subject { name: "root/custodians".to_owned(), public_key: None };
        let dealer_key = dealer.custodian().signing;
        Self { roster: testing::roster(&people), people, dealer, dealer_key, subject }
    }

    pub(crate) fn names(&self) -> Vec<Name> {
        self.people.iter().map(Person::name).collect()
    }

    pub(crate) fn terms<'a>(&'a self, threshold: u8, holders: &'a [Name], after: Option<&'a Manifest>) -> Terms<'a> {
        let (subject, roster, dealer) = (&self.subject, &self.roster, &self.dealer_key);
        Terms { subject, threshold, holders, roster, dealer, now_ms: 1_790_000_000_000, after }
    }

    pub(crate) fn sign(&self, dealt: Dealt) -> (SignedManifest, Vec<Share>) {
        let signature = self.dealer.sign(dealt.statement()).signature;
        dealt.signed(&signature).unwrap()
    }

    /// A byte secret among all.
    pub(crate) fn deal(&self, threshold: u8, secret: &SecretBytes) -> (SignedManifest, Vec<Share>) {
        self.sign(hufu_shares::deal(&self.terms(threshold, &self.names(), None), secret, &System).unwrap())
    }

    /// A scalar among all.
    pub(crate) fn deal_scalar(
        &self,
        curve: Curve,
        threshold: u8,
        secret: &SecretBytes,
    ) -> (SignedManifest, Vec<Share>) {
        let terms = (threshold, self.names());
        let dealt = hufu_shares::deal_scalar(&self.terms(terms.0, &terms.1, None), curve, secret, &System);
        self.sign(dealt.unwrap())
    }

    pub(crate) fn open(&self, share: &Share) -> OpenedShare {
        share.open(&self.dealer_key, &self.people[usize::from(share.index()) - 1]).unwrap()
    }

    pub(crate) fn open_all(&self, shares: &[Share]) -> Vec<OpenedShare> {
        shares.iter().map(|share| self.open(share)).collect()
    }
}
