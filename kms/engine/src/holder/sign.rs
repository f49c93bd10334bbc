//! The two rounds of a signature. `hufu_frost` decides; here it becomes durable, and only then does an answer leave.

use std::convert::Infallible;

use hufu_core::audit::{AuditEntry, AuditOutcome};
use hufu_core::changeset::{Changeset, Collection, Grant, Guard, Subject, Write};
use hufu_core::policy::Action;
use hufu_core::record::{HolderSession, Record as _};
use hufu_core::{Error, Reason};
use hufu_frost::{AuditRecord, Decision, Outcome, RandomError, Stage};
use hufu_journal::{JournalError, Slot};

use super::refusal::refused;
use super::{State, resource};
use crate::api::Caller;
use crate::engine::{Engine, Permit};
use crate::fault;

/// Sessions whose mandates have ended that one signature clears away.
const CLEARED_MAX: usize = 64;

impl Engine {
    /// Round 1: a commitment, or a refusal in the words of `hufu_frost`.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`], [`Reason::ClockFrozen`], [`Reason::Overloaded`], those of the database: no commitment has left.
    pub async fn commit_to_sign(&self, caller: &Caller, request: &[u8]) -> Result<Vec<u8>, Error> {
        let mut random = |buffer: &mut [u8]| self.rng.fill(buffer).map_err(|_| RandomError);
        let decide = |state: &mut State, now_ms| state.holder.commit(request, now_ms, &mut random);
        let result = match self.decide(caller, decide) {
            Ok(decided) => self.give_out(caller, decided).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::SignShare, || "shares".to_owned(), result).await
    }

    /// Round 2: a signature share, or a refusal in the words of `hufu_frost`.
    ///
    /// # Errors
    /// As of [`Engine::commit_to_sign`]: no share has been made, and the session is over.
    pub async fn sign_share(&self, caller: &Caller, package: &[u8]) -> Result<Vec<u8>, Error> {
        let result = match self.decide(caller, |state, now_ms| state.holder.sign(package, now_ms)) {
            Ok(decided) => self.give_out(caller, decided).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::SignShare, || "shares".to_owned(), result).await
    }

    /// Decides, under the lock, together with what has to be written for it.
    fn decide(&self, caller: &Caller, decide: impl FnOnce(&mut State, u64) -> Decision) -> Result<Decided, Error> {
        let permit = self.authorize_holding(caller, Action::SignShare)?;
        let slot = self.reserve()?;
        let holding = self.hold()?;
        let state = &mut *holding.state.lock();
        let now_ms = holding.now(state, self)?;
        let decision = decide(state, now_ms);
        let integrity = self.keyring.integrity();
        let (mut guards, mut writes) = (Vec::new(), Vec::new());
        let uses = used(decision.record());
        if let Some(session) = &uses {
            guards.push(Guard::Absent(Collection::HolderSession, session.id()));
            writes.push(Write::Put(integrity.row(session, 1)));
        }
        if decision.record().outcome == Outcome::Allowed {
            writes.extend(state.clock.keep(now_ms, uses.is_some(), integrity));
        }
        if uses.is_some() {
            // INVARIANT: the time that is kept from this commit on is past the ends of all of these.
            let ended = state.holder.forgotten(CLEARED_MAX, now_ms);
            let cleared = |session: &hufu_frost::SessionId| {
                Write::Delete(Collection::HolderSession, HolderSession::row_id(&session.0))
            };
            writes.extend(ended.iter().map(cleared));
        }
        Ok(Decided { decision, permit, slot, guards, writes })
    }

    /// Has it durable, and then gives the answer out.
    async fn give_out(&self, caller: &Caller, decided: Decided) -> Result<Vec<u8>, Error> {
        let Decided { decision, permit, slot, guards, writes } = decided;
        let is_refusal = decision.record().outcome != Outcome::Allowed;
        if is_refusal && !self.refusals.may_record(&caller.principal.subject) {
            return decision.release(|_| Ok::<_, Infallible>(())).map_err(|never| match never {});
        }
        let written = |record: AuditRecord| async move {
            let key = record.key.as_ref().map_or_else(|| "shares".to_owned(), resource);
            let subjects = vec![Subject::new(&key), caller.principal.subject.clone()];
            let grant = (!is_refusal).then_some(Grant { epoch: permit.epoch, subjects });
            let entry = self.salted(self.decision_entry(caller, &permit, &record));
            let changeset = Changeset { guards, writes, grant, ..Changeset::audit_only(entry) };
            match slot.commit(changeset).await {
                Ok(_) => Ok(()),
                Err(JournalError::Guarded(_)) => Err(refused("session-used", "a share has left in that session")),
                Err(error) => Err(fault::journal(error)),
            }
        };
        decision.release_when(written).await
    }

    fn decision_entry(&self, caller: &Caller, permit: &Permit, record: &AuditRecord) -> AuditEntry {
        let of = record.key.as_ref().map_or_else(|| "shares".to_owned(), resource);
        let entry = self.entry(caller, Action::SignShare, of, permit);
        let round = match record.stage {
            Stage::Commit => "round 1",
            Stage::Sign => "round 2",
        };
        let by = match (&record.requester, record.requester_verified) {
            (Some(name), true) => format!("mandate of {name}"),
            (Some(name), false) => format!("mandate that claims to be of {name}"),
            (None, _) => "no mandate".to_owned(),
        };
        let session = record.session.map_or_else(|| "none".to_owned(), |session| session.to_string());
        let detail = format!("{round}; {by}; session {session}");
        match record.outcome {
            Outcome::Allowed => AuditEntry { detail: Some(detail), ..entry },
            Outcome::Refused(refusal) => AuditEntry {
                outcome: AuditOutcome::Refused(Reason::HolderRefused.name().to_owned()),
                detail: Some(format!("{detail}; {refusal}")),
                ..entry
            },
        }
    }
}

/// A decision that is not written yet.
struct Decided {
    decision: Decision,
    permit: Permit,
    slot: Slot,
    guards: Vec<Guard>,
    writes: Vec<Write>,
}

/// The session that a decision uses up.
fn used(record: &AuditRecord) -> Option<HolderSession> {
    let (until, session) = (record.used_until_ms?, record.session?);
    Some(HolderSession { session: session.0, requester: record.requester.clone().unwrap_or_default(), until })
}
