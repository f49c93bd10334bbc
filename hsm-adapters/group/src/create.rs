//! Making a key on enough tokens, and undoing what is not enough.

use std::time::{Duration, Instant};

use hufu_core::backend::{Arrival, BackendError, Generated, KeyHandle, Operation, Outcome, Template, Wrapping};
use hufu_core::record::{Exit, Locator};

use crate::group::Group;
use crate::member::Member;
use crate::spread::share;

/// How often a token is asked whether the devices have copied a key to it.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// How long undoing may take. What is not undone then is the reconciler's.
const UNDO_WAIT_MAX: Duration = Duration::from_secs(5);

impl Group {
    /// Makes a key, anew or out of wrapped material.
    pub(crate) async fn make(
        &self,
        template: &Template,
        arrival: Option<Arrival<'_>>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        // What the devices copy by themselves leaves none of them by our doing.
        let exit = if self.is_wrapped() { template.exit } else { Exit::Never };
        let template = &Template { exit, ..template.clone() };
        let (maker, made) = self.make_on_one(template, arrival, deadline).await?;
        if self.is_wrapped() && exit != Exit::Replicable {
            return Ok(Outcome::Generated(made));
        }
        let copied = match self.is_wrapped() {
            true => self.copy(maker, template, &made, deadline).await,
            false => self.wait_for_copies(maker, template, deadline).await,
        };
        let copies = self.config.copies.get();
        match copied {
            Ok(holders) if holders >= copies => {
                let locator = self.locator(made.locator);
                Ok(Outcome::Generated(Box::new(Generated { locator, ..*made })))
            }
            copied => {
                self.undo(template, deadline).await;
                let why = match copied {
                    Ok(holders) => format!("{holders} of {copies} tokens hold the new key, which was taken back"),
                    Err(error) => format!("the new key could not be copied and was taken back: {error}"),
                };
                Err(BackendError::Unavailable(why))
            }
        }
    }

    /// Makes the key on one token. Another one is asked only while nothing can have been made: two tokens with two keys of one
    /// identity would each be right.
    async fn make_on_one(
        &self,
        template: &Template,
        arrival: Option<Arrival<'_>>,
        deadline: Instant,
    ) -> Result<(&Member, Box<Generated>), BackendError> {
        let opener = match arrival.map(|arrival| arrival.by) {
            Some(Wrapping::Key(key)) => Some(key),
            _ => None,
        };
        let can_open = |member: &&Member| opener.is_none_or(|key| self.may_hold(member, key));
        let mut makers: Vec<&Member> =
            self.members.iter().filter(|member| member.is_serving()).filter(can_open).collect();
        makers.sort_by_cached_key(|member| (member.is_suspect(), member.in_flight()));
        let mut last = BackendError::Unavailable("no token of the group serves".to_owned());
        for (at, maker) in makers.iter().enumerate() {
            let until = share(deadline, usize::from(at + 1 < makers.len())).max(half(deadline));
            let own = opener.map(|key| maker.handle(key));
            let operation = match (arrival, &own) {
                (Some(arrival), Some(own)) => {
                    Operation::Unwrap(template, Arrival { by: Wrapping::Key(own), ..arrival })
                }
                (Some(arrival), None) => Operation::Unwrap(template, arrival),
                (None, _) => Operation::Generate(template),
            };
            match maker.perform(operation, until).await {
                Ok(Outcome::Generated(made)) => return Ok((maker, made)),
                Ok(_) => return Err(BackendError::Failed("the token answered out of turn".to_owned())),
                Err(error @ BackendError::Overloaded) => last = error,
                // Missing is the key that should open what arrives.
                Err(
                    error @ (BackendError::Unsupported(_)
                    | BackendError::InvalidInput(_)
                    | BackendError::Rejected
                    | BackendError::Missing(_)),
                ) => return Err(error),
                Err(error) => {
                    self.undo_on(maker, template, deadline.min(Instant::now() + UNDO_WAIT_MAX)).await;
                    return Err(match error {
                        BackendError::DeadlineExceeded if Instant::now() >= deadline => error,
                        error => BackendError::Unavailable(format!("{}: {error}", maker.serial)),
                    });
                }
            }
        }
        Err(last)
    }

    /// Copies a new key to all other tokens that serve. Answers how many hold it.
    async fn copy(
        &self,
        maker: &Member,
        template: &Template,
        made: &Generated,
        deadline: Instant,
    ) -> Result<usize, BackendError> {
        let key = handle(template, made);
        let wrapped = wrap(maker, &key, deadline).await?;
        let mut holders = 1;
        let others: Vec<&Member> = self.members.iter().filter(|member| !std::ptr::eq(*member, maker)).collect();
        for (at, other) in others.iter().enumerate() {
            let until = share(deadline, others.len().saturating_sub(at)).max(half(deadline));
            let arrived = match other.is_serving() {
                true => unwrap(other, template, &wrapped, made.public_key.as_deref(), until).await,
                false => Err(BackendError::Unavailable("it does not serve".to_owned())),
            };
            match arrived {
                Ok(()) => holders += 1,
                Err(error) => {
                    tracing::warn!(token = other.serial, uid = %template.uid, %error, "a new key was not copied");
                    self.miss(other, template.uid);
                }
            }
        }
        Ok(holders)
    }

    /// Waits until the devices have copied a new key to enough tokens by themselves.
    async fn wait_for_copies(
        &self,
        maker: &Member,
        template: &Template,
        deadline: Instant,
    ) -> Result<usize, BackendError> {
        loop {
            let mut holders = 1;
            for other in self.members.iter().filter(|member| !std::ptr::eq(*member, maker) && member.is_serving()) {
                let found = other.perform(Operation::Find(template.uid), share(deadline, 1)).await;
                holders += usize::from(matches!(found, Ok(Outcome::Found(true))));
            }
            if holders >= self.config.copies.get() || Instant::now() + LOOK_PAUSE >= deadline {
                return Ok(holders);
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Takes a key back from every token. What cannot be taken back is found by the reconciler.
    async fn undo(&self, template: &Template, deadline: Instant) {
        let until = deadline.min(Instant::now() + UNDO_WAIT_MAX);
        for member in &self.members {
            self.undo_on(member, template, share(until, 1)).await;
        }
    }

    async fn undo_on(&self, member: &Member, template: &Template, deadline: Instant) {
        member.settle(template.uid);
        if let Err(error) = member.perform(Operation::Destroy(template.uid), deadline).await {
            tracing::warn!(token = member.serial, uid = %template.uid, %error, "a key was not taken back");
        }
    }

    /// The place of a key that every token holds or shall hold.
    fn locator(&self, at: Locator) -> Locator {
        match at {
            Locator::Token { uid, fingerprint, .. } => {
                Locator::Group { group: self.config.name.clone(), uid, fingerprint }
            }
            other => other,
        }
    }
}

pub(crate) async fn wrap(member: &Member, key: &KeyHandle, deadline: Instant) -> Result<Vec<u8>, BackendError> {
    let handle = member.handle(key);
    match member.perform(Operation::Wrap(&handle, Wrapping::Group), deadline).await? {
        Outcome::Bytes(wrapped) => Ok(wrapped),
        _ => Err(BackendError::Failed("the token answered out of turn".to_owned())),
    }
}

pub(crate) async fn unwrap(
    member: &Member,
    template: &Template,
    wrapped: &[u8],
    public_key: Option<&[u8]>,
    deadline: Instant,
) -> Result<(), BackendError> {
    let arrival = Arrival { by: Wrapping::Group, wrapped, public_key };
    match member.perform(Operation::Unwrap(template, arrival), deadline).await? {
        Outcome::Generated(made) if made.public_key.as_deref() == public_key => Ok(()),
        _ => Err(BackendError::Failed("the token made another key than the one that it was given".to_owned())),
    }
}

fn handle(template: &Template, made: &Generated) -> KeyHandle {
    KeyHandle {
        uid: template.uid,
        algorithm: template.algorithm,
        scheme: template.scheme,
        locator: made.locator.clone(),
        binding: template.binding.clone(),
        public_key: made.public_key.as_deref().map(Into::into),
        distinguishing_id: None,
    }
}

/// Half of the time that is left: making and copying a key may take long on a device.
fn half(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / 2
}
