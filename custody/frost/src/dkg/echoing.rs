//! Between the rounds: every holder tells every other what it saw, so that nobody was shown another round 1.

use std::collections::BTreeMap;

use hufu_secret::SecretBytes;

use super::Setup;
use super::inbox::{Inbox, check_sender};
use super::message::{Echo, Round1Digest, Round2, read};
use super::sealing::{Sealer, binding};
use super::sharing::Sharing;
use crate::error::Error;
use crate::scheme::Dealt;
use crate::threshold::Identifier;
use crate::wire::Message;

/// A holder that waits for the echoes of the others. It has the shares that it will deal, and deals none before.
pub struct Echoing {
    setup: Setup,
    dealer: Box<dyn Dealt>,
    shares: BTreeMap<Identifier, SecretBytes>,
    digest: Round1Digest,
    others: Inbox<Echo>,
}

impl Echoing {
    pub(super) fn new(
        setup: Setup,
        dealer: Box<dyn Dealt>,
        shares: BTreeMap<Identifier, SecretBytes>,
        digest: Round1Digest,
    ) -> Self {
        Self { setup, dealer, shares, digest, others: Inbox::new() }
    }

    /// Takes another holder's echo.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] for what is no echo of this set.
    pub fn receive(&mut self, from: Identifier, bytes: &[u8]) -> Result<(), Error> {
        check_sender(&self.setup, from)?;
        self.others.take(from, read(self.setup.set, from, bytes)?)
    }

    /// Whose echo has not come yet.
    #[must_use]
    pub fn missing(&self) -> Vec<Identifier> {
        self.others.missing(&self.setup)
    }

    /// Compares the echoes and deals: one sealed share for each other holder.
    ///
    /// # Errors
    /// [`Error::Incomplete`]; [`Error::Disagreement`] when anybody saw another round 1: no share leaves then;
    /// [`Error::Seal`].
    #[expect(clippy::type_complexity, reason = "a pair: the next state, and what goes to whom")]
    pub fn finish(self, sealer: &mut dyn Sealer) -> Result<(Sharing, Vec<(Identifier, Vec<u8>)>), Error> {
        let Self { setup, dealer, shares, digest, others } = self;
        if others.complete(&setup)?.values().any(|echo| echo.digest != digest) {
            return Err(Error::Disagreement);
        }
        let mut sealed = Vec::with_capacity(shares.len());
        for (receiver, share) in &shares {
            let package = Round2 {
                set: setup.set,
                sender: setup.me,
                receiver: *receiver,
                round1: digest,
                share: share.expose().to_vec(),
            };
            let package = SecretBytes::from_vec(package.to_wire());
            sealed.push((*receiver, sealer.seal(*receiver, &binding(setup.set, setup.me, *receiver), &package)?));
        }
        Ok((Sharing::new(setup, dealer, digest), sealed))
    }
}

impl std::fmt::Debug for Echoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Echoing").field("setup", &self.setup).finish_non_exhaustive()
    }
}
