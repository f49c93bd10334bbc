//! What custodians sign during a ceremony. Each statement names the ceremony, the request, roster and policy, so that it
//! counts there and nowhere else.

use hufu_custodian::{Name, RosterHash};
use minicbor::{Decode, Encode};

use crate::canonical::Format;
use crate::text::Text;
use crate::time::show;
use crate::words::{Words, add_shares};
use crate::{CeremonyId, Fingerprint, PolicyHash, Refusal, RequestDigest, ShareSet};

const DECISION: Format = Format { what: "a decision", domain: "hufu-ceremony-decision", len_max: 4 << 10 };
const SHARE: Format = Format { what: "the statement of a share", domain: "hufu-ceremony-share", len_max: 4 << 10 };

/// What a statement is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Binding {
    /// The ceremony.
    #[n(0)]
    pub ceremony: CeremonyId,
    /// Its request.
    #[n(1)]
    pub request: RequestDigest,
    /// The roster that the request is bound to.
    #[n(2)]
    pub roster: RosterHash,
    /// The policy that the request is bound to.
    #[n(3)]
    pub policy: PolicyHash,
}

/// What someone decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Word {
    /// It may be done.
    #[n(1)]
    Approve,
    /// It must not be done.
    #[n(2)]
    Veto,
    /// It is taken back.
    #[n(3)]
    Cancel,
}

impl Word {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Veto => "veto",
            Self::Cancel => "cancel",
        }
    }
}

/// An approval, a veto or a cancellation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Decision {
    /// What it counts for.
    #[n(0)]
    pub binding: Binding,
    /// Who decides: whoever signs.
    #[n(1)]
    pub who: Name,
    /// What.
    #[n(2)]
    pub word: Word,
    /// When, by the clock of whoever decides: milliseconds since 1970. No service can make it earlier than it was.
    #[n(3)]
    pub decided_at_ms: u64,
    /// From then on it counts no more: milliseconds since 1970.
    #[n(4)]
    pub expires_at_ms: u64,
    /// Why, if someone says so.
    #[n(5)]
    pub reason: Option<Text>,
}

impl Decision {
    /// The bytes to sign.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        DECISION.write(self)
    }

    /// Reads what [`Decision::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Refusal::Codec`], [`Refusal::Malformed`], [`Refusal::TooLarge`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        DECISION.read(bytes)
    }

    /// The decision in words, to be shown below those of the request.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { binding, who, word, decided_at_ms, expires_at_ms, reason } = self;
        let mut words = Words::default();
        words.say("DECISION");
        words.binding(binding);
        words.add("decided by", who);
        words.add("word", word.as_str());
        words.add("decided at", show(*decided_at_ms));
        words.add("expires at", show(*expires_at_ms));
        words.add_if_any("reason", reason.as_ref());
        words.end()
    }
}

/// A share that a custodian brings: its tool has sealed it to the request's target.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ShareStatement {
    /// What it counts for.
    #[n(0)]
    pub binding: Binding,
    /// Who brings it: whoever signs.
    #[n(1)]
    pub who: Name,
    /// The set and epoch that the share is of.
    #[n(2)]
    pub shares: ShareSet,
    /// Its index, 1 to 64.
    #[n(3)]
    pub index: u32,
    /// SHA-256 of the share as it was sealed; the bytes go beside the ceremony.
    #[n(4)]
    pub digest: Fingerprint,
    /// Fingerprint of the key that it was sealed to; nothing where the request has no target.
    #[n(5)]
    pub sealed_to: Option<Fingerprint>,
}

impl ShareStatement {
    /// The bytes to sign.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        SHARE.write(self)
    }

    /// Reads what [`ShareStatement::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Refusal::Codec`], [`Refusal::Malformed`], [`Refusal::TooLarge`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        SHARE.read(bytes)
    }

    /// The statement in words, to be shown below those of the request.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { binding, who, shares, index, digest, sealed_to } = self;
        let mut words = Words::default();
        words.say("SHARE");
        words.binding(binding);
        words.add("brought by", who);
        add_shares(&mut words, shares);
        words.add("index", index);
        words.add("digest of the share as it was sealed", digest);
        words.add_if_any("sealed to", *sealed_to);
        words.end()
    }
}

impl Words {
    fn binding(&mut self, binding: &Binding) {
        let Binding { ceremony, request, roster, policy } = binding;
        self.add("ceremony", ceremony);
        self.add("request", request);
        self.add("roster", roster);
        self.add("policy", policy);
    }
}
