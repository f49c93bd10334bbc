//! What may be answered: only what is recorded, allowed, and made by the key that is named.

use hufu_core::policy::Action;
use hufu_core::{Error, Reason};
use hufu_engine::api::Version;

use super::{Made, Oracle, State, Use, states};
use crate::common::token::{Material, verify};
use crate::request::{Answer, Call, Request};

/// Versions that are tried when a caller names none.
const TRIED_MAX: usize = 16;

impl Use {
    fn tells_of(&self, action: Option<Action>, version: &str) -> bool {
        Some(self.action) == action && *self.resource == *version && self.identified
    }
}

impl Oracle {
    /// A call has begun.
    pub(crate) fn called(&self, call: &Call) {
        if let Some(repetition) = call.repetition() {
            let mut state = self.state.lock();
            let asked = (call.label(), call.request.clone(), state.coverage.commits);
            state.repetitions.entry(repetition).or_default().push(asked);
        }
    }

    /// A call was answered.
    pub(crate) fn answered(&self, call: &Call, answer: &Result<Answer, Error>) {
        let mut state = self.state.lock();
        match answer {
            Err(error) => state.check_error(call, error),
            Ok(Answer::Read) => {}
            Ok(Answer::Changed) => state.check_change(call),
            Ok(Answer::Output { version, bytes }) => {
                state.check_use(call, version);
                self.check_output(&mut state, call, version, bytes);
            }
            Ok(Answer::Plaintext { version, bytes }) => {
                state.check_use(call, version);
                let Request::Decrypt { key, ciphertext } = &call.request else { return };
                let known = state.known.get(&key.to_string()).cloned().unwrap_or_default();
                if !known.iter().any(|(plaintext, sealed)| sealed == ciphertext && plaintext == bytes) {
                    state.fail(format!("{} opens to something else", key));
                }
            }
            Ok(Answer::Verified { version, valid }) => {
                state.check_use(call, version);
                // Only what was released is ever presented.
                let named = matches!(
                    &call.request,
                    Request::Verify { selector, .. } | Request::VerifyMac { selector, .. } if selector.number.is_some()
                );
                if !valid && !named && !self.shared {
                    state.check_forgotten(call, version);
                }
            }
        }
    }

    fn check_output(&self, state: &mut State, call: &Call, version: &Version, bytes: &[u8]) {
        let Some(material) = self.token.ever(version.record.uid) else {
            return state.fail(format!("{} has an output and no material", version.record.name()));
        };
        let (selector, input, right) = match &call.request {
            Request::Sign { selector, message } => {
                (selector, message, is_signature(&material, version, message, bytes))
            }
            Request::Mac { selector, data } => (selector, data, material.mac(data) == bytes),
            Request::Encrypt { selector, plaintext } => (selector, plaintext, true),
            _ => return state.fail("an output that nobody has asked for"),
        };
        if !right || selector.key != version.record.key_name() {
            state.fail(format!("the output was not made by {}", version.record.name()));
        }
        state.coverage.outputs += 1;
        state.known.entry(selector.key.to_string()).or_default().push((input.clone(), bytes.to_vec()));
    }
}

impl State {
    /// An output is released only after its record, and only while state and principal allow it.
    fn check_use(&mut self, call: &Call, version: &Version) {
        let (label, name) = (call.label(), version.record.name().to_string());
        let action = call.request.action();
        let recorded = self.uses.get(&label).map(Vec::as_slice).unwrap_or_default();
        let problem = match recorded {
            [done] if !done.tells_of(action, &name) => "is recorded as something else",
            [done] if !done.allowed && action != Some(Action::Verify) => "was not allowed any more",
            [_] => return,
            [] => "is not recorded",
            _ => "is recorded more than once",
        };
        self.fail(format!("released {action:?} of {name} by {label}, which {problem}"));
    }

    /// An acknowledged change is committed, once: by this call or by one that it repeats.
    fn check_change(&mut self, call: &Call) {
        let (mine, same) = (self.changes_of(&call.label()), self.changes_of_repeated(call));
        let done: Vec<Made> = mine.iter().chain(&same).copied().collect();
        if done.len() != 1 || done.iter().any(|made| Some(made.action) != call.request.action()) {
            let label = call.label();
            return self.fail(format!("{:?} was acknowledged to {label}, and {done:?} was done", call.request));
        }
        self.coverage.replays += u64::from(mine.is_empty());
    }

    fn changes_of(&self, label: &str) -> Vec<Made> {
        self.changes.get(label).cloned().unwrap_or_default()
    }

    /// What other calls of the same request id have done that asked the same.
    fn changes_of_repeated(&self, call: &Call) -> Vec<Made> {
        let group = call.repetition().and_then(|repetition| self.repetitions.get(&repetition));
        let others = group.into_iter().flatten();
        let others = others.filter(|(label, request, _)| *label != call.label() && *request == call.request);
        others.flat_map(|(label, ..)| self.changes_of(label)).collect()
    }

    fn check_error(&mut self, call: &Call, error: &Error) {
        let reason = error.reason();
        self.coverage.refusals += 1;
        self.coverage.withheld += u64::from(reason == Reason::RevokedMeanwhile);
        if matches!(reason, Reason::Internal | Reason::Quarantined | Reason::ClockFrozen | Reason::DecryptionFailed) {
            self.fail(format!("{:?} ended in {error:?}", call.request));
        }
        // Whoever is told so knows that the outcome may be open.
        let open = reason == Reason::StorageUnavailable;
        if !open && self.changes.contains_key(&call.label()) {
            self.fail(format!("{:?} was done, and {} was told {error:?}", call.request, call.label()));
        }
        let refused = matches!(reason, Reason::AlreadyExists | Reason::EtagMismatch | Reason::WrongState);
        let done_before = self.changes_of_repeated(call).iter().any(|made| made.commit <= self.began(call));
        if refused && done_before {
            self.fail(format!("{:?} is a repetition, and was told {error:?}", call.request));
        }
    }

    /// Number of the last commit before a call with a request id.
    fn began(&self, call: &Call) -> u64 {
        let group = call.repetition().and_then(|repetition| self.repetitions.get(&repetition));
        let mut group = group.into_iter().flatten();
        group.find(|(label, ..)| *label == call.label()).map_or(0, |(.., began)| *began)
    }

    /// A released output fails to verify only when its version is not among those tried.
    fn check_forgotten(&mut self, call: &Call, version: &Version) {
        let key = version.record.key_name();
        let versions: Vec<_> = self.versions().filter(|record| record.key_name() == key).collect();
        let tried = versions.len() <= TRIED_MAX;
        let usable = versions.iter().all(|record| states::allows(Action::VerifyMac, record));
        if tried && (usable || matches!(call.request, Request::Verify { .. })) {
            self.fail(format!("{key} does not know its own output"));
        }
    }
}

fn is_signature(material: &Material, version: &Version, message: &[u8], signature: &[u8]) -> bool {
    let spki = version.record.public_key.as_deref().unwrap_or_default();
    material.public_key().as_deref() == Some(spki) && verify(spki, message, signature)
}
