//! Putting shares together.

use std::collections::BTreeMap;

use hufu_custodian::{Agreement, Name, Roster};
use hufu_secret::SecretBytes;
use subtle::ConstantTimeEq;

use crate::error::names;
use crate::handover::check_manifest;
use crate::{
    BLIND_LEN, Error, Fault, HandedOver, Manifest, ManifestDigest, OpenedShare, Refusal, Scheme, SignedManifest,
    feldman, scheme, shamir,
};

/// There are too few shares.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{count} more needed, from any of {}", names(.from))]
pub struct Missing {
    /// How many more are needed.
    pub count: usize,
    /// Whose are not there.
    pub from: Vec<Name>,
}

/// The shares of one set that are there so far. What does not belong is refused when it comes, with its custodian's name, and
/// the others are not touched by it.
#[derive(Debug)]
pub struct Gathering {
    manifest: Manifest,
    shares: BTreeMap<u8, OpenedShare>,
}

impl Gathering {
    /// Begins to gather the shares of the manifest that is expected, as a reviewed request names it.
    ///
    /// # Errors
    /// [`Error::OtherManifest`].
    pub fn new(manifest: &SignedManifest, expected: &ManifestDigest) -> Result<Self, Error> {
        Ok(Self { manifest: manifest.pinned(expected)?.clone(), shares: BTreeMap::new() })
    }

    /// Takes a share.
    ///
    /// # Errors
    /// [`Refusal`] when it is of another set, epoch or manifest, or is there already.
    pub fn add(&mut self, share: OpenedShare) -> Result<(), Refusal> {
        check_manifest(&self.manifest, share.set(), share.epoch(), &share.manifest())
            .map_err(|fault| share.refused(fault))?;
        if self.shares.contains_key(&share.index()) {
            return Err(share.refused(Fault::Twice));
        }
        self.shares.insert(share.index(), share);
        Ok(())
    }

    /// Takes what a custodian has handed over.
    ///
    /// # Errors
    /// Those of [`HandedOver::open`] and [`Gathering::add`].
    pub fn take(
        &mut self,
        handed: &HandedOver,
        roster: &Roster,
        with: &dyn Agreement,
        request: &[u8; 32],
    ) -> Result<(), Error> {
        Ok(self.add(handed.open(roster, &self.manifest, with, request)?)?)
    }

    /// How many are still needed, and from whom they may come; nothing when there are enough.
    #[must_use]
    pub fn missing(&self) -> Option<Missing> {
        let count =
            usize::from(self.manifest.threshold()).checked_sub(self.shares.len()).filter(|count| *count > 0)?;
        let absent = (1..).zip(self.manifest.seats()).filter(|(index, _)| !self.shares.contains_key(index));
        Some(Missing { count, from: absent.map(|(_, seat)| seat.custodian.clone()).collect() })
    }

    /// Whose shares are there.
    #[must_use]
    pub fn holders(&self) -> Vec<Name> {
        self.shares.values().map(|share| share.custodian().clone()).collect()
    }

    /// The secret, checked against what the dealer committed to; of a scalar that is the public key.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::OtherSecret`] when the dealer dealt shares that do not belong together.
    pub fn combine(&self) -> Result<SecretBytes, Error> {
        if let Some(missing) = self.missing() {
            return Err(missing.into());
        }
        match self.manifest.scheme() {
            Scheme::Shamir { secret_len, secret, .. } => {
                let pieces: Vec<_> = self.enough().map(|(index, share)| (index, unblinded(share))).collect();
                let blinded =
                    shamir::combine(&pieces.iter().map(|(index, piece)| (*index, piece)).collect::<Vec<_>>())?;
                let own = scheme::commit_secret(self.manifest.set(), &blinded);
                if !bool::from(own.0.ct_eq(&secret.0)) {
                    return Err(Error::OtherSecret);
                }
                let mut found = blinded;
                found.truncate(usize::from(*secret_len));
                Ok(found)
            }
            Scheme::Feldman { curve, coefficients } => {
                let secret = feldman::combine(*curve, &self.enough().collect::<Vec<_>>())?;
                let (key, _) = coefficients.split_at_checked(1).unwrap_or_default();
                // A constant polynomial of the secret: its commitment is the public key.
                if feldman::verify(*curve, key, 1, &secret) { Ok(secret) } else { Err(Error::OtherSecret) }
            }
        }
    }

    fn enough(&self) -> impl Iterator<Item = (u8, &SecretBytes)> {
        let threshold = usize::from(self.manifest.threshold());
        self.shares.iter().take(threshold).map(|(index, share)| (*index, share.content()))
    }
}

/// Puts shares together at once.
///
/// # Errors
/// [`Error::Culprits`] with everyone whose share is refused, before anything is combined; those of [`Gathering::combine`].
pub fn combine(
    manifest: &SignedManifest,
    expected: &ManifestDigest,
    shares: impl IntoIterator<Item = OpenedShare>,
) -> Result<SecretBytes, Error> {
    let mut gathering = Gathering::new(manifest, expected)?;
    let refused: Vec<Refusal> = shares.into_iter().filter_map(|share| gathering.add(share).err()).collect();
    if refused.is_empty() { gathering.combine() } else { Err(Error::Culprits(refused)) }
}

/// The share without the blind before it.
fn unblinded(content: &SecretBytes) -> SecretBytes {
    SecretBytes::from_slice(content.expose().get(BLIND_LEN..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use hufu_custodian::testing::{self, Person};
    use hufu_secret::{Rng, RngError};

    use super::*;
    use crate::{Commitment, Share, Subject, Terms, deal};

    struct System;

    impl Rng for System {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
            getrandom::fill(buffer).map_err(|_| RngError)
        }
    }

    /// A secret of one byte, 2 of 3.
    fn dealt(secret: u8) -> (Manifest, Vec<OpenedShare>) {
        let people = testing::people(3);
        let (roster, dealer) = (testing::roster(&people), Person::new("dealer", "north"));
        let names: Vec<Name> = people.iter().map(Person::name).collect();
        let subject = Subject { name: "root/custodians".to_owned(), public_key: None };
        let key = dealer.custodian().signing;
        let terms = Terms {
            subject: &subject,
            threshold: 2,
            holders: &names,
            roster: &roster,
            dealer: &key,
            now_ms: 1,
            after: None,
        };
        let dealt = deal(&terms, &SecretBytes::from_slice(&[secret]), &System).unwrap();
        let signature = dealer.sign(dealt.statement()).signature;
        let (manifest, shares) = dealt.signed(&signature).unwrap();
        let open = |(share, person): (&Share, &Person)| share.open(&key, person).unwrap();
        (manifest.unverified().clone(), shares.iter().zip(&people).map(open).collect())
    }

    #[test]
    fn fewer_shares_and_all_that_is_public_do_not_tell_a_right_guess_from_a_wrong_one() {
        let (manifest, shares) = dealt(77);
        let Scheme::Shamir { secret, .. } = manifest.scheme() else { panic!("bytes") };
        let matches =
            |guess: &[u8]| scheme::commit_secret(manifest.set(), &SecretBytes::from_slice(guess)) == *secret;
        // Whoever has two shares has the blind, and with it the proof.
        let two = [(1, &unblinded(shares[0].content())), (2, &unblinded(shares[1].content()))];
        let blinded = shamir::combine(&two).unwrap();
        assert!(matches(blinded.expose()) && blinded.expose()[0] == 77);
        // Nothing that one custodian holds is that blind.
        for share in &shares {
            for window in share.content().expose().windows(BLIND_LEN) {
                assert!((0..=255).all(|guess| !matches(&[&[guess], window].concat())));
            }
        }
    }

    #[test]
    fn a_dealer_whose_shares_do_not_belong_together_is_found_out() {
        let (manifest, shares) = dealt(77);
        let Scheme::Shamir { shares: committed, .. } = manifest.scheme() else { panic!("bytes") };
        let scheme = Scheme::Shamir { secret_len: 1, secret: Commitment([0; 32]), shares: committed.clone() };
        let lying = Manifest { scheme, ..manifest };
        let again = |share: &OpenedShare| {
            let seat = lying.seat(share.index()).unwrap();
            let content = SecretBytes::from_slice(share.content().expose());
            OpenedShare::checked(&lying, seat, share.index(), content).unwrap()
        };
        let mut gathering = Gathering { manifest: lying.clone(), shares: BTreeMap::new() };
        for share in &shares {
            gathering.add(again(share)).unwrap();
        }
        assert_eq!(gathering.combine().unwrap_err(), Error::OtherSecret);
    }
}
