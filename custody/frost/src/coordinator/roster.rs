//! Who is asked next.

use std::collections::VecDeque;

use crate::error::Error;
use crate::threshold::{Identifier, Threshold};

/// The holders that may still be asked. Whoever failed for good is in no list.
pub(super) struct Roster {
    t: usize,
    /// Asked in this attempt.
    signing: Vec<Identifier>,
    /// Not asked in this attempt yet.
    waiting: VecDeque<Identifier>,
    /// To be asked again in the next attempt, after all others.
    resting: Vec<Identifier>,
}

impl Roster {
    pub(super) fn new(threshold: Threshold, live: &[Identifier]) -> Result<Self, Error> {
        let mut waiting = VecDeque::new();
        for holder in live {
            if !threshold.has(*holder) {
                return Err(Error::UnknownHolder { number: holder.number() });
            }
            if !waiting.contains(holder) {
                waiting.push_back(*holder);
            }
        }
        Ok(Self { t: threshold.t().into(), signing: Vec::new(), waiting, resting: Vec::new() })
    }

    /// Chooses t for an attempt: those that did well in the one before, then those not asked yet, then the rest.
    pub(super) fn choose(&mut self) -> Result<Vec<Identifier>, Error> {
        for holder in self.signing.drain(..).rev() {
            self.waiting.push_front(holder);
        }
        self.waiting.extend(self.resting.drain(..));
        if self.waiting.len() < self.t {
            return Err(Error::TooFewHolders { left: self.waiting.len(), needed: self.t });
        }
        self.signing = self.waiting.drain(..self.t).collect();
        Ok(self.signing.clone())
    }

    /// Takes a holder out of this attempt, or for good.
    pub(super) fn fail(&mut self, holder: Identifier, may_pass: bool) {
        self.signing.retain(|signing| *signing != holder);
        if may_pass {
            self.resting.push(holder);
        }
    }

    /// Another one for the same attempt, if there is one that was not asked.
    pub(super) fn replace(&mut self) -> Option<Identifier> {
        let other = self.waiting.pop_front()?;
        self.signing.push(other);
        Some(other)
    }
}
