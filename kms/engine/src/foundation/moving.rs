//! Moving away from a root slot: everything is covered by another one, its wrappings are taken away, and, asked for by itself, its
//! root key is destroyed.
//!
//! INVARIANT: a wrapping is taken away only from a record that another active slot has just opened. So an end at any point leaves
//! every key openable, and the same call goes on where the last one ended. A slot begins to retire only while the one it moves to is
//! active, in the same commit: of two moves that cross one is refused.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::backend::Operation;
use hufu_core::backend::Outcome;
use hufu_core::changeset::{Collection, Guard, Write};
use hufu_core::record::{FIRST_ROOT_SLOT, Record, RootSlot, RootState, WrappingKeyRecord};
use hufu_core::{Error, Reason};

use super::keeper::{Also, RootKeeper, TOKEN_TIMEOUT};
use super::keyring::Slots;
use super::root::Root;
use crate::fault;

/// Passes over all keys before a slot that fills again is given up.
const PASSES_MAX: usize = 8;

/// How far a move has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MoveStep {
    /// So many keys open under the new slot.
    Covered(u64),
    /// The old slot wraps nothing more.
    Retiring,
    /// So many wrappings of the old slot were taken away.
    Stripped(u64),
    /// Nothing rests on the old slot.
    Retired,
}

impl RootKeeper<'_> {
    /// Moves every wrapping key from one slot to another, and retires the old one. It may be ended and called again at any point.
    ///
    /// # Errors
    /// [`Reason::InvalidArgument`] for slots that are not known, are the same, or in a state that does not fit;
    /// [`Reason::BackendUnavailable`] when the new slot's token does not answer or a key does not open under it.
    pub async fn retire(&self, from: &str, to: &str, told: &(dyn Fn(MoveStep) + Sync)) -> Result<(), Error> {
        self.level().await?;
        let slots = self.keyring.slots().await?;
        let to = &*self.target(&slots, from, to)?;
        let Some(state) = slots.state(from) else { return Err(unknown("from", from)) };
        match state {
            RootState::Active | RootState::Retiring => {}
            RootState::Making => {
                let what = format!("the root slot `{from}` is not made yet: take it out of the configuration");
                return Err(Error::new(Reason::InvalidArgument, what).field("from"));
            }
            // One that rows of an older copy have brought back, or under keys, is gone through once more.
            RootState::Retired | RootState::Destroying
                if slots.is_revived(from) || self.count_under(from).await? > 0 => {}
            RootState::Retired | RootState::Destroying | RootState::Destroyed => {
                told(MoveStep::Retired);
                return Ok(());
            }
        }
        told(MoveStep::Covered(self.cover(to).await?));
        if state == RootState::Active {
            let also = Also { guards: vec![slots.guard(to.slot())], ..Also::default() };
            self.set(from, &slots, RootState::Retiring, also).await?;
        }
        told(MoveStep::Retiring);
        let mut stripped = 0;
        for _ in 0..PASSES_MAX {
            match self.strip(from, to).await? {
                0 => {
                    let slots = self.keyring.slots().await?;
                    self.set(from, &slots, RootState::Retired, Also::default()).await?;
                    told(MoveStep::Retired);
                    return Ok(());
                }
                more => stripped += more,
            }
            told(MoveStep::Stripped(stripped));
        }
        Err(Error::new(Reason::Overloaded, format!("`{from}` fills again: is an older release at work?")))
    }

    /// Destroys the root key of a slot on which nothing rests any more.
    ///
    /// # Errors
    /// [`Reason::InvalidArgument`] when the slot is not retired, [`Reason::WrongState`] when it still wraps a key,
    /// [`Reason::BackendUnavailable`] when its token does not answer or still shows the key.
    pub async fn destroy_key(&self, slot: &str) -> Result<(), Error> {
        let slots = self.keyring.slots().await?;
        if matches!(slots.state(slot), Some(RootState::Retired | RootState::Destroying)) {
            self.check_bare(slot).await?;
        }
        match slots.state(slot) {
            Some(RootState::Retired) => self.set(slot, &slots, RootState::Destroying, Also::default()).await?,
            Some(RootState::Destroying) => {}
            Some(RootState::Destroyed) => return Ok(()),
            Some(state) => {
                let what =
                    format!("the root slot `{slot}` is {state}: only the root key of a retired one is destroyed");
                return Err(Error::new(Reason::InvalidArgument, what).field("slot"));
            }
            None => return Err(unknown("slot", slot)),
        }
        let slots = self.keyring.slots().await?;
        let root = self.root(slot).ok_or_else(|| unknown("slot", slot))?;
        let Some((record, _)) = slots.rows.get(slot) else { return Err(unknown("slot", slot)) };
        let deadline = Instant::now() + TOKEN_TIMEOUT;
        let backend = &root.token.backend;
        backend.perform(Operation::Destroy(record.key), deadline).await.map_err(fault::backend)?;
        match backend.perform(Operation::Find(record.key), deadline).await.map_err(fault::backend)? {
            Outcome::Found(false) => {}
            _ => return Err(Error::new(Reason::BackendUnavailable, "the token still shows the root key")),
        }
        let gone = Write::Delete(Collection::Material, record.key.to_string());
        self.set(slot, &slots, RootState::Destroyed, Also { writes: vec![gone], ..Also::default() }).await
    }

    /// Nothing is under a slot. As the slot is not active and wraps nothing any more, it stays so.
    async fn check_bare(&self, slot: &str) -> Result<(), Error> {
        match self.count_under(slot).await? {
            0 => Ok(()),
            keys => {
                let what = format!("`{slot}` still wraps {keys} keys: its root key is not destroyed");
                Err(Error::new(Reason::WrongState, what).field("slot").help("move away from it once more"))
            }
        }
    }

    async fn count_under(&self, slot: &str) -> Result<usize, Error> {
        let mut count = 0;
        for scope in self.scopes().await? {
            count += self.records(&scope).await?.iter().filter(|(record, _)| record.under(slot).is_some()).count();
        }
        Ok(count)
    }

    /// The slot of that name, if this server can use it.
    pub(super) fn root(&self, slot: &str) -> Option<Arc<Root>> {
        self.keyring.roots().into_iter().find(|root| root.slot() == slot)
    }

    fn target(&self, slots: &Slots, from: &str, to: &str) -> Result<Arc<Root>, Error> {
        if from == to {
            return Err(Error::new(Reason::InvalidArgument, "a move is between two slots").field("to"));
        }
        let root = self.root(to).ok_or_else(|| unknown("to", to))?;
        match slots.state(to) {
            Some(RootState::Active) if root.is_serving() => Ok(root),
            Some(RootState::Active) => {
                Err(Error::new(Reason::BackendUnavailable, format!("the token of `{to}` is not there")))
            }
            Some(state) => {
                Err(Error::new(Reason::InvalidArgument, format!("the root slot `{to}` is {state}")).field("to"))
            }
            None => Err(unknown("to", to)),
        }
    }

    /// Every key opens under the slot; answers how many there are.
    async fn cover(&self, to: &Root) -> Result<u64, Error> {
        for _ in 0..PASSES_MAX {
            let (mut all, mut open) = (0, 0);
            for scope in self.scopes().await? {
                for (record, revision) in self.records(&scope).await? {
                    all += 1;
                    open += u64::from(self.covered(&record, revision, to).await?);
                }
            }
            if all == open {
                return Ok(all);
            }
        }
        let what = format!("`{}` does not wrap every key: nothing was taken away", to.slot());
        Err(Error::new(Reason::BackendUnavailable, what))
    }

    /// Whether the record opens under the slot as it is; one that the slot did not wrap yet is wrapped now.
    async fn covered(&self, record: &WrappingKeyRecord, revision: u64, to: &Root) -> Result<bool, Error> {
        if record.under(to.slot()).is_none() {
            let slots = self.keyring.slots().await?;
            self.add(record.clone(), revision, &[to], &slots).await?;
            return Ok(false);
        }
        to.open(record).await.map(|_| true).map_err(|error| {
            let what =
                format!("wrapping key {} does not open under `{}`: nothing was taken away", record.id, to.slot());
            Error::new(Reason::BackendUnavailable, what).because(error)
        })
    }

    /// Takes the wrappings of a slot away, and lets every key know that it is under that slot never again, one key a commit;
    /// answers how many there were.
    async fn strip(&self, from: &str, to: &Root) -> Result<u64, Error> {
        let mut found = 0;
        for scope in self.scopes().await? {
            for (record, revision) in self.records(&scope).await? {
                if record.under(from).is_none() && record.is_stripped_of(from) {
                    continue;
                }
                found += 1;
                // One that had to be wrapped first has another revision now: the next pass takes it.
                if self.covered(&record, revision, to).await? {
                    let guards = vec![Guard::Revision(Collection::WrappingKey, record.id(), revision)];
                    let detail = format!("no longer under {from}");
                    self.write(&record.without(from), revision, guards, detail).await?;
                }
            }
        }
        Ok(found)
    }

    async fn set(&self, name: &str, slots: &Slots, state: RootState, also: Also) -> Result<(), Error> {
        let known = slots.rows.get(name).map(|(slot, _)| slot.clone());
        let first = || {
            let root = self.root(FIRST_ROOT_SLOT).filter(|root| name == root.slot())?;
            let key = (*root.key.read())?;
            let (name, serial) = (name.to_owned(), root.token.serial.clone());
            Some(RootSlot { name, serial, key, state, changed_at: 0 })
        };
        let slot = known.or_else(first).ok_or_else(|| unknown("slot", name))?;
        let slot = RootSlot { state, changed_at: self.clock.now_ms(), ..slot };
        self.change(slot, slots.guard(name), also).await
    }
}

pub(super) fn unknown(field: &'static str, slot: &str) -> Error {
    Error::new(Reason::InvalidArgument, format!("there is no root slot `{slot}`")).field(field)
}
