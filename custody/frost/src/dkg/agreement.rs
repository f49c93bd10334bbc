//! The end: a key is one key only if all holders came to the same.

use std::collections::BTreeMap;

use super::message::{Outcome, read};
use crate::error::{Error, Misconduct};
use crate::group::Group;
use crate::id::SetId;
use crate::suite::Suite;
use crate::threshold::{Identifier, Threshold};

/// Collects the outcomes, at whoever asked for the key. One holder's word for the group's key is one holder's word.
#[derive(Debug)]
pub struct Agreement {
    suite: Suite,
    threshold: Threshold,
    set: SetId,
    outcomes: BTreeMap<Identifier, Group>,
}

impl Agreement {
    /// Waits for the outcomes of a key generation.
    #[must_use]
    pub fn new(suite: Suite, threshold: Threshold, set: SetId) -> Self {
        Self { suite, threshold, set, outcomes: BTreeMap::new() }
    }

    /// Takes a holder's outcome.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] for what is no outcome of this key generation, or a second, different one.
    pub fn receive(&mut self, from: Identifier, bytes: &[u8]) -> Result<(), Error> {
        if !self.threshold.has(from) {
            return Err(Error::UnknownHolder { number: from.number() });
        }
        let outcome: Outcome = read(self.set, from, bytes)?;
        let group = Group::from_bytes(&outcome.group).map_err(|_| Error::by(from, Misconduct::Malformed))?;
        if (group.suite(), group.threshold(), group.set()) != (self.suite, self.threshold, self.set) {
            return Err(Error::by(from, Misconduct::OtherSet));
        }
        match self.outcomes.get(&from) {
            Some(first) if *first != group => Err(Error::by(from, Misconduct::Contradiction)),
            _ => {
                self.outcomes.insert(from, group);
                Ok(())
            }
        }
    }

    /// The group, once all n holders have said the same.
    ///
    /// # Errors
    /// [`Error::Incomplete`], or [`Error::Disagreement`], which names nobody.
    pub fn finish(self) -> Result<Group, Error> {
        let missing: Vec<_> = self.threshold.holders().filter(|holder| !self.outcomes.contains_key(holder)).collect();
        if !missing.is_empty() {
            return Err(Error::Incomplete { missing });
        }
        let mut groups = self.outcomes.into_values();
        let group = groups.next().ok_or(Error::Disagreement)?;
        if groups.all(|other| other == group) { Ok(group) } else { Err(Error::Disagreement) }
    }
}
