//! One signature: the coordinator's questions go to holders side by side, until it has one that verifies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hufu_core::BoxFuture;
use hufu_core::backend::{BackendError, HolderFault, KeyHandle, Outcome, SignInput, Under};
use hufu_core::record::Locator;
use hufu_frost::{
    Ask, Coordinator, Error, Fault, FaultKind, Group, Identifier, Progress, Request, SignedMandate, Threshold, Ticket,
};

use crate::backend::ThresholdBackend;
use crate::link::LinkError;
use crate::words::{self, fault, misconduct};

/// An answer, or why there is none.
type Answered = (Ticket, Identifier, Result<Vec<u8>, LinkError>);

impl ThresholdBackend {
    /// Has holders sign a message.
    pub(crate) async fn sign(
        &self,
        key: &KeyHandle,
        input: SignInput<'_>,
        under: Under<'_>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        let SignInput::Message(message) = input else {
            return Err(BackendError::InvalidInput("holders sign messages, not digests".to_owned()));
        };
        let group = self.group_of(key)?;
        let mandate = SignedMandate::from_bytes(under.mandate).map_err(invalid)?;
        let _permit = self.signatures.try_acquire().map_err(|_| BackendError::Overloaded)?;
        let holders = Holders::of(group.threshold(), under.holders)?;
        let live = self.in_order(&holders);
        let threshold = group.threshold();
        let now = self.clock.now_ms();
        let (coordinator, asks) = Coordinator::begin(group, mandate, message.to_vec(), &live, now)
            .map_err(|error| not_begun(error, &holders, &live))?;
        let session = Session { backend: self, holders, threshold, coordinator, missed: BTreeMap::new(), deadline };
        session.run(asks).await
    }

    /// The public side of a key's shares.
    fn group_of(&self, key: &KeyHandle) -> Result<Group, BackendError> {
        let Locator::Holders { group } = &key.locator else {
            return Err(BackendError::Missing("the version has no holders".to_owned()));
        };
        let group = self.groups.read(group)?;
        if key.public_key.as_deref() != Some(group.spki()) {
            return Err(BackendError::Missing("the shares are of another public key".to_owned()));
        }
        Ok(group)
    }

    /// The holders that may be asked, those first that answer and have the least to do.
    fn in_order(&self, holders: &Holders<'_>) -> Vec<Identifier> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut live = Vec::with_capacity(holders.0.len());
        for (nth, (number, name)) in holders.0.iter().enumerate() {
            let usable = |seat: &&crate::seat::Seat| self.config.simulations_allowed || !seat.is_simulated();
            if let Some(seat) = self.seat(name).filter(usable) {
                let place = (nth + turn) % holders.0.len();
                live.push((!seat.is_serving(), seat.in_flight(), place, *number));
            }
        }
        live.sort_unstable();
        live.into_iter().map(|(.., number)| number).collect()
    }
}

/// The names of a key's holders, by their numbers.
struct Holders<'a>(BTreeMap<Identifier, &'a str>);

impl<'a> Holders<'a> {
    fn of(threshold: Threshold, names: &'a [String]) -> Result<Self, BackendError> {
        if names.len() != usize::from(threshold.n()) {
            return Err(BackendError::Missing("the key has another number of holders".to_owned()));
        }
        Ok(Self(threshold.holders().zip(names.iter().map(String::as_str)).collect()))
    }

    fn name(&self, number: Identifier) -> &'a str {
        self.0.get(&number).copied().unwrap_or_default()
    }
}

/// One signature under way.
struct Session<'a> {
    backend: &'a ThresholdBackend,
    holders: Holders<'a>,
    threshold: Threshold,
    coordinator: Coordinator,
    /// In the order of the faults of the coordinator: why a holder did not answer.
    missed: BTreeMap<(Identifier, u8), LinkError>,
    deadline: Instant,
}

impl<'a> Session<'a> {
    async fn run(mut self, asks: Vec<Ask>) -> Result<Outcome, BackendError> {
        let mut calls: FuturesUnordered<_> = asks.into_iter().map(|ask| self.call(ask)).collect();
        loop {
            let answer = match tokio::time::timeout_at(self.deadline.into(), calls.next()).await {
                Ok(Some(answer)) => answer,
                Ok(None) => return Err(BackendError::Failed("the coordinator waits for nobody".to_owned())),
                Err(_) => return Err(self.out_of_time()),
            };
            match self.take(answer) {
                Progress::Ask(asks) => calls.extend(asks.into_iter().map(|ask| self.call(ask))),
                Progress::Signed(signature) => {
                    return Ok(Outcome::SignedByHolders { signature, faults: self.faults() });
                }
                Progress::Failed(error) => return Err(self.failed(&error)),
            }
        }
    }

    fn take(&mut self, (ticket, holder, answer): Answered) -> Progress {
        let now = self.backend.clock.now_ms();
        match answer {
            Ok(bytes) => self.coordinator.answered(ticket, &bytes, now),
            Err(error) => {
                self.missed.insert((holder, self.coordinator.attempt()), error);
                self.coordinator.unanswered(ticket, now)
            }
        }
    }

    fn call(&self, ask: Ask) -> BoxFuture<'a, Answered> {
        let Ask { ticket, holder, request } = ask;
        let (backend, name, deadline) = (self.backend, self.holders.name(holder), self.deadline);
        Box::pin(async move {
            let Some(seat) = backend.seat(name) else {
                return (ticket, holder, Err(LinkError::Unreachable("the service has no link to it".to_owned())));
            };
            let link = Arc::clone(&seat.link);
            let send = |until| async move {
                match request {
                    Request::Commit(bytes) => link.commit_to_sign(bytes, until).await,
                    Request::Sign(bytes) => link.sign_share(bytes, until).await,
                }
            };
            (ticket, holder, seat.call(backend.config.step_timeout, deadline, send).await)
        })
    }

    /// Who failed so far, each once and with its last failure.
    fn faults(&self) -> Vec<HolderFault> {
        let mut last: BTreeMap<Identifier, &Fault> = BTreeMap::new();
        for fault in self.coordinator.faults() {
            let graver = last.get(&fault.holder).is_none_or(|known| !matches!(known.kind, FaultKind::Misbehaved(_)));
            if graver {
                last.insert(fault.holder, fault);
            }
        }
        last.into_values().map(|fault| self.tell(fault)).collect()
    }

    fn tell(&self, failed: &Fault) -> HolderFault {
        let name = self.holders.name(failed.holder);
        match (failed.kind, self.missed.get(&(failed.holder, failed.attempt))) {
            (FaultKind::Misbehaved(how), _) => {
                tracing::error!(holder = name, %how, "a holder misbehaved");
                misconduct(name, how)
            }
            (FaultKind::Unreachable, Some(why)) => fault(name, why),
            (kind, _) => fault(name, kind),
        }
    }

    fn failed(&self, error: &Error) -> BackendError {
        let mut faults = self.faults();
        let refusing = self.refusing();
        match error {
            Error::TooFewHolders { left, needed } => {
                faults.extend(self.without_link());
                let spare = usize::from(self.threshold.n() - self.threshold.t());
                let what = format!("{left} holders are left to sign, and it takes {needed}");
                words::error(refusing > spare, what, faults)
            }
            Error::MandateExpired | Error::NoAttemptLeft => words::error(true, error.to_string(), faults),
            error => BackendError::Failed(error.to_string()),
        }
    }

    /// How many holders refuse for good.
    fn refusing(&self) -> usize {
        let refused = |fault: &&Fault| matches!(fault.kind, FaultKind::Refused(_));
        let mut who: Vec<_> = self.coordinator.faults().iter().filter(refused).map(|fault| fault.holder).collect();
        who.sort_unstable();
        who.dedup();
        who.len()
    }

    fn without_link(&self) -> Vec<HolderFault> {
        without_link(self.backend, &self.holders)
    }

    fn out_of_time(&self) -> BackendError {
        let mut faults = self.faults();
        faults
            .extend(self.coordinator.awaited().map(|(_, holder)| fault(self.holders.name(holder), "no answer yet")));
        words::error(false, "the deadline passed before enough holders had answered", faults)
    }
}

/// Holders of a key that the service cannot ask.
fn without_link(backend: &ThresholdBackend, holders: &Holders<'_>) -> Vec<HolderFault> {
    let names = holders.0.values().filter(|name| backend.seat(name).is_none());
    names.map(|name| fault(name, "the service has no link to it")).collect()
}

fn not_begun(error: Error, holders: &Holders<'_>, live: &[Identifier]) -> BackendError {
    match error {
        Error::TooFewHolders { left, needed } => {
            let out = holders.0.iter().filter(|(number, _)| !live.contains(number));
            let why = "the service has no link to it, or its token is a simulation";
            let faults = out.map(|(_, name)| fault(name, why)).collect();
            words::error(false, format!("{left} holders can be asked, and it takes {needed}"), faults)
        }
        Error::MandateExpired | Error::OtherPurpose => words::error(true, error.to_string(), Vec::new()),
        error => invalid(error),
    }
}

fn invalid(error: impl std::fmt::Display) -> BackendError {
    BackendError::InvalidInput(format!("the mandate: {error}"))
}
