//! What can go wrong, and who did it.

use std::fmt;

use hufu_codec::CodecError;

use crate::ambient::RandomError;
use crate::dkg::SealError;
use crate::threshold::Identifier;

/// Why a step of a key generation or of a signature was not done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// A threshold of one was asked for: one holder would be the key. RFC 9591 §5 begins at two.
    #[error("FROST has no threshold of one: at least two holders sign together")]
    ThresholdOfOne,
    /// The numbers are not 2 ≤ t ≤ n ≤ 64.
    #[error("{t} of {n} is no threshold: it takes 2 ≤ t ≤ n ≤ 64")]
    NoThreshold {
        /// How many were to sign together.
        t: u8,
        /// How many were to hold a share.
        n: u8,
    },
    /// No holder has this identifier.
    #[error("no holder is number {number}")]
    UnknownHolder {
        /// The number that was given.
        number: u8,
    },
    /// The bytes are no message of this kind.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The bytes are no message of this kind, although they are well-formed CBOR.
    #[error("malformed `{what}`")]
    Malformed {
        /// The domain of the message.
        what: &'static str,
    },
    /// The message is longer than any honest one.
    #[error("`{what}` is longer than {limit} bytes")]
    TooLong {
        /// The domain of the message.
        what: &'static str,
        /// The longest that is read, in bytes.
        limit: usize,
    },
    /// These holders did what no honest holder does; the rest go on without them.
    #[error("{} misbehaved: {how}", Listed(.culprits))]
    Misbehaved {
        /// Who, in ascending order; never empty.
        culprits: Vec<Identifier>,
        /// What they did.
        how: Misconduct,
    },
    /// Not everybody saw the same packages of round 1. Whether a holder equivocated, echoed falsely, or was lied
    /// to on the way cannot be told, so nobody is named.
    #[error("the holders disagree about round 1 or about its outcome")]
    Disagreement,
    /// The key generation ended with an earlier error.
    #[error("the key generation is over")]
    Over,
    /// Not everybody has answered yet.
    #[error("nothing has come yet from {}", Listed(.missing))]
    Incomplete {
        /// Whose message is missing.
        missing: Vec<Identifier>,
    },
    /// A nonce committed for one key, session or message was to be used for another.
    #[error("the nonce was committed for another key, session or message")]
    OtherPurpose,
    /// The signing package is not one this holder may answer: it leaves the holder out, changes its commitment, or
    /// has too few signers.
    #[error("the signing package does not fit the commitment")]
    WrongPackage,
    /// The secret share is not the one that the group's public data tells of.
    #[error("the secret share does not belong to this holder of the group")]
    WrongSecret,
    /// Fewer than t holders are left that may be asked.
    #[error("{left} holders are left to sign, and it takes {needed}")]
    TooFewHolders {
        /// How many are left.
        left: usize,
        /// How many it takes.
        needed: usize,
    },
    /// All attempts that the mandate allows have failed.
    #[error("every attempt that the mandate allows has failed")]
    NoAttemptLeft,
    /// The mandate has ended.
    #[error("the mandate has expired")]
    MandateExpired,
    /// The signature that came out does not verify, although every share does: a bug.
    #[error("the signature does not verify")]
    BadSignature,
    /// The random source failed; what was being made was thrown away.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A share could not be sealed for its holder, or not be opened for a reason of this holder's own.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The library refused what this crate had checked: a bug.
    #[error("internal: {what}")]
    Internal {
        /// The step that failed.
        what: &'static str,
    },
}

/// What a misbehaving holder did.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Misconduct {
    /// Sent what is no such message, or one that bears another's number.
    Malformed,
    /// Sent two different messages where there is one.
    Contradiction,
    /// Sent the message of another key generation, suite or threshold.
    OtherSet,
    /// Committed to a polynomial whose constant it cannot prove to know (RFC 9591 appendix C, rogue keys).
    WrongProof,
    /// Dealt a share that is not on the polynomial it committed to, or that cannot be opened.
    WrongShare,
    /// Sent a commitment or share of another key, session or message.
    OtherSession,
    /// Sent nonce commitments that it had sent before.
    ReplayedCommitment,
    /// Sent nonce commitments that are no points of the group.
    WrongCommitment,
    /// Sent a signature share that does not fit its commitment and verifying share.
    WrongSignatureShare,
}

impl fmt::Display for Misconduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed message",
            Self::Contradiction => "two different messages where there is one",
            Self::OtherSet => "message of another key generation",
            Self::WrongProof => "no proof of knowledge",
            Self::WrongShare => "share that is not on the polynomial",
            Self::OtherSession => "message of another session",
            Self::ReplayedCommitment => "replayed nonce commitment",
            Self::WrongCommitment => "nonce commitment that is no point of the group",
            Self::WrongSignatureShare => "wrong signature share",
        })
    }
}

impl Error {
    /// One holder's misconduct.
    pub(crate) fn by(culprit: Identifier, how: Misconduct) -> Self {
        Self::Misbehaved { culprits: vec![culprit], how }
    }

    pub(crate) fn internal(what: &'static str) -> Self {
        Self::Internal { what }
    }
}

struct Listed<'a>(&'a [Identifier]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.0.len() == 1 { "holder" } else { "holders" };
        let numbers: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "{noun} {}", numbers.join(", "))
    }
}
