//! Which token is asked, and who is asked next when it does not answer.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hufu_core::backend::{BackendError, KeyHandle, Operation, Outcome, Wrapping};
use hufu_core::record::{Locator, VersionUid};

use crate::group::Group;
use crate::member::{Member, may_be_asked_elsewhere};

/// A token that hangs keeps a caller from the next one for no longer than this.
const SHARE_MAX: Duration = Duration::from_secs(1);

impl Group {
    /// Asks one of the tokens: for the use of a key, one of those that hold it.
    pub(crate) async fn spread(&self, operation: &Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        let key = operation.key();
        let mut queue = self.queue(key);
        let mut failures = Failures::default();
        let once = matches!(operation, Operation::SignOnce(key, _) if key.scheme.is_randomised());
        while let Some(member) = self.next(&mut queue, key.map(|key| key.uid)) {
            let handles = Handles::at(member, operation);
            // Who is asked only once has all the time there is.
            let until = if once { deadline } else { share(deadline, queue.len()) };
            let answer = member.perform(handles.address(operation), until).await;
            match answer {
                Err(error) if once && may_have_signed(&error) => return Err(error),
                Err(error) if may_be_asked_elsewhere(&error) => {
                    // With two keys in it, nobody knows which is missing.
                    let shared = key.filter(|key| is_shared(key) && handles.by.is_none());
                    if let (BackendError::Missing(_), Some(key)) = (&error, shared) {
                        self.miss(member, key.uid);
                    }
                    failures.push(member, error);
                }
                answer => return answer,
            }
        }
        Err(failures.answer(deadline))
    }

    /// The tokens that may be asked.
    fn queue(&self, key: Option<&KeyHandle>) -> Vec<&Member> {
        let may_hold = |member: &&Member| key.is_none_or(|key| self.may_hold(member, key));
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.members.len().max(1);
        let in_turn = self.members.iter().cycle().skip(turn % count).take(count);
        in_turn.filter(may_hold).collect()
    }

    /// Whether a key is, or should be, on a token.
    pub(crate) fn may_hold(&self, member: &Member, key: &KeyHandle) -> bool {
        match &key.locator {
            Locator::Group { group, .. } => *group == self.config.name,
            locator => member.is_at(locator),
        }
    }

    /// Takes the best of those that are left: one that serves and is not known to lack the key before all others, then the one
    /// with the fewest calls under way.
    fn next<'m>(&self, queue: &mut Vec<&'m Member>, uid: Option<VersionUid>) -> Option<&'m Member> {
        // A token alone is asked whatever is thought of it.
        let ranked = queue.iter().enumerate().min_by_key(|(_, member)| {
            let lacks = uid.is_some_and(|uid| member.lacks(uid));
            (lacks, !member.is_serving() || member.is_suspect(), member.in_flight())
        });
        let at = ranked.map(|(at, _)| at)?;
        Some(queue.remove(at))
    }
}

/// Whether there may be a signature, so that another one would be a second.
fn may_have_signed(error: &BackendError) -> bool {
    !matches!(
        error,
        BackendError::Unsupported(_)
            | BackendError::Overloaded
            | BackendError::Missing(_)
            | BackendError::InvalidInput(_)
            | BackendError::Credentials(_)
    )
}

/// The keys of an operation as one token knows them.
struct Handles {
    key: Option<KeyHandle>,
    by: Option<KeyHandle>,
}

impl Handles {
    fn at(member: &Member, operation: &Operation<'_>) -> Self {
        let by = match operation {
            Operation::Wrap(_, Wrapping::Key(by)) => Some(member.handle(by)),
            _ => None,
        };
        Self { key: operation.key().map(|key| member.handle(key)), by }
    }

    /// The operation with these keys.
    fn address<'k>(&'k self, operation: &Operation<'k>) -> Operation<'k> {
        let own = |key: &'k KeyHandle| self.key.as_ref().unwrap_or(key);
        match operation {
            Operation::Sign(key, input) => Operation::Sign(own(key), *input),
            Operation::SignOnce(key, input) => Operation::SignOnce(own(key), *input),
            Operation::Mac(key, data) => Operation::Mac(own(key), data),
            Operation::Seal(key, input) => Operation::Seal(own(key), *input),
            Operation::Open(key, input) => Operation::Open(own(key), *input),
            Operation::DecryptWith(key, data) => Operation::DecryptWith(own(key), data),
            Operation::Decapsulate(key, data) => Operation::Decapsulate(own(key), data),
            Operation::Agree(key, peer) => Operation::Agree(own(key), peer),
            Operation::Wrap(key, by) => Operation::Wrap(own(key), self.by.as_ref().map_or(*by, Wrapping::Key)),
            Operation::Level(key) => Operation::Level(own(key)),
            Operation::Rewrap(key, rewrap) => Operation::Rewrap(own(key), *rewrap),
            Operation::Verify(key, input, signature) => Operation::Verify(key, *input, signature),
            Operation::EncryptTo(key, data) => Operation::EncryptTo(key, data),
            Operation::Encapsulate(key) => Operation::Encapsulate(key),
            Operation::Random(len) => Operation::Random(*len),
            Operation::Find(uid) => Operation::Find(*uid),
            Operation::Inventory(max) => Operation::Inventory(*max),
            Operation::Destroy(uid) => Operation::Destroy(*uid),
            Operation::Generate(template) => Operation::Generate(template),
            Operation::Unwrap(template, arrival) => Operation::Unwrap(template, *arrival),
            // Refused by whichever token is asked.
            Operation::GenerateAmong(template, among) => Operation::GenerateAmong(template, *among),
            Operation::SignUnder(key, input, under) => Operation::SignUnder(own(key), *input, *under),
            Operation::DestroyAmong(shared) => Operation::DestroyAmong(*shared),
        }
    }
}

/// Whether other tokens should hold the key too.
fn is_shared(key: &KeyHandle) -> bool {
    matches!(key.locator, Locator::Group { .. })
}

/// Until when a token may take when so many others wait for their turn; the last one has all that is left.
pub(crate) fn share(deadline: Instant, others: usize) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    match u32::try_from(others) {
        Ok(0) => deadline,
        Ok(others) => now + (left / others.saturating_add(1)).min(SHARE_MAX),
        Err(_) => now,
    }
}

/// What the tokens said that could not answer.
#[derive(Default)]
pub(crate) struct Failures(Vec<(String, BackendError)>);

impl Failures {
    pub(crate) fn push(&mut self, member: &Member, error: BackendError) {
        self.0.push((member.serial.clone(), error));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One answer for all of them.
    pub(crate) fn answer(mut self, deadline: Instant) -> BackendError {
        if self.0.is_empty() {
            return BackendError::Missing("no token of the group holds the key".to_owned());
        }
        if self.0.len() == 1
            && let Some((_, only)) = self.0.pop()
        {
            return only;
        }
        if Instant::now() >= deadline {
            return BackendError::DeadlineExceeded;
        }
        let all = |is: fn(&BackendError) -> bool| self.0.iter().all(|(_, error)| is(error));
        if all(|error| matches!(error, BackendError::Overloaded)) {
            return BackendError::Overloaded;
        }
        let words = self.0.iter().map(|(serial, error)| format!("{serial}: {error}")).collect::<Vec<_>>().join("; ");
        if all(|error| matches!(error, BackendError::Missing(_))) {
            return BackendError::Missing(words);
        }
        BackendError::Unavailable(words)
    }
}
