//! What was dealt, judged before the log's key signs for it.

use std::time::Instant;

use hufu_core::name::SetId;
use hufu_core::{Error, Reason};
use hufu_custodian::{Name, Roster, VerifyingKey};
use hufu_shares::{Dealt, Manifest, Share, SignedManifest, Subject};

use super::refused;
use crate::engine::Engine;

/// How far the dealer's clock may be from the service's, in milliseconds.
const CLOCK_MS: u64 = 3_600_000;

/// On what terms a secret was to be dealt.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// What is shared.
    pub(crate) subject: &'a Subject,
    /// How many shares make it.
    pub(crate) threshold: u8,
    /// Who gets one, from index 1.
    pub(crate) custodians: &'a [Name],
    /// The roster in force.
    pub(crate) roster: &'a Roster,
    /// The epoch before; nothing for a new set.
    pub(crate) after: Option<&'a Manifest>,
}

impl Engine {
    /// Who deals: the log's key.
    pub(crate) fn dealer(&self) -> Result<VerifyingKey, Error> {
        VerifyingKey::from_spki(&self.deployment.log_public_key).map_err(Error::internal)
    }

    /// Signs what was dealt, if it was dealt on these terms. Whether the shares are good, their custodians alone can tell.
    ///
    /// # Errors
    /// [`Reason::ShareRefused`] says what is otherwise; those of the log's key.
    pub(crate) async fn sign_dealt(
        &self,
        dealt: Dealt,
        terms: &Terms<'_>,
        deadline: Instant,
    ) -> Result<(SignedManifest, Vec<Share>), Error> {
        self.check_dealt(dealt.manifest(), terms)?;
        let signature = self.sign_as_service(&dealt.statement(), deadline).await?;
        dealt.signed(&signature).map_err(|error| refused(&error))
    }

    fn check_dealt(&self, manifest: &Manifest, terms: &Terms<'_>) -> Result<(), Error> {
        let other = |what: &str| Err(Error::new(Reason::ShareRefused, format!("{what} is not as it was asked for")));
        if *manifest.dealer() != self.dealer()? {
            return other("the dealer");
        }
        if manifest.roster() != terms.roster.hash() {
            return other("the roster");
        }
        if manifest.subject() != terms.subject {
            return other("the subject");
        }
        if manifest.threshold() != terms.threshold {
            return other("the threshold");
        }
        if !is_seated(manifest, terms)? {
            return other("who gets a share, and to which key it is sealed,");
        }
        if self.clock.now_ms().abs_diff(manifest.made_at_ms()) > CLOCK_MS {
            return other("the time");
        }
        if terms.after.is_none() {
            self.check_not_root_set(SetId(manifest.set().0))?;
        }
        match terms.after {
            Some(before) => manifest.follows(before).map_err(|error| refused(&error)),
            None if manifest.epoch() == 1 => Ok(()),
            None => other("the epoch"),
        }
    }
}

/// Whether each custodian has the seat that was meant, under the key that the roster says.
fn is_seated(manifest: &Manifest, terms: &Terms<'_>) -> Result<bool, Error> {
    if manifest.seats().len() != terms.custodians.len() {
        return Ok(false);
    }
    for (seat, name) in manifest.seats().iter().zip(terms.custodians) {
        let known = terms.roster.find(name).map_err(|error| refused(&error.into()))?;
        if seat.custodian != *name || seat.sealing != known.sealing.fingerprint() {
            return Ok(false);
        }
    }
    Ok(true)
}
