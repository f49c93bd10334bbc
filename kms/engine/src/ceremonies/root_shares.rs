//! A root that custodians hold together gets another master key, whose shares replace all those of before.
//!
//! The new master key is made here, in the server, which has the old one open; it is dealt at once, and kept sealed by the root key until
//! enough custodians have confirmed their shares. Then, in one commit, root key and log key are wrapped under it, and what was under
//! the old one is written over. So an end at any point leaves one set of shares that opens the database as it is.
//! Servers that are open keep the master key that they were opened with, and their wrappings under it, in memory: they go on.

use std::time::{Duration, Instant};

use hufu_ceremony::{RootKey, Sharing};
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::name::SetId;
use hufu_core::record::{Deployment, NextMaster, Record as _};
use hufu_core::{Error, Reason};
use hufu_secret::SecretBytes;
use hufu_shares::{Epochs, Resharing, deal};

use super::execute::{Done, note_of};
use super::files::roster_file;
use super::held::Held;
use super::resharing::{
    DEALT, IN_FORCE, WITHDRAWN, dealt_note, in_force, not_confirmed, own_next, required, under_way, withdrawn,
};
use super::seats::Seated;
use crate::deposits::THRESHOLD_MIN;
use crate::engine::Engine;
use crate::fault;
use crate::foundation::{log_key, root_key};
use crate::keys::Staging;
use crate::shares::{self, StoredSet, Terms};
use crate::split_root::RootSet;

/// Length of a master key, in bytes.
const MASTER_KEY_LEN: usize = 32;
/// Longest wait for the keys of the service.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A row that is read to be replaced.
struct Found<R> {
    record: R,
    revision: u64,
}

impl Engine {
    /// Whether the root could get another master key so.
    pub(super) async fn check_master(&self, act: &RootKey) -> Result<(), Error> {
        let Some(sharing) = &act.shares else {
            let why = "the root is split among custodians: no token makes it a new key";
            let help = "say in a table `[act.rotate-root.shares]` who gets a share of a new master key";
            return Err(Error::new(Reason::UnsupportedByBackend, why).field("proposal").help(help));
        };
        let (threshold, _) = terms(sharing, act.confirmations)?;
        let set = self.root_set(self.split_root()?).await?;
        self.check_threshold_of_root(&set.epochs, threshold)?;
        if set.epochs.next().is_none() { Ok(()) } else { Err(under_way()) }
    }

    /// New shares are no way for fewer people to open the root, nor for one alone; a root that one custodian opens already is another
    /// matter.
    fn check_threshold_of_root(&self, epochs: &Epochs, threshold: u8) -> Result<(), Error> {
        let now = epochs.current().manifest().threshold();
        let least = if now < THRESHOLD_MIN { now } else { now.max(self.deposit_threshold_min) };
        if threshold >= least {
            return Ok(());
        }
        let why = format!("the threshold of the root's new shares is at least {least} here, as {now} open it now");
        let help = "write a higher `threshold` in `[act.rotate-root.shares]`";
        Err(Error::new(Reason::InvalidArgument, why).field("proposal").help(help))
    }

    pub(super) async fn do_replace_master(
        &self,
        held: Held,
        sharing: &Sharing,
        confirmations: Option<u32>,
    ) -> Result<Done, Error> {
        let held = match note_of(&held, DEALT) {
            Some(_) => held,
            None => self.deal_master(held, sharing, confirmations).await?,
        };
        let held = match note_of(&held, IN_FORCE) {
            Some(_) => held,
            None => match self.advance_master(held).await? {
                Ok(held) => held,
                Err(held) => return Ok(Done::Later(held)),
            },
        };
        let receipts = vec![self.ceremony_receipt(&held)];
        let outcome = note_of(&held, IN_FORCE).unwrap_or_default();
        Ok(Done::All(held, outcome, receipts))
    }

    /// Makes the master key, deals it, and begins the epoch of its shares. Nothing is under it yet.
    async fn deal_master(&self, held: Held, sharing: &Sharing, confirmations: Option<u32>) -> Result<Held, Error> {
        self.check_fresh()?;
        let RootSet { stored, mut epochs, squatter } = self.root_set(self.split_root()?).await?;
        if epochs.next().is_some() {
            return Err(under_way());
        }
        let (threshold, required) = terms(sharing, confirmations)?;
        self.check_threshold_of_root(&epochs, threshold)?;
        let custodians = &sharing.custodians;
        let roster = held.ceremony.grounds().roster();
        let now = epochs.current().manifest();
        let terms = Terms { subject: now.subject(), threshold, custodians, roster, after: Some(now) };
        let mut master = SecretBytes::zeroed(MASTER_KEY_LEN);
        self.rng.fill(master.expose_mut()).map_err(Error::internal)?;
        let dealing = hufu_shares::Terms {
            subject: terms.subject,
            threshold,
            holders: custodians,
            roster,
            dealer: &self.dealer()?,
            now_ms: self.clock.now_ms(),
            after: terms.after,
        };
        let dealt = deal(&dealing, &master, self.rng.as_ref()).map_err(|error| shares::refused(&error))?;
        let (signed, new_shares) = self.sign_dealt(dealt, &terms, Instant::now() + TIMEOUT).await?;
        let (set, digest) = (SetId(now.set().0), signed.digest());
        let next = self.keyring.seal_master(set, digest.0, &master).await?;
        let note = format!("{}, of shareSets/{set}", dealt_note(&signed));
        epochs
            .propose(signed, &Resharing::Reshare { threshold, custodians }, required)
            .map_err(|error| shares::refused(&error))?;
        self.step_done_with(&held, DEALT, &note, |staging| {
            staging.guard(Guard::Absent(Collection::Meta, NextMaster::ID.to_owned()));
            staging.write(Write::Put(self.keyring.integrity().row(&next, 1)));
            // A start reads it before it can ask for anything else.
            staging.write(self.put_file(&roster_file(roster)));
            match &stored {
                Some(stored) => self.stage_epochs(staging, stored, &epochs, &new_shares),
                None => self.stage_root_set(staging, &epochs, &new_shares, squatter),
            }
        })
        .await
    }

    /// Puts the new master key in force once enough have confirmed; the ceremony as it is while some are awaited. When its time is
    /// over, the new master key is given up, and the old shares go on.
    async fn advance_master(&self, held: Held) -> Result<Result<Held, Held>, Error> {
        if note_of(&held, WITHDRAWN).is_some() {
            return Err(not_confirmed(&held));
        }
        let RootSet { stored: Some(set), mut epochs, .. } = self.root_set(self.split_root()?).await? else {
            return Err(not_confirmed(&held));
        };
        let next = own_next(&held, &set.epochs)?;
        if epochs.advance().is_ok() {
            return match self.seated(next.manifest()).await? {
                Seated::All(rules) => {
                    let note = in_force(next);
                    self.put_master_in_force(&held, &set, &epochs, (&note, rules)).await.map(Ok)
                }
                Seated::Without(note) => Err(self.withdraw_master(&held, &set, &note).await?),
            };
        }
        if self.clock.now_ms() < held.ceremony.request().expires_at_ms {
            return Ok(Err(held));
        }
        Err(self.withdraw_master(&held, &set, &withdrawn(next)).await?)
    }

    /// Gives the new master key up. Why the ceremony fails.
    async fn withdraw_master(&self, held: &Held, set: &StoredSet, note: &str) -> Result<Error, Error> {
        let (master, mut epochs) = (self.next_master().await?, set.epochs.clone());
        epochs.withdraw();
        let withdrawn = self.step_done_with(held, WITHDRAWN, note, |staging| {
            stage_master_gone(staging, &master);
            self.stage_epochs(staging, set, &epochs, &[])
        });
        Ok(not_confirmed(&withdrawn.await?))
    }

    async fn put_master_in_force(
        &self,
        held: &Held,
        set: &StoredSet,
        epochs: &Epochs,
        (note, rules): (&str, Guard),
    ) -> Result<Held, Error> {
        let (next, now) = (self.next_master().await?, self.deployment_now().await?);
        if next.record.set != set.record.set || next.record.manifest != epochs.current().signed().digest().0 {
            return Err(self.directory.quarantine(&held.resource(), "the next master key is of other shares"));
        }
        let master = self.keyring.open_master(&next.record).await?;
        // As this server was opened with them, whatever others have written since.
        let keys = [root_key(&self.deployment), log_key(&self.deployment)];
        let rewrapped = self.split_root()?.rewrapped(&keys, master, Instant::now() + TIMEOUT).await;
        let [root, log] = <[_; 2]>::try_from(rewrapped.map_err(fault::backend)?)
            .map_err(|_| Error::internal("two keys were to be wrapped anew"))?;
        let deployment = Deployment { root_locator: Some(root), log_locator: Some(log), ..now.record };
        self.step_done_with(held, IN_FORCE, note, |staging| {
            staging.guard(rules);
            staging.guard(Guard::Revision(Collection::Meta, deployment.id(), now.revision));
            staging.write(Write::Put(self.keyring.integrity().row(&deployment, now.revision + 1)));
            stage_master_gone(staging, &next);
            self.stage_epochs(staging, set, epochs, &[])
        })
        .await
    }

    async fn next_master(&self) -> Result<Found<NextMaster>, Error> {
        self.found(NextMaster::ID, "the row of the next master key").await
    }

    async fn deployment_now(&self) -> Result<Found<Deployment>, Error> {
        self.found(Deployment::ID, "the deployment's row").await
    }

    async fn found<R: hufu_core::record::Record>(&self, id: &str, what: &str) -> Result<Found<R>, Error> {
        let row = self.store.get(Collection::Meta, id).await.map_err(fault::store)?;
        let revision = row.as_ref().map_or(0, |row| row.revision);
        let record = row.and_then(|row| self.keyring.integrity().open(&row).ok());
        let lost = || self.directory.quarantine("root", &format!("{what} is missing or not as it was"));
        Ok(Found { record: record.ok_or_else(lost)?, revision })
    }
}

/// Threshold, and how many confirmations it takes.
fn terms(sharing: &Sharing, confirmations: Option<u32>) -> Result<(u8, u8), Error> {
    let threshold = u8::try_from(sharing.threshold).map_err(Error::internal)?;
    let all = u8::try_from(sharing.custodians.len()).map_err(Error::internal)?;
    // A sealed server hands no shares out: whoever has confirmed and has none must not keep the others from opening it.
    let least = all.min(threshold.saturating_add(1));
    let required = required(confirmations, least, all).map_err(|error| {
        error.help(
            "let one more than the threshold confirm, or all: should one of them have no share, the root is lost",
        )
    })?;
    Ok((threshold, required))
}

fn stage_master_gone(staging: &mut Staging<'_>, master: &Found<NextMaster>) {
    let id = master.record.id();
    staging.guard(Guard::Revision(Collection::Meta, id.clone(), master.revision));
    staging.write(Write::Delete(Collection::Meta, id));
}
