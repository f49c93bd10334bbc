//! What happened in a ceremony: a chain of events, each with the hash of the one before it.

use hufu_custodian::Signed;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::canonical::Format;
use crate::text::{Ident, Text};
use crate::{At, Head, Refusal, SHARES_MAX, StruckShare};

/// Most events of a ceremony.
pub const EVENTS_MAX: usize = 800;
/// Most steps that an execution writes down.
pub const STEPS_MAX: usize = 256;
/// Most receipts of an outcome.
const RECEIPTS_MAX: usize = 16;
/// Longest receipt in bytes.
const RECEIPT_LEN_MAX: usize = 16 << 10;
/// Longest note of a step in bytes. All notes, receipts and statements together stay below what a transcript may have.
const NOTE_LEN_MAX: usize = 4 << 10;

/// Longest reason in bytes why a share is struck out.
pub const WHY_LEN_MAX: usize = 400;

const EVENT: Format = Format { what: "an event", domain: "hufu-ceremony-event", len_max: 320 << 10 };

/// One event.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Event {
    /// Hash of the event before it; zeros for the first.
    #[n(0)]
    pub previous: Head,
    /// When.
    #[n(1)]
    pub at: At,
    /// What.
    #[n(2)]
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum What {
    /// The request's bytes, signed by the proposer. The first event, and only the first.
    #[n(1)]
    Proposed(#[n(0)] Signed),
    /// The ledger has the request: its receipt.
    #[n(2)]
    Logged(#[n(0)] ByteVec),
    /// A [`crate::Decision`] to approve.
    #[n(3)]
    Approved(#[n(0)] Signed),
    /// A [`crate::Decision`] to veto.
    #[n(4)]
    Vetoed(#[n(0)] Signed),
    /// A [`crate::Decision`] to cancel.
    #[n(5)]
    Cancelled(#[n(0)] Signed),
    /// The delay is over by both clocks.
    #[n(6)]
    DelayPassed,
    /// A [`crate::ShareStatement`].
    #[n(7)]
    ShareSubmitted(#[n(0)] Signed),
    /// The service set to work.
    #[n(8)]
    Began,
    /// A step is done, and what must be known of it to go on after a crash: never a secret.
    #[n(9)]
    StepDone(#[n(0)] Ident, #[n(1)] ByteVec),
    /// It is done: what came of it, and the ledger's receipts.
    #[n(10)]
    Executed(#[n(0)] Text, #[n(1)] Vec<ByteVec>),
    /// It could not be done.
    #[n(11)]
    Failed(#[n(0)] Text),
    /// Its time is over.
    #[n(12)]
    Expired,
    /// What these custodians brought was opened and is not what was dealt: it counts no more, and others come in its place. Only
    /// while nothing was done with the shares.
    #[n(13)]
    SharesStruck(#[n(0)] Vec<StruckShare>),
}

impl What {
    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proposed(_) => "proposal",
            Self::Logged(_) => "receipt of the ledger",
            Self::Approved(_) => "approval",
            Self::Vetoed(_) => "veto",
            Self::Cancelled(_) => "cancellation",
            Self::DelayPassed => "end of the delay",
            Self::ShareSubmitted(_) => "share",
            Self::Began => "beginning",
            Self::StepDone(..) => "step",
            Self::Executed(..) => "outcome",
            Self::Failed(_) => "failure",
            Self::Expired => "expiry",
            Self::SharesStruck(_) => "shares struck out",
        }
    }

    /// Whether what it carries is within the limits.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if let Self::SharesStruck(struck) = self {
            return check_struck(struck);
        }
        let (carried, max): (&[ByteVec], usize) = match self {
            Self::Logged(receipt) => (std::slice::from_ref(receipt), RECEIPT_LEN_MAX),
            Self::StepDone(_, note) => (std::slice::from_ref(note), NOTE_LEN_MAX),
            Self::Executed(_, receipts) => (receipts, RECEIPT_LEN_MAX),
            _ => (&[], 0),
        };
        if carried.len() > RECEIPTS_MAX {
            return Err(Refusal::TooMany { what: "receipts", max: RECEIPTS_MAX });
        }
        let long = carried.iter().any(|bytes| bytes.len() > max);
        if long { Err(Refusal::TooLarge { what: "what an event carries", max }) } else { Ok(()) }
    }
}

fn check_struck(struck: &[StruckShare]) -> Result<(), Refusal> {
    let max = usize::try_from(SHARES_MAX).unwrap_or(usize::MAX);
    if struck.len() > max {
        return Err(Refusal::TooMany { what: "shares that are struck out", max });
    }
    let long = struck.iter().any(|one| one.why.as_str().len() > WHY_LEN_MAX);
    if long { Err(Refusal::TooLarge { what: "why a share is struck out", max: WHY_LEN_MAX }) } else { Ok(()) }
}

impl Event {
    /// Its canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        EVENT.write(self)
    }

    /// Reads what [`Event::to_bytes`] wrote. No signature is verified.
    ///
    /// # Errors
    /// [`Refusal::Codec`], [`Refusal::Malformed`], [`Refusal::TooLarge`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        EVENT.read(bytes)
    }

    /// Hash of it and of all before it.
    #[must_use]
    pub fn head(&self) -> Head {
        Head(Sha256::digest(self.to_bytes()).into())
    }
}
