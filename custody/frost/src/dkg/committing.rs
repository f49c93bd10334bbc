//! Round 1: every holder commits to a polynomial and proves that it knows its constant.

use std::collections::BTreeMap;

use super::Setup;
use super::echoing::Echoing;
use super::inbox::{Inbox, check_sender};
use super::message::{Echo, Round1, Round1Digest, read};
use crate::ambient::Random;
use crate::error::Error;
use crate::scheme::{self, Commitment, Committed};
use crate::threshold::Identifier;
use crate::wire::Message;

/// A holder that has committed and waits for the commitments of the others.
pub struct Committing {
    setup: Setup,
    dealer: Box<dyn Committed>,
    mine: Round1,
    others: Inbox<Round1>,
}

/// Begins a key generation. The bytes go to every other holder.
///
/// # Errors
/// [`Error::Random`].
pub fn begin(setup: Setup, random: &mut dyn Random) -> Result<(Committing, Vec<u8>), Error> {
    let (dealer, commitment) = scheme::begin(&setup, random)?;
    let mine = Round1::new(&setup, commitment);
    let package = mine.to_wire();
    Ok((Committing { setup, dealer, mine, others: Inbox::new() }, package))
}

impl Committing {
    /// Takes what another holder sent in round 1.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] names the sender; the key generation is over then.
    pub fn receive(&mut self, from: Identifier, bytes: &[u8]) -> Result<(), Error> {
        check_sender(&self.setup, from)?;
        let message: Round1 = read(self.setup.set, from, bytes)?;
        message.check(&self.setup).map_err(|how| Error::by(from, how))?;
        self.others.take(from, message)
    }

    /// Whose commitment has not come yet.
    #[must_use]
    pub fn missing(&self) -> Vec<Identifier> {
        self.others.missing(&self.setup)
    }

    /// Checks every proof of knowledge. The bytes are the echo, and go to every other holder.
    ///
    /// # Errors
    /// [`Error::Incomplete`], or [`Error::Misbehaved`] with the holder whose proof is wrong.
    pub fn finish(self) -> Result<(Echoing, Vec<u8>), Error> {
        let Self { setup, dealer, mine, others } = self;
        let mut all = others.complete(&setup)?;
        let commitments = all.iter().map(|(holder, package)| (*holder, commitment(package)));
        let (dealer, shares) = dealer.deal(&commitments.collect::<BTreeMap<_, _>>())?;
        all.insert(setup.me, mine);
        let digest = Round1Digest::of(all.values());
        let echo = Echo { set: setup.set, sender: setup.me, digest };
        Ok((Echoing::new(setup, dealer, shares, digest), echo.to_wire()))
    }
}

fn commitment(package: &Round1) -> Commitment {
    Commitment { points: package.points.clone(), proof: package.proof.clone() }
}

impl std::fmt::Debug for Committing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committing").field("setup", &self.setup).finish_non_exhaustive()
    }
}
