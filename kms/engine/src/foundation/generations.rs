//! A new root key on the same token: the slot's next generation, a slot of its own. `vault` is followed by `vault/2`.
//!
//! So a wrapping says which root key it is under, as its binding names the slot; and the rotation of a root key is a move between
//! two slots, which may end anywhere.

use std::sync::Arc;

use hufu_core::record::{RootSlot, RootState};
use hufu_core::{Error, Reason};

use super::keeper::RootKeeper;
use super::keyring::{SLOTS_MAX, Slots};
use super::moving::unknown;
use super::root::Root;

/// From which slot to which one everything is to be moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renewal {
    /// The slot of the old root key.
    pub from: String,
    /// The slot of the new root key.
    pub to: String,
}

impl RootKeeper<'_> {
    /// Makes a new root key on a slot's token, under which every key is wrapped too. A rotation that was begun goes on: then no
    /// further key is made. [`Self::retire`] is what follows.
    ///
    /// # Errors
    /// [`Reason::InvalidArgument`] for a slot that is not known or not active, [`Reason::UnsupportedByBackend`] for a group of
    /// tokens, [`Reason::BackendUnavailable`] when the token does not answer.
    pub async fn renew(&self, slot: &str) -> Result<Renewal, Error> {
        self.level().await?;
        let slots = self.keyring.slots().await?;
        let (base, _) = parts(slot);
        let Some(root) = self.root(base).filter(|_| base == slot) else { return Err(unknown("slot", slot)) };
        let newest = newest(base, &slots);
        let name = named(base, newest);
        match slots.state(&name) {
            Some(RootState::Active) => {}
            Some(RootState::Making) | None => return Err(not_there(slot)),
            Some(state) => {
                let what = format!("the root slot `{name}` is {state}: it wraps nothing");
                return Err(Error::new(Reason::InvalidArgument, what).field("slot"));
            }
        }
        let older = (1..newest).map(|number| named(base, number));
        let mut unfinished = older.filter(|older| slots.state(older).is_some_and(RootState::opens));
        if let Some(from) = unfinished.next() {
            return Ok(Renewal { from, to: name });
        }
        self.make_next(&root, &named(base, newest + 1), &slots).await?;
        self.level().await?;
        Ok(Renewal { from: name, to: named(base, newest + 1) })
    }

    async fn make_next(&self, root: &Root, name: &str, slots: &Slots) -> Result<(), Error> {
        if root.is_shared() {
            let why = "a group of tokens keeps its root key: move to a further slot";
            return Err(Error::new(Reason::UnsupportedByBackend, why).field("slot"));
        }
        if !root.is_serving() {
            return Err(not_there(root.slot()));
        }
        if slots.rows.len() + 1 >= SLOTS_MAX as usize {
            let what = format!("the installation has had {SLOTS_MAX} root slots");
            return Err(Error::new(Reason::WrongState, what).field("slot"));
        }
        let next = Arc::new(root.beside(name, None));
        self.announce(&next, slots).await?;
        self.keyring.take_up(next);
        Ok(())
    }
}

/// The slot of a row, if it is a later generation of one whose token is configured and it is not known yet.
pub(super) fn later(slot: &RootSlot, roots: &[Arc<Root>]) -> Option<Arc<Root>> {
    let (base, number) = parts(&slot.name);
    if number == 1 || roots.iter().any(|root| root.slot() == slot.name) {
        return None;
    }
    let base = roots.iter().find(|root| root.slot() == base && root.token.serial == slot.serial)?;
    Some(Arc::new(base.beside(&slot.name, Some(slot.key))))
}

/// Name and generation of a slot, from 1. Names in the configuration have no stroke.
fn parts(slot: &str) -> (&str, u32) {
    let later = slot.split_once('/').and_then(|(base, number)| Some((base, number.parse().ok()?)));
    later.filter(|(_, number)| *number > 1).unwrap_or((slot, 1))
}

fn named(base: &str, generation: u32) -> String {
    if generation == 1 { base.to_owned() } else { format!("{base}/{generation}") }
}

fn newest(base: &str, slots: &Slots) -> u32 {
    let generations = slots.rows.keys().map(|name| parts(name)).filter(|(of, _)| *of == base);
    generations.map(|(_, number)| number).max().unwrap_or(1)
}

fn not_there(slot: &str) -> Error {
    Error::new(
        Reason::BackendUnavailable,
        format!("the token of `{slot}` is not there, or its root key is not made yet"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_have_names_of_their_own() {
        for (slot, expected) in [("vault", ("vault", 1)), ("vault/2", ("vault", 2)), ("token/17", ("token", 17))] {
            assert_eq!(parts(slot), expected);
            assert_eq!(named(expected.0, expected.1), slot);
        }
        for odd in ["vault/1", "vault/0", "vault/x", "vault/"] {
            assert_eq!(parts(odd), (odd, 1));
        }
    }
}
