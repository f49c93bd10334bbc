//! Tokens that hold the same keys: any of them answers, and a key is made when enough of them hold it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::backend::{
    Arrival, BackendError, Capabilities, DeviceStatus, Health, KeyBackend, Operation, Outcome, Wrapping,
};
use hufu_core::record::{Locator, Protection, VersionUid};

use crate::common;
use crate::member::Member;

/// How keys come from one token of a group to the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replication {
    /// The devices copy every key by themselves: the cloning domain is one device as far as a key is concerned, and no key is on
    /// one token alone.
    Vendor,
    /// The service copies keys that are replicable, under the key that the tokens share. Other keys stay on one token.
    Wrapped,
}

/// What a group is.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// Its name, which never changes: keys are found by it.
    pub name: String,
    /// How many tokens hold a key before its creation completes.
    pub copies: NonZeroUsize,
    /// How keys come to the others.
    pub replication: Replication,
}

/// Why a group cannot be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GroupError {
    /// Fewer tokens than copies, or none.
    #[error("a group of {tokens} tokens cannot hold {copies} copies of a key")]
    TooFew {
        /// Tokens.
        tokens: usize,
        /// Copies.
        copies: usize,
    },
    /// One token twice.
    #[error("token `{0}` is in the group twice")]
    Twice(String),
}

/// Several tokens that hold the same keys.
///
/// A call goes to the token with the fewest calls under way, and to the next one when that fails, each with a share of the
/// time that is left: the first result of a randomised scheme was not released then, so that a second one is no harm.
pub struct Group {
    pub(crate) config: GroupConfig,
    backend_name: String,
    pub(crate) members: Vec<Member>,
    /// Whose turn it is among equals.
    pub(crate) turn: AtomicUsize,
    returns: AtomicU64,
}

impl Group {
    /// Puts tokens together, each with its serial number.
    ///
    /// # Errors
    /// [`GroupError`] when they make no group.
    pub fn new(config: GroupConfig, tokens: Vec<(String, Arc<dyn KeyBackend>)>) -> Result<Self, GroupError> {
        if tokens.len() < config.copies.get() {
            return Err(GroupError::TooFew { tokens: tokens.len(), copies: config.copies.get() });
        }
        for (at, (serial, _)) in tokens.iter().enumerate() {
            if tokens.iter().skip(at + 1).any(|(other, _)| other == serial) {
                return Err(GroupError::Twice(serial.clone()));
            }
        }
        let members = tokens.into_iter().map(|(serial, backend)| Member::new(serial, backend)).collect();
        let backend_name = format!("group:{}", config.name);
        Ok(Self { config, backend_name, members, turn: AtomicUsize::new(0), returns: AtomicU64::new(0) })
    }

    pub(crate) fn is_wrapped(&self) -> bool {
        self.config.replication == Replication::Wrapped
    }

    /// Some key is not where it should be.
    pub(crate) fn count_return(&self) {
        self.returns.fetch_add(1, Ordering::AcqRel);
    }

    /// Tells that a key is not on a token, once.
    pub(crate) fn miss(&self, member: &Member, uid: VersionUid) {
        if member.miss(uid) {
            tracing::warn!(token = member.serial, %uid, "the token lacks a key of its group");
            self.count_return();
        }
    }

    async fn dispatch(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        match operation {
            Operation::Generate(template) => self.make(template, None, deadline).await,
            Operation::Unwrap(template, arrival @ Arrival { by: Wrapping::Key(_), .. }) => {
                self.make(template, Some(arrival), deadline).await
            }
            Operation::Find(uid) => self.find(uid, deadline).await.map(Outcome::Found),
            Operation::Inventory(max) => self.inventory(max, deadline).await,
            Operation::Destroy(uid) => self.destroy(uid, deadline).await,
            Operation::Level(key) => self.level(key, deadline).await,
            Operation::Unwrap(..) | Operation::Wrap(_, Wrapping::Group) => {
                let why = "keys come into a group of tokens and out of it by its own key alone";
                Err(BackendError::Unsupported(why.to_owned()))
            }
            other => self.spread(&other, deadline).await,
        }
    }
}

impl KeyBackend for Group {
    fn name(&self) -> &str {
        &self.backend_name
    }

    fn protection(&self) -> Protection {
        Protection::Hsm
    }

    fn capabilities(&self) -> Capabilities {
        common::capabilities(self)
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move {
            if Instant::now() >= deadline {
                return Err(BackendError::DeadlineExceeded);
            }
            self.dispatch(operation, deadline).await
        })
    }

    fn health(&self) -> Health {
        let down: Vec<String> = self
            .members
            .iter()
            .filter_map(|member| match member.backend.health() {
                Health::Serving => None,
                Health::Down(why) => Some(format!("{}: {why}", member.serial)),
            })
            .collect();
        if down.len() < self.members.len() { Health::Serving } else { Health::Down(down.join("; ")) }
    }

    fn generation(&self) -> u64 {
        self.members.iter().fold(0, |sum, member| sum.wrapping_add(member.backend.generation()))
    }

    fn distrust(&self) {
        // Which of them was wrong is not known here: each has a check of its own before it.
        self.members.iter().for_each(|member| member.backend.distrust());
    }

    fn holds(&self, locator: &Locator) -> bool {
        match locator {
            Locator::Group { group, .. } => *group == self.config.name,
            other => self.members.iter().any(|member| member.is_at(other)),
        }
    }

    fn devices(&self) -> Vec<DeviceStatus> {
        self.members.iter().map(Member::status).collect()
    }

    fn returns(&self) -> Option<u64> {
        for member in &self.members {
            if member.has_returned() {
                self.count_return();
            }
        }
        Some(self.returns.load(Ordering::Acquire))
    }
}
