//! The coordinator of one signature: asks holders, replaces those that fail, and releases a signature that verifies.
//!
//! Pure: answers and time go in, requests come out. It is trusted with nothing but its own diligence: it holds no
//! secret, and no holder does for it what the requester has not signed.
//!
//! A holder that fails in round 1 is replaced within the attempt: no signing package is out yet. One that fails in
//! round 2 ends the attempt, since the package names it: the next attempt has another session, derived from the same
//! mandate, and all of its nonces are new.

mod fault;
mod roster;

pub use fault::{Fault, FaultKind};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::error::{Error, Misconduct};
use crate::group::Group;
use crate::holder::{Refusal, Refused, SigningRequest};
use crate::id::{MessageDigest, SessionId};
use crate::mandate::SignedMandate;
use crate::signing::{Commitment, Purpose, SignatureShare, SigningPackage, aggregate};
use crate::threshold::Identifier;
use roster::Roster;

/// One request of the coordinator, by which its answer is known: an answer that comes late cannot be taken for
/// another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(u32);

/// A request to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// To be given back with the answer.
    pub ticket: Ticket,
    /// Whom to ask.
    pub holder: Identifier,
    /// A [`SigningRequest`] for round 1, a [`SigningPackage`] for round 2.
    pub request: Request,
}

/// What a holder is asked, encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// Goes to [`crate::Holder::commit`].
    Commit(Vec<u8>),
    /// Goes to [`crate::Holder::sign`].
    Sign(Vec<u8>),
}

/// What follows from an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Progress {
    /// Send these; none means: wait for the answers that are still out.
    Ask(Vec<Ask>),
    /// The signature. It has been verified.
    Signed(Vec<u8>),
    /// There will be no signature: [`Error::TooFewHolders`], [`Error::NoAttemptLeft`] or [`Error::MandateExpired`].
    Failed(Error),
}

/// The coordinator of one signature.
pub struct Coordinator {
    group: Group,
    mandate: SignedMandate,
    message: Vec<u8>,
    roster: Roster,
    attempt: u8,
    phase: Phase,
    awaited: BTreeMap<Ticket, Identifier>,
    next_ticket: u32,
    /// Every nonce commitment that a holder has sent: it may send none twice. That two holders send the same one
    /// names neither, since the coordinator cannot tell who copied; who did has no share to go with it.
    points_seen: BTreeSet<(Identifier, Vec<u8>)>,
    faults: Vec<Fault>,
}

enum Phase {
    Committing(Vec<Commitment>),
    Signing { package: SigningPackage, shares: Vec<SignatureShare> },
    Over,
}

impl Coordinator {
    /// Begins with the first t of `live`, which are in the order of preference.
    ///
    /// # Errors
    /// [`Error::OtherPurpose`] when the mandate is for another key or message, [`Error::UnknownHolder`],
    /// [`Error::TooFewHolders`], [`Error::MandateExpired`].
    pub fn begin(
        group: Group,
        mandate: SignedMandate,
        message: Vec<u8>,
        live: &[Identifier],
        now_ms: u64,
    ) -> Result<(Self, Vec<Ask>), Error> {
        let meant = (mandate.mandate().public_key, mandate.mandate().message);
        if meant != (group.public_key_digest(), MessageDigest::of(&message)) {
            return Err(Error::OtherPurpose);
        }
        if mandate.mandate().expires_at_ms <= now_ms {
            return Err(Error::MandateExpired);
        }
        let roster = Roster::new(group.threshold(), live)?;
        let mut coordinator = Self {
            group,
            mandate,
            message,
            roster,
            attempt: 0,
            phase: Phase::Committing(Vec::new()),
            awaited: BTreeMap::new(),
            next_ticket: 0,
            points_seen: BTreeSet::new(),
            faults: Vec::new(),
        };
        let asks = coordinator.first_asks()?;
        Ok((coordinator, asks))
    }

    /// Takes an answer: what a holder's [`crate::Decision`] released. One to a request that is no longer waited for
    /// changes nothing.
    pub fn answered(&mut self, ticket: Ticket, answer: &[u8], now_ms: u64) -> Progress {
        let Some(holder) = self.awaited.remove(&ticket) else { return Progress::Ask(Vec::new()) };
        self.unless_expired(now_ms, |this| match this.take(holder, answer) {
            Ok(()) => this.advance(),
            Err(kind) => this.failed(holder, kind),
        })
    }

    /// Hears that a request was not answered: the holder is down, or the caller's patience is at an end.
    pub fn unanswered(&mut self, ticket: Ticket, now_ms: u64) -> Progress {
        let Some(holder) = self.awaited.remove(&ticket) else { return Progress::Ask(Vec::new()) };
        self.unless_expired(now_ms, |this| this.failed(holder, FaultKind::Unreachable))
    }

    /// What is waited for.
    pub fn awaited(&self) -> impl Iterator<Item = (Ticket, Identifier)> {
        self.awaited.iter().map(|(ticket, holder)| (*ticket, *holder))
    }

    /// Who failed so far, and how.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The attempt that is under way, from 0.
    #[must_use]
    pub fn attempt(&self) -> u8 {
        self.attempt
    }

    fn unless_expired(&mut self, now_ms: u64, step: impl FnOnce(&mut Self) -> Result<Progress, Error>) -> Progress {
        let expires_at_ms = self.mandate.mandate().expires_at_ms;
        let progress = if expires_at_ms <= now_ms { Err(Error::MandateExpired) } else { step(self) };
        progress.unwrap_or_else(|error| {
            self.end();
            Progress::Failed(error)
        })
    }

    fn end(&mut self) {
        self.phase = Phase::Over;
        self.awaited.clear();
    }

    /// Takes one answer into the phase, or tells what is wrong with it.
    fn take(&mut self, holder: Identifier, answer: &[u8]) -> Result<(), FaultKind> {
        if let Ok(refused) = Refused::from_bytes(answer) {
            return Err(FaultKind::Refused(refused.reason));
        }
        match &mut self.phase {
            Phase::Committing(commitments) => {
                let session = self.mandate.session(self.attempt).unwrap_or(SessionId([0; 32]));
                let purpose =
                    Purpose { group: self.group.digest(), session, message: self.mandate.mandate().message };
                let commitment = Commitment::receive(&self.group, &purpose, holder, answer)?;
                let (hiding, binding) = commitment.points();
                let is_new = hiding != binding
                    && self.points_seen.insert((holder, hiding.to_vec()))
                    && self.points_seen.insert((holder, binding.to_vec()));
                if !is_new {
                    return Err(FaultKind::Misbehaved(Misconduct::ReplayedCommitment));
                }
                commitments.push(commitment);
            }
            Phase::Signing { package, shares } => shares.push(SignatureShare::receive(package, holder, answer)?),
            Phase::Over => {}
        }
        Ok(())
    }

    /// Goes to round 2, or to the signature, once everybody has answered.
    fn advance(&mut self) -> Result<Progress, Error> {
        if !self.awaited.is_empty() {
            return Ok(Progress::Ask(Vec::new()));
        }
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Committing(commitments) => {
                let session = self.session()?;
                let package = SigningPackage::new(&self.group, session, &self.message, &commitments)?;
                let signers: Vec<_> = package.signers().collect();
                let request = Request::Sign(package.to_bytes());
                self.phase = Phase::Signing { package, shares: Vec::new() };
                Ok(Progress::Ask(signers.into_iter().map(|holder| self.ask(holder, request.clone())).collect()))
            }
            Phase::Signing { package, shares } => match aggregate(&self.group, &package, &shares) {
                Ok(signature) => {
                    self.end();
                    Ok(Progress::Signed(signature))
                }
                Err(Error::Misbehaved { culprits, how }) => {
                    for culprit in culprits {
                        self.note(culprit, FaultKind::Misbehaved(how));
                    }
                    self.again()
                }
                Err(error) => Err(error),
            },
            Phase::Over => Ok(Progress::Ask(Vec::new())),
        }
    }

    /// Goes on without a holder that failed, or tries it again later where that may help.
    fn failed(&mut self, holder: Identifier, kind: FaultKind) -> Result<Progress, Error> {
        self.note(holder, kind);
        // Somebody has used up this attempt before: the coordinator itself, before it was started anew.
        let attempt_is_spent = kind == FaultKind::Refused(Refusal::SessionUsed);
        if matches!(self.phase, Phase::Signing { .. }) || attempt_is_spent {
            return self.again();
        }
        match self.roster.replace() {
            Some(other) => {
                let request = self.commit_request();
                Ok(Progress::Ask(vec![self.ask(other, request)]))
            }
            None => self.again(),
        }
    }

    fn note(&mut self, holder: Identifier, kind: FaultKind) {
        self.faults.push(Fault { holder, attempt: self.attempt, kind });
        self.roster.fail(holder, kind.may_pass());
    }

    /// Begins the next attempt.
    fn again(&mut self) -> Result<Progress, Error> {
        self.awaited.clear();
        self.attempt = self.attempt.saturating_add(1);
        self.phase = Phase::Committing(Vec::new());
        Ok(Progress::Ask(self.first_asks()?))
    }

    fn first_asks(&mut self) -> Result<Vec<Ask>, Error> {
        self.session()?;
        let chosen = self.roster.choose()?;
        let request = self.commit_request();
        Ok(chosen.into_iter().map(|holder| self.ask(holder, request.clone())).collect())
    }

    fn session(&self) -> Result<SessionId, Error> {
        self.mandate.session(self.attempt).ok_or(Error::NoAttemptLeft)
    }

    fn commit_request(&self) -> Request {
        Request::Commit(SigningRequest::new(self.mandate.clone(), self.attempt).to_bytes())
    }

    fn ask(&mut self, holder: Identifier, request: Request) -> Ask {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.saturating_add(1);
        self.awaited.insert(ticket, holder);
        Ask { ticket, holder, request }
    }
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.mandate.mandate().message;
        f.debug_struct("Coordinator")
            .field("group", &self.group)
            .field("message", &message)
            .field("attempt", &self.attempt)
            .field("awaited", &self.awaited)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
