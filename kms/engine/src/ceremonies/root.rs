//! A root slot gets a new root key on its token, and everything is moved to it, while the service goes on.

use hufu_ceremony::RootKey;
use hufu_core::record::{FIRST_ROOT_SLOT, Locator};
use hufu_core::{Error, Reason};

use super::execute::{Done, note_of};
use super::held::Held;
use crate::engine::Engine;
use crate::foundation::Renewal;

const RENEWED: &str = "renewed";
const MOVED: &str = "moved";
/// Between the names of two slots, in a note.
const BETWEEN: &str = " after ";

impl Engine {
    pub(super) async fn do_rotate_root(&self, held: Held, act: &RootKey) -> Result<Done, Error> {
        let held = if note_of(&held, RENEWED).is_some() { held } else { self.renew_root(held, act).await? };
        let renewed = note_of(&held, RENEWED).unwrap_or_default();
        let slots = renewed.split_once(BETWEEN);
        let (to, from) = slots.ok_or_else(|| Error::internal("a step without the names of its slots"))?;
        let held = if note_of(&held, MOVED).is_some() {
            held
        } else {
            self.keeper().retire(from, to, &|_| ()).await?;
            self.step_done(&held, MOVED, &format!("nothing rests on {from}")).await?
        };
        let receipts = vec![self.ceremony_receipt(&held)];
        let outcome = format!("root slot {to} took over from {from}, whose root key is still on its token");
        Ok(Done::All(held, outcome, receipts))
    }

    /// Makes the new root key. Whatever end comes between the two, a rotation that was begun goes on and no further key is made.
    async fn renew_root(&self, held: Held, act: &RootKey) -> Result<Held, Error> {
        self.check_fresh()?;
        let Renewal { from, to } = self.keeper().renew(act.slot.as_str()).await?;
        self.step_done(&held, RENEWED, &format!("{to}{BETWEEN}{from}")).await
    }

    /// Whether there is such a slot, and its root key is one that is made so: by a token, or held by custodians.
    pub(super) async fn check_root(&self, act: &RootKey) -> Result<(), Error> {
        let slot = act.slot.as_str();
        let split = matches!(self.deployment.root_locator, Some(Locator::Wrapped { .. }));
        if split && slot == self.deployment.token_serial {
            return self.check_master(act).await;
        }
        if split && slot == FIRST_ROOT_SLOT {
            let why = format!("the root is split among custodians: its slot is `{}`", self.deployment.token_serial);
            return Err(Error::new(Reason::InvalidArgument, why).field("proposal"));
        }
        if !self.keeper().glance().await?.iter().any(|report| report.slot == slot) {
            return Err(
                Error::new(Reason::InvalidArgument, format!("there is no root slot `{slot}`")).field("proposal")
            );
        }
        if act.shares.is_none() {
            return Ok(());
        }
        let why = "the root key of the slot is in a token: it is not split among custodians";
        Err(Error::new(Reason::UnsupportedByBackend, why).field("proposal").help("leave the table `shares` out"))
    }
}
