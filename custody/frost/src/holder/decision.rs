//! What a holder decided, and what its audit keeps of that.

use std::fmt;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::message::Refused;
use super::sessions::Open;
use crate::id::{MessageDigest, SessionId};
use crate::key_share::KeyShare;
use crate::mandate::{KeyVersion, Mandate};
use crate::signing::{Nonces, SigningPackage};

/// Why a holder takes no part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Refusal {
    /// The request is no message of this kind.
    #[n(1)]
    Malformed,
    /// The policy knows no requester of this name.
    #[n(2)]
    UnknownRequester,
    /// The mandate is not signed with the requester's pinned key.
    #[n(3)]
    BadSignature,
    /// The mandate is for another installation.
    #[n(4)]
    OtherDeployment,
    /// The mandate has ended.
    #[n(5)]
    Expired,
    /// The mandate is good for longer than the policy takes.
    #[n(6)]
    LifetimeTooLong,
    /// The requester may not use this key.
    #[n(7)]
    NotAllowed,
    /// This holder has no share of this key version.
    #[n(8)]
    UnknownKey,
    /// The mandate allows fewer attempts.
    #[n(9)]
    AttemptOutOfRange,
    /// The session was begun before.
    #[n(10)]
    SessionUsed,
    /// No such session is open: it was never begun, is over, waited too long, or this holder has started anew.
    #[n(11)]
    SessionUnknown,
    /// Too many sessions are open or remembered.
    #[n(12)]
    Busy,
    /// The package is for another key, session or message than the nonces.
    #[n(13)]
    OtherPurpose,
    /// The package does not hold this holder's commitment, or not t of the group's holders.
    #[n(14)]
    WrongPackage,
    /// That the session is used could not be recorded: said by processes that answer so.
    #[n(15)]
    JournalFailed,
    /// The random source failed.
    #[n(16)]
    RandomFailed,
    /// This holder's share of the key version is of another public key than the mandate names.
    #[n(17)]
    OtherPublicKey,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed request",
            Self::UnknownRequester => "unknown requester",
            Self::BadSignature => "mandate not signed by its requester",
            Self::OtherDeployment => "mandate of another deployment",
            Self::Expired => "mandate expired",
            Self::LifetimeTooLong => "mandate good for too long",
            Self::NotAllowed => "requester may not use this key",
            Self::UnknownKey => "no share of this key",
            Self::AttemptOutOfRange => "attempt beyond the mandate",
            Self::SessionUsed => "session used",
            Self::SessionUnknown => "session unknown",
            Self::Busy => "too many sessions",
            Self::OtherPurpose => "package for another purpose",
            Self::WrongPackage => "package does not fit the commitment",
            Self::JournalFailed => "session could not be recorded",
            Self::RandomFailed => "random source failed",
            Self::OtherPublicKey => "share of another public key",
        })
    }
}

/// In which round something was decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// Round 1.
    Commit,
    /// Round 2.
    Sign,
}

/// How it was decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The holder took part.
    Allowed,
    /// It did not.
    Refused(Refusal),
}

/// What the audit keeps of one decision. What is `None` was not in the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRecord {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The round.
    pub stage: Stage,
    /// Who asked: a mere claim unless `requester_verified`.
    pub requester: Option<String>,
    /// Whether the requester's signature was verified.
    pub requester_verified: bool,
    /// The key.
    pub key: Option<KeyVersion>,
    /// The session.
    pub session: Option<SessionId>,
    /// SHA-256 of the message.
    pub message: Option<MessageDigest>,
    /// What was decided.
    pub outcome: Outcome,
    /// When the session may be forgotten, in milliseconds since the Unix epoch, if this decision uses it up. That it
    /// is used must be durable together with the record: a session that is used twice is two shares under one leave.
    pub used_until_ms: Option<u64>,
}

impl AuditRecord {
    pub(super) fn new(stage: Stage, at_ms: u64) -> Self {
        let outcome = Outcome::Refused(Refusal::Malformed);
        Self {
            at_ms,
            stage,
            requester: None,
            requester_verified: false,
            key: None,
            session: None,
            message: None,
            outcome,
            used_until_ms: None,
        }
    }

    /// What a mandate says before anything of it is verified.
    pub(super) fn claims(&mut self, mandate: &Mandate) {
        self.requester = Some(mandate.requester.clone());
        self.key = Some(mandate.key.clone());
        self.message = Some(mandate.message);
    }

    /// What was verified when the session began.
    pub(super) fn belongs(&mut self, open: &Open) {
        self.requester = Some(open.requester.clone());
        self.requester_verified = true;
        self.key = Some(open.share.key.clone());
    }
}

/// An answer that is not to be sent, and a share that is not made, before its record is durable.
#[derive(Debug)]
#[must_use = "a decision that is not released is neither audited nor answered"]
pub struct Decision {
    record: AuditRecord,
    answer: Answer,
}

/// What a decision answers with, once its record is durable.
#[derive(Debug)]
pub(super) enum Answer {
    Bytes(Vec<u8>),
    /// A signature share, still to be made.
    Share(Box<Ready>),
}

/// All that a signature share is made of. The package was seen to fit.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) share: Arc<KeyShare>,
    pub(super) nonces: Nonces,
    pub(super) package: SigningPackage,
}

impl Answer {
    fn make(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Share(ready) => {
                let Ready { share, nonces, package } = *ready;
                let session = Some(package.session());
                let signed = share.sign(nonces, &package).map(|share| share.to_bytes());
                signed.unwrap_or_else(|_| Refused { session, reason: Refusal::WrongPackage }.to_bytes())
            }
        }
    }
}

impl Decision {
    pub(super) fn new(mut record: AuditRecord, outcome: Result<Answer, Refusal>) -> Self {
        let session = record.session;
        let answer = match outcome {
            Ok(answer) => {
                record.outcome = Outcome::Allowed;
                answer
            }
            Err(reason) => {
                record.outcome = Outcome::Refused(reason);
                Answer::Bytes(Refused { session, reason }.to_bytes())
            }
        };
        Self { record, answer }
    }

    /// What the audit is to keep.
    #[must_use]
    pub fn record(&self) -> &AuditRecord {
        &self.record
    }

    /// Writes the record, with the session that it uses up, and only then makes the answer and gives it out: a
    /// commitment, a signature share, or a [`Refused`].
    ///
    /// # Errors
    /// Whatever `write` returns; the answer is destroyed then, and nonces with it.
    pub fn release<E>(self, write: impl FnOnce(&AuditRecord) -> Result<(), E>) -> Result<Vec<u8>, E> {
        write(&self.record)?;
        Ok(self.answer.make())
    }

    /// As [`Decision::release`], for a record that takes time to become durable. Dropped before that, it is as if the
    /// writing had failed.
    ///
    /// # Errors
    /// Whatever `write` comes to; the answer is destroyed then, and nonces with it.
    pub async fn release_when<E, F>(self, write: impl FnOnce(AuditRecord) -> F) -> Result<Vec<u8>, E>
    where
        F: Future<Output = Result<(), E>>,
    {
        let Self { record, answer } = self;
        write(record).await?;
        Ok(answer.make())
    }
}
