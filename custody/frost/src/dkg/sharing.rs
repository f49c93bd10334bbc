//! Round 2: every holder gets a share of every polynomial and adds them up.

use hufu_secret::SecretBytes;

use super::Setup;
use super::inbox::{Inbox, check_sender};
use super::message::{Outcome, Round1Digest, Round2, read};
use super::sealing::{SEALED_LEN_MAX, SealError, Sealer, binding};
use crate::error::{Error, Misconduct};
use crate::group::Group;
use crate::key_share::KeyShare;
use crate::scheme::Dealt;
use crate::threshold::Identifier;
use crate::wire::Message;

/// A holder that has dealt and waits for the shares of the others.
pub struct Sharing {
    setup: Setup,
    dealer: Box<dyn Dealt>,
    round1: Round1Digest,
    others: Inbox<SecretBytes>,
}

impl Sharing {
    pub(super) fn new(setup: Setup, dealer: Box<dyn Dealt>, round1: Round1Digest) -> Self {
        Self { setup, dealer, round1, others: Inbox::new() }
    }

    /// Takes the share that another holder has sealed for this one.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] names the dealer of what cannot be opened or is meant for another set or holder;
    /// [`Error::Seal`] when this holder's own key failed, which names nobody.
    pub fn receive(&mut self, from: Identifier, sealed: &[u8], sealer: &mut dyn Sealer) -> Result<(), Error> {
        check_sender(&self.setup, from)?;
        if sealed.len() > SEALED_LEN_MAX {
            return Err(Error::by(from, Misconduct::Malformed));
        }
        let bound = binding(self.setup.set, from, self.setup.me);
        let opened = sealer.open(from, &bound, sealed).map_err(|error| match error {
            SealError::Own => Error::Seal(error),
            SealError::Sealed => Error::by(from, Misconduct::WrongShare),
        })?;
        let package: Round2 = read(self.setup.set, from, opened.expose())?;
        if package.receiver != self.setup.me {
            return Err(Error::by(from, Misconduct::Malformed));
        }
        if package.round1 != self.round1 {
            return Err(Error::by(from, Misconduct::OtherSet));
        }
        self.others.take(from, SecretBytes::from_slice(&package.share))
    }

    /// Whose share has not come yet.
    #[must_use]
    pub fn missing(&self) -> Vec<Identifier> {
        self.others.missing(&self.setup)
    }

    /// Checks every share against its dealer's commitment. The bytes are the outcome, and go to whoever asked for
    /// the key; the share is worth keeping, and the key worth using, once all holders' outcomes are the same
    /// ([`super::Agreement`]).
    ///
    /// # Errors
    /// [`Error::Incomplete`], or [`Error::Misbehaved`] with the dealer whose share is not on its polynomial. Only
    /// this holder knows that: to others it is an accusation, of which one side is right.
    pub fn finish(self) -> Result<(KeyShare, Vec<u8>), Error> {
        let Self { setup, dealer, others, .. } = self;
        let (secret, public) = dealer.combine(&others.complete(&setup)?)?;
        let group = Group::new(setup.suite, setup.set, setup.threshold, public)?;
        let outcome = Outcome { set: setup.set, sender: setup.me, group: group.to_bytes() };
        Ok((KeyShare::new(group, setup.me, secret)?, outcome.to_wire()))
    }
}

impl std::fmt::Debug for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sharing").field("setup", &self.setup).finish_non_exhaustive()
    }
}
