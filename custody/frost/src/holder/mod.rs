//! A share holder's judgement: what it takes part in, and what it says of it.
//!
//! A holder is not blind: it signs what the requester has signed for, not what the coordinator wants. Pure: requests
//! and time go in, answers and audit records come out, and [`Decision`] gives no answer before its record is durable.

mod decision;
mod message;
mod policy;
mod seam;
mod sessions;

pub use decision::{AuditRecord, Decision, Outcome, Refusal, Stage};
pub use message::{Refused, SigningRequest};
pub use policy::{Policy, Requester};
pub use seam::VerifySignature;
pub use sessions::{Limits, UsedSession};

pub(crate) use message::recognise;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::ambient::Random;
use crate::id::SessionId;
use crate::key_share::KeyShare;
use crate::mandate::{KeyVersion, ShareId};
use crate::signing::{Commitment, SigningPackage};
use decision::{Answer, Ready};
use sessions::{Open, Sessions};

/// A holder of shares. What is in it dies with the process, but for what each [`AuditRecord`] has told to keep.
pub struct Holder<V> {
    policy: Policy,
    verifier: V,
    shares: BTreeMap<ShareId, Arc<KeyShare>>,
    sessions: Sessions,
    clock_high_water_ms: u64,
}

impl<V: VerifySignature> Holder<V> {
    /// A holder without keys. `used` are the sessions that were written down as used before this start;
    /// `clock_high_water_ms` is the latest time that was seen before.
    pub fn new(
        policy: Policy,
        limits: Limits,
        verifier: V,
        used: impl IntoIterator<Item = UsedSession>,
        clock_high_water_ms: u64,
    ) -> Self {
        let sessions = Sessions::new(limits, used);
        Self { policy, verifier, shares: BTreeMap::new(), sessions, clock_high_water_ms }
    }

    /// Gives it a share to sign with, beside those of other public keys under the same key version. The nonces of a share of
    /// the same public key are destroyed.
    pub fn install(&mut self, key: KeyVersion, share: KeyShare) {
        let id = id_of(key, &share);
        self.sessions.close(&id);
        self.shares.insert(id, Arc::new(share));
    }

    /// Takes a share away, and destroys its nonces.
    pub fn remove(&mut self, id: &ShareId) -> Option<Arc<KeyShare>> {
        self.sessions.close(id);
        self.shares.remove(id)
    }

    /// Changes the policy. Sessions that it no longer allows give no share.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Gives it a share back that was taken away.
    pub fn put_back(&mut self, key: KeyVersion, share: Arc<KeyShare>) {
        self.shares.insert(id_of(key, &share), share);
    }

    /// The share that it signs with.
    #[must_use]
    pub fn share(&self, id: &ShareId) -> Option<&KeyShare> {
        self.shares.get(id).map(Arc::as_ref)
    }

    /// The shares that it has.
    pub fn shares(&self) -> impl Iterator<Item = &ShareId> {
        self.shares.keys()
    }

    /// At most so many used sessions whose mandates have ended, and which need not be kept any longer once a later
    /// time than their end is kept. Each is told once.
    pub fn forgotten(&mut self, max: usize, now_ms: u64) -> Vec<SessionId> {
        let now_ms = self.time(now_ms);
        self.sessions.forgotten(max, now_ms)
    }

    /// How many sessions wait for their signing package.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.sessions.open()
    }

    /// Round 1: judges a [`SigningRequest`] and answers with a commitment or a [`Refused`].
    pub fn commit(&mut self, request: &[u8], now_ms: u64, random: &mut dyn Random) -> Decision {
        let now_ms = self.time(now_ms);
        let mut record = AuditRecord::new(Stage::Commit, now_ms);
        let outcome = self.try_commit(request, now_ms, random, &mut record);
        Decision::new(record, outcome.map(|commitment| Answer::Bytes(commitment.to_bytes())))
    }

    /// Round 2: answers a [`SigningPackage`] with a signature share or a [`Refused`]. Whatever it answers, the
    /// session is over and its nonces are destroyed. The share is made when the decision is released.
    pub fn sign(&mut self, package: &[u8], now_ms: u64) -> Decision {
        let now_ms = self.time(now_ms);
        let mut record = AuditRecord::new(Stage::Sign, now_ms);
        let outcome = self.try_sign(package, now_ms, &mut record);
        Decision::new(record, outcome.map(|ready| Answer::Share(Box::new(ready))))
    }

    fn try_commit(
        &mut self,
        request: &[u8],
        now_ms: u64,
        random: &mut dyn Random,
        record: &mut AuditRecord,
    ) -> Result<Commitment, Refusal> {
        let request = SigningRequest::from_bytes(request).map_err(|_| Refusal::Malformed)?;
        let mandate = request.mandate();
        record.claims(mandate.mandate());
        let session = mandate.session(request.attempt()).ok_or(Refusal::AttemptOutOfRange)?;
        record.session = Some(session);
        self.policy.verify(mandate, &self.verifier)?;
        record.requester_verified = true;
        self.policy.judge(mandate.mandate(), now_ms)?;
        let id = mandate.mandate().share();
        let share = self.shares.get(&id).ok_or_else(|| self.without(&id))?;
        self.sessions.admit(session, mandate.mandate(), now_ms)?;
        let (nonces, commitment) =
            share.commit(session, mandate.mandate().message, random).map_err(|_| Refusal::RandomFailed)?;
        self.sessions.begin(session, Open::new(mandate.mandate(), nonces), now_ms);
        Ok(commitment)
    }

    fn try_sign(&mut self, package: &[u8], now_ms: u64, record: &mut AuditRecord) -> Result<Ready, Refusal> {
        let package = SigningPackage::from_bytes(package).map_err(|_| Refusal::Malformed)?;
        let purpose = package.purpose();
        (record.session, record.message) = (Some(purpose.session), Some(purpose.message));
        let open = self.sessions.take(purpose.session, now_ms).ok_or(Refusal::SessionUnknown)?;
        record.belongs(&open);
        self.policy.allows(&open.requester, &open.share.key)?;
        let share = self.shares.get(&open.share).ok_or(Refusal::UnknownKey)?;
        if *open.nonces.purpose() != purpose {
            return Err(Refusal::OtherPurpose);
        }
        if !share.admits(&open.nonces, &package) {
            return Err(Refusal::WrongPackage);
        }
        self.sessions.used(purpose.session);
        record.used_until_ms = Some(open.mandate_expires_at_ms);
        Ok(Ready { share: Arc::clone(share), nonces: open.nonces, package })
    }

    /// Why there is no such share: there may be one of another public key.
    fn without(&self, id: &ShareId) -> Refusal {
        let is_other = self.shares.keys().any(|other| other.key == id.key);
        if is_other { Refusal::OtherPublicKey } else { Refusal::UnknownKey }
    }

    /// The time, which never runs backwards: a clock set back must not revive what has expired.
    pub fn time(&mut self, now_ms: u64) -> u64 {
        self.clock_high_water_ms = self.clock_high_water_ms.max(now_ms);
        self.clock_high_water_ms
    }
}

impl<V> fmt::Debug for Holder<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder").field("shares", &self.shares.keys()).finish_non_exhaustive()
    }
}

fn id_of(key: KeyVersion, share: &KeyShare) -> ShareId {
    ShareId { key, public_key: share.group().public_key_digest() }
}
