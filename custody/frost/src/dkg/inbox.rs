//! One message from each of the others.

use std::collections::BTreeMap;

use super::Setup;
use crate::error::{Error, Misconduct};
use crate::threshold::Identifier;

pub(super) struct Inbox<T> {
    received: BTreeMap<Identifier, T>,
}

impl<T: PartialEq> Inbox<T> {
    pub(super) fn new() -> Self {
        Self { received: BTreeMap::new() }
    }

    /// Takes a message. The same one again is nothing new; another one in its place is a contradiction.
    pub(super) fn take(&mut self, from: Identifier, message: T) -> Result<(), Error> {
        match self.received.get(&from) {
            Some(first) if *first != message => Err(Error::by(from, Misconduct::Contradiction)),
            Some(_) => Ok(()),
            None => {
                self.received.insert(from, message);
                Ok(())
            }
        }
    }

    pub(super) fn missing(&self, setup: &Setup) -> Vec<Identifier> {
        others(setup).filter(|holder| !self.received.contains_key(holder)).collect()
    }

    /// Everybody's message, once all are there.
    pub(super) fn complete(self, setup: &Setup) -> Result<BTreeMap<Identifier, T>, Error> {
        let missing = self.missing(setup);
        if missing.is_empty() { Ok(self.received) } else { Err(Error::Incomplete { missing }) }
    }
}

pub(super) fn others(setup: &Setup) -> impl Iterator<Item = Identifier> + use<> {
    let me = setup.me;
    setup.threshold.holders().filter(move |holder| *holder != me)
}

/// A sender that may have sent something: one of the others.
pub(super) fn check_sender(setup: &Setup, from: Identifier) -> Result<(), Error> {
    if from != setup.me && setup.threshold.has(from) {
        Ok(())
    } else {
        Err(Error::UnknownHolder { number: from.number() })
    }
}
