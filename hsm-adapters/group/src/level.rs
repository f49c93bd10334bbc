//! Looking for a key on every token, deleting it from every token, and bringing it to those that lack it.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::backend::{BackendError, KeyHandle, Operation, Outcome, Template};
use hufu_core::record::{Exit, Locator, VersionUid};

use crate::create::{unwrap, wrap};
use crate::group::Group;
use crate::member::Member;
use crate::spread::{Failures, share};

impl Group {
    /// Whether any token holds it: only all of them can say that none does.
    pub(crate) async fn find(&self, uid: VersionUid, deadline: Instant) -> Result<bool, BackendError> {
        let mut failures = Failures::default();
        for (at, member) in self.members.iter().enumerate() {
            let until = share(deadline, self.members.len().saturating_sub(at + 1));
            match member.perform(Operation::Find(uid), until).await {
                Ok(Outcome::Found(true)) => return Ok(true),
                Ok(Outcome::Found(false)) => {}
                Ok(_) => return Err(out_of_turn()),
                Err(error) => failures.push(member, error),
            }
        }
        if failures.is_empty() { Ok(false) } else { Err(failures.answer(deadline)) }
    }

    /// What the tokens hold that answer.
    pub(crate) async fn inventory(&self, max: usize, deadline: Instant) -> Result<Outcome, BackendError> {
        let (mut uids, mut failures) = (std::collections::BTreeSet::new(), Failures::default());
        let mut answered = false;
        for (at, member) in self.members.iter().enumerate() {
            let until = half_of_rest(deadline, self.members.len().saturating_sub(at + 1));
            match member.perform(Operation::Inventory(max), until).await {
                Ok(Outcome::Inventory(found)) => {
                    answered = true;
                    uids.extend(found);
                }
                Ok(_) => return Err(out_of_turn()),
                Err(error) => failures.push(member, error),
            }
        }
        if !answered {
            return Err(failures.answer(deadline));
        }
        Ok(Outcome::Inventory(uids.into_iter().take(max).collect()))
    }

    /// Deletes a key from every token, as far as they answer. It is done when each of them has confirmed its absence.
    pub(crate) async fn destroy(&self, uid: VersionUid, deadline: Instant) -> Result<Outcome, BackendError> {
        let mut failures = Failures::default();
        for (at, member) in self.members.iter().enumerate() {
            let until = half_of_rest(deadline, self.members.len().saturating_sub(at + 1));
            match member.perform(Operation::Destroy(uid), until).await {
                Ok(_) => member.settle(uid),
                Err(error) => failures.push(member, error),
            }
        }
        if failures.is_empty() { Ok(Outcome::Done) } else { Err(failures.answer(deadline)) }
    }

    /// Brings a key to every token that lacks it.
    pub(crate) async fn level(&self, key: &KeyHandle, deadline: Instant) -> Result<Outcome, BackendError> {
        match &key.locator {
            Locator::Group { group, .. } if *group == self.config.name => {}
            // It is on one token, and stays there.
            _ => return Ok(Outcome::Done),
        }
        let (mut source, mut lacking, mut failures) = (None, Vec::new(), Failures::default());
        for member in &self.members {
            match self.look(member, key, share(deadline, self.members.len())).await {
                Ok(found) => {
                    member.settle(key.uid);
                    source = Some(found);
                }
                Err(BackendError::Missing(_)) => lacking.push(member),
                Err(error) => failures.push(member, error),
            }
        }
        for member in lacking {
            if let Err(error) = self.bring(member, key, source.as_deref(), deadline).await {
                member.miss(key.uid);
                failures.push(member, error);
            } else {
                member.settle(key.uid);
                tracing::info!(token = member.serial, uid = %key.uid, "a key was brought to the token");
            }
        }
        if failures.is_empty() { Ok(Outcome::Done) } else { Err(failures.answer(deadline)) }
    }

    /// A key on a token, complete: wrapped, where the service wraps.
    async fn look(&self, member: &Member, key: &KeyHandle, deadline: Instant) -> Result<Vec<u8>, BackendError> {
        if self.is_wrapped() {
            return wrap(member, key, deadline).await;
        }
        match member.perform(Operation::Find(key.uid), deadline).await? {
            Outcome::Found(true) => Ok(Vec::new()),
            Outcome::Found(false) => Err(BackendError::Missing("the token holds no such key".to_owned())),
            _ => Err(out_of_turn()),
        }
    }

    async fn bring(
        &self,
        member: &Member,
        key: &KeyHandle,
        source: Option<&[u8]>,
        deadline: Instant,
    ) -> Result<(), BackendError> {
        let Some(source) = source else {
            return Err(BackendError::Missing("no token that answers holds the key".to_owned()));
        };
        if !self.is_wrapped() {
            return Err(BackendError::Missing("the devices have not copied the key yet".to_owned()));
        }
        // A half of it, left by a copy that was cut off: the whole key is in hand.
        if matches!(member.perform(Operation::Find(key.uid), deadline).await?, Outcome::Found(true)) {
            member.perform(Operation::Destroy(key.uid), deadline).await?;
        }
        unwrap(member, &template(key), source, key.public_key.as_deref(), deadline).await
    }
}

/// How a key was made.
fn template(key: &KeyHandle) -> Template {
    Template {
        uid: key.uid,
        algorithm: key.algorithm,
        purpose: key.scheme.purpose(),
        scheme: key.scheme,
        binding: Arc::clone(&key.binding),
        wrapping_key: None,
        exit: Exit::Replicable,
    }
}

/// Work on all objects, or until others are done with one, takes longer than a use of a key.
fn half_of_rest(deadline: Instant, others: usize) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    u32::try_from(others).map_or(now, |others| now + left / others.saturating_add(1))
}

fn out_of_turn() -> BackendError {
    BackendError::Failed("the token answered out of turn".to_owned())
}
