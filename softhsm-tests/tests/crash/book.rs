//! What the clients know: what was acknowledged, and what may have happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use hufu_sdk::{Error, v1};

/// States of the versions of a key, from version 1.
pub(crate) type States = Vec<v1::KeyState>;

/// A change of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Create,
    Rotate,
    Revoke { version: usize, reason: v1::RevocationReason },
}

/// What is known of one version's signatures.
#[derive(Clone, Default, Debug)]
pub(crate) struct Signatures {
    /// Signatures that were handed out.
    pub(crate) acknowledged: u64,
    /// Signatures that were asked for.
    pub(crate) asked: u64,
    /// The last message whose signature was handed out.
    pub(crate) last: Option<Vec<u8>>,
}

/// What is known of one key.
#[derive(Clone, Default, Debug)]
pub(crate) struct KeyPage {
    pub(crate) protection: v1::Protection,
    /// By acknowledged changes alone.
    pub(crate) states: States,
    /// Changes without an answer.
    pub(crate) open: Vec<Change>,
    /// By version, from 1.
    pub(crate) signatures: BTreeMap<usize, Signatures>,
    /// Whether anything happened since it was last judged.
    pub(crate) touched: bool,
}

/// How an operation failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failed {
    /// The server said so.
    Answered,
    /// The server is gone.
    Gone,
}

/// Everything the clients know.
#[derive(Default)]
pub(crate) struct Book {
    keys: Mutex<BTreeMap<String, KeyPage>>,
    failures: Mutex<BTreeSet<String>>,
}

impl Book {
    pub(crate) fn with<T>(&self, key: &str, change: impl FnOnce(&mut KeyPage) -> T) -> T {
        let mut keys = self.keys.lock().unwrap();
        let page = keys.entry(key.to_owned()).or_default();
        page.touched = true;
        change(page)
    }

    pub(crate) fn begin(&self, key: &str, change: Change) {
        self.with(key, |page| page.open.push(change));
    }

    pub(crate) fn end(&self, key: &str, change: Change) {
        self.with(key, |page| {
            page.open.retain(|open| *open != change);
            change.apply(&mut page.states);
        });
    }

    /// Notes an answer that is an error. No answer at all, because the connection broke, is none.
    pub(crate) fn fail(&self, error: &Error) -> Failed {
        if matches!(error, Error::Transport { .. }) {
            return Failed::Gone;
        }
        self.failures.lock().unwrap().insert(error.reason().map_or_else(|| format!("{error:?}"), str::to_owned));
        Failed::Answered
    }

    /// The errors that were answered since the last time, by their reasons.
    pub(crate) fn take_failures(&self) -> Vec<String> {
        std::mem::take(&mut *self.failures.lock().unwrap()).into_iter().collect()
    }

    /// The keys that something happened to since the last time, or all.
    pub(crate) fn pages(&self, all: bool) -> Vec<(String, KeyPage)> {
        let keys = self.keys.lock().unwrap();
        keys.iter().filter(|(_, page)| all || page.touched).map(|(name, page)| (name.clone(), page.clone())).collect()
    }

    /// What the service says is true now: it was compared with what is known.
    pub(crate) fn adopt(&self, key: &str, states: States) {
        let mut keys = self.keys.lock().unwrap();
        if states.is_empty() {
            keys.remove(key);
        } else if let Some(page) = keys.get_mut(key) {
            (page.states, page.touched) = (states, false);
            page.open.clear();
        }
    }
}

impl KeyPage {
    /// Every state that can be true: with each of the open changes done or not.
    pub(crate) fn possible(&self) -> Vec<States> {
        let mut possible = vec![self.states.clone()];
        for change in &self.open {
            let done: Vec<States> = possible.iter().cloned().filter_map(|states| change.applied(states)).collect();
            possible.extend(done);
        }
        possible
    }
}

impl Change {
    fn applied(self, mut states: States) -> Option<States> {
        let fits = match self {
            Self::Create => states.is_empty(),
            Self::Rotate => !states.is_empty(),
            Self::Revoke { version, .. } => version <= states.len(),
        };
        fits.then(|| {
            self.apply(&mut states);
            states
        })
    }

    fn apply(self, states: &mut States) {
        match self {
            Self::Create => states.push(v1::KeyState::Active),
            Self::Rotate => {
                if let Some(last @ v1::KeyState::Active) = states.last_mut() {
                    *last = v1::KeyState::Deactivated;
                }
                states.push(v1::KeyState::Active);
            }
            Self::Revoke { version, reason } => {
                if let Some(state) = states.get_mut(version - 1) {
                    *state = match reason {
                        v1::RevocationReason::KeyCompromise => v1::KeyState::Compromised,
                        _ => v1::KeyState::Deactivated,
                    };
                }
            }
        }
    }
}
