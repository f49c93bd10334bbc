//! A token that is made up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, TABLE};
use hufu_core::backend::{BackendError, Capabilities, Generated, Health, KeyBackend, KeyHandle, Operation, Outcome};
use hufu_core::record::{Attestation, Exit, Locator, Protection, VersionUid};
use parking_lot::Mutex;

/// How it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    Well,
    Down,
    Hanging,
    Failing,
    Busy,
    NoCredentials,
    Rejecting,
    Unable,
    /// It makes a key and does not say so.
    MakingInSilence,
}

pub(crate) struct Fake {
    pub(crate) serial: &'static str,
    /// Material of a key, and whether it is complete.
    keys: Mutex<BTreeMap<VersionUid, (u64, bool)>>,
    mood: Mutex<Mood>,
    asked: AtomicUsize,
    signed: AtomicUsize,
    made: AtomicU64,
    unable: Option<(Algorithm, Algorithm)>,
    clones_to: Mutex<Weak<Fake>>,
}

/// What a key of that material signs.
pub(crate) fn signature_of(material: u64) -> Vec<u8> {
    material.to_be_bytes().to_vec()
}

impl Fake {
    pub(crate) fn new(serial: &'static str) -> Arc<Self> {
        Arc::new(Self::bare(serial))
    }

    /// One that cannot do an algorithm at all, and keeps the keys of another.
    pub(crate) fn unable(serial: &'static str, at_all: Algorithm, keeps: Algorithm) -> Arc<Self> {
        Arc::new(Self { unable: Some((at_all, keeps)), ..Self::bare(serial) })
    }

    fn bare(serial: &'static str) -> Self {
        Self {
            serial,
            keys: Mutex::default(),
            mood: Mutex::new(Mood::Well),
            asked: AtomicUsize::new(0),
            signed: AtomicUsize::new(0),
            made: AtomicU64::new(0),
            unable: None,
            clones_to: Mutex::new(Weak::new()),
        }
    }

    pub(crate) fn clone_to(from: &Arc<Self>, to: &Arc<Self>) {
        *from.clones_to.lock() = Arc::downgrade(to);
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.lock().len()
    }

    pub(crate) fn material(&self, uid: VersionUid) -> Option<u64> {
        self.keys.lock().get(&uid).filter(|(_, complete)| *complete).map(|(material, _)| *material)
    }

    pub(crate) fn forget(&self, uid: VersionUid) {
        self.keys.lock().remove(&uid);
    }

    pub(crate) fn halve(&self, uid: VersionUid) {
        self.keys.lock().entry(uid).and_modify(|(_, complete)| *complete = false);
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn signed(&self) -> usize {
        self.signed.load(Ordering::Relaxed)
    }

    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    async fn answer(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mood = *self.mood.lock();
        let silent = mood == Mood::MakingInSilence && matches!(operation, Operation::Generate(_));
        match mood {
            Mood::Well | Mood::MakingInSilence => {}
            Mood::Down => return Err(BackendError::Unavailable("unplugged".to_owned())),
            Mood::Hanging => {
                tokio::time::sleep_until(deadline.into()).await;
                return Err(BackendError::DeadlineExceeded);
            }
            Mood::Failing => return Err(BackendError::Failed("odd".to_owned())),
            Mood::Busy => return Err(BackendError::Overloaded),
            Mood::NoCredentials => return Err(BackendError::Credentials("no".to_owned())),
            Mood::Rejecting => return Err(BackendError::Rejected),
            Mood::Unable => return Err(BackendError::Unsupported("no".to_owned())),
        }
        let outcome = self.perform_well(operation)?;
        if silent { Err(BackendError::Unavailable("nothing is known of it".to_owned())) } else { Ok(outcome) }
    }

    fn perform_well(&self, operation: Operation<'_>) -> Result<Outcome, BackendError> {
        match operation {
            Operation::Generate(template) => {
                let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
                let material = number * 100 + self.serial.parse::<u64>().unwrap();
                if let Some(clone) = self.clones_to.lock().upgrade() {
                    assert_eq!(template.exit, Exit::Never, "a token by itself knows of no group");
                    clone.keys.lock().insert(template.uid, (material, true));
                }
                Ok(self.keep(template.uid, material))
            }
            Operation::Unwrap(template, arrival) => {
                if self.keys.lock().contains_key(&template.uid) {
                    return Err(BackendError::Failed("the identity is taken".to_owned()));
                }
                assert_eq!(template.exit, Exit::Replicable);
                let material = u64::from_be_bytes(arrival.wrapped.try_into().unwrap());
                let made = self.keep(template.uid, material);
                assert_eq!(arrival.public_key, Some(signature_of(material).as_slice()));
                Ok(made)
            }
            Operation::Wrap(key, _) => Ok(Outcome::Bytes(signature_of(self.find(key)?))),
            Operation::Sign(key, _) | Operation::SignOnce(key, _) => {
                let material = self.find(key)?;
                self.signed.fetch_add(1, Ordering::Relaxed);
                Ok(Outcome::Bytes(signature_of(material)))
            }
            Operation::Find(uid) => Ok(Outcome::Found(self.keys.lock().contains_key(&uid))),
            Operation::Destroy(uid) => {
                self.keys.lock().remove(&uid);
                Ok(Outcome::Done)
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn keep(&self, uid: VersionUid, material: u64) -> Outcome {
        self.keys.lock().insert(uid, (material, true));
        let locator = Locator::Token { serial: self.serial.to_owned(), uid, fingerprint: None };
        let (public_key, attestation) = (Some(signature_of(material)), Attestation::Software);
        Outcome::Generated(Box::new(Generated { locator, public_key, attestation }))
    }

    fn find(&self, key: &KeyHandle) -> Result<u64, BackendError> {
        assert!(matches!(&key.locator, Locator::Token { serial, .. } if serial == self.serial), "{key:?}");
        self.material(key.uid).ok_or_else(|| BackendError::Missing("not here".to_owned()))
    }
}

impl KeyBackend for Fake {
    fn name(&self) -> &str {
        self.serial
    }

    fn protection(&self) -> Protection {
        Protection::Hsm
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities { exits: vec![Exit::Replicable], ..Capabilities::default() };
        for entry in TABLE {
            for (purpose, scheme) in entry.schemes {
                let row = (entry.algorithm, *purpose, *scheme);
                match self.unable {
                    Some((at_all, _)) if at_all == row.0 => {
                        capabilities.refusals.push((row.0, row.1, row.2, "it cannot".to_owned()));
                        continue;
                    }
                    Some((_, keeps)) if keeps == row.0 => {
                        capabilities.kept.push((row.0, row.1, row.2, Exit::Replicable, "it keeps them".to_owned()));
                    }
                    _ => {}
                }
                capabilities.schemes.push(row);
            }
        }
        capabilities
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(self.answer(operation, deadline))
    }

    fn health(&self) -> Health {
        match *self.mood.lock() {
            Mood::Down => Health::Down("unplugged".to_owned()),
            _ => Health::Serving,
        }
    }
}
