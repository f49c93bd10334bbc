//! Distributed key generation: Pedersen's, with proofs of knowledge (RFC 9591 appendix C; Komlo and Goldberg, figure
//! 1). The key is the sum of n polynomials, of which each holder knows its own only; it is never whole anywhere.
//!
//! ```text
//! begin ──► Committing ──► Echoing ──► Sharing ──► KeyShare
//!   │ round 1, to all │ echo, to all │ shares, sealed │ outcome, to whoever asked for the key (Agreement)
//! ```
//!
//! [`Participant`] goes through them for a process that takes messages as they come. Each state takes the messages of
//! its round and is consumed by the next; what is late, doubled or another's is an error. Shares are dealt only after
//! all holders have echoed the same round 1. A key generation that fails is thrown away whole, and the next one has
//! another set id. The transport vouches for who sent what (`from`): where a coordinator passes messages on, holders
//! sign them ([`Statement`]), or a culprit may be the coordinator's invention. Frost's proof of knowledge does not bind the set id;
//! the envelope around it does.

mod agreement;
mod committing;
mod echoing;
mod inbox;
mod message;
mod participant;
mod sealing;
mod sharing;
mod statement;

pub use agreement::Agreement;
pub use committing::{Committing, begin};
pub use echoing::Echoing;
pub use participant::{Outgoing, Participant, Round};
pub use sealing::{SealError, Sealer};
pub use sharing::Sharing;
pub use statement::Statement;

use crate::error::Error;
use crate::id::SetId;
use crate::suite::Suite;
use crate::threshold::{Identifier, Threshold};

/// Which message of a key generation the bytes are.
pub(crate) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    message::recognise(bytes).or_else(|| statement::recognise(bytes))
}

/// What a holder is told when a key is to be generated. All holders must be told the same, but for `me`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setup {
    pub(crate) suite: Suite,
    pub(crate) threshold: Threshold,
    pub(crate) set: SetId,
    pub(crate) me: Identifier,
}

impl Setup {
    /// # Errors
    /// [`Error::UnknownHolder`] when `me` is beyond n.
    pub fn new(suite: Suite, threshold: Threshold, set: SetId, me: Identifier) -> Result<Self, Error> {
        if threshold.has(me) {
            Ok(Self { suite, threshold, set, me })
        } else {
            Err(Error::UnknownHolder { number: me.number() })
        }
    }
}
