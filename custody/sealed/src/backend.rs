//! What takes the place of the token.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::algorithm::TABLE;
use hufu_core::ambient::Rng;
use hufu_core::backend::{
    BackendError, Capabilities, Health, KeyBackend, KeyHandle, Operation, Outcome, Rewrap, Template, WrappingKeys,
};
use hufu_core::codec;
use hufu_core::record::{Locator, Protection, VersionUid, WrappingKeyId};
use hufu_secret::SecretBytes;
use hufu_software::{OpenError, SoftwareBackend};

use crate::master::{MASTER_KEY_ID, MasterKey};

/// The root key and the log key of a deployment without an HSM; no other keys.
pub struct SealedBackend {
    master: Arc<MasterKey>,
    software: SoftwareBackend,
    rng: Arc<dyn Rng>,
}

/// What the next master key is called while there are two.
const NEXT_KEY_ID: WrappingKeyId = WrappingKeyId(*b"hufu next master");

/// A master key and the one that follows it.
struct Both {
    old: Arc<SecretBytes>,
    new: Arc<SecretBytes>,
}

impl WrappingKeys for Both {
    fn wrapping_key(&self, id: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        let key = if id == NEXT_KEY_ID { &self.new } else { &self.old };
        Box::pin(std::future::ready(Ok(key.clone())))
    }
}

impl SealedBackend {
    /// A backend whose master key is there or comes later.
    ///
    /// # Errors
    /// [`OpenError`] when its thread cannot be started.
    pub fn new(master: Arc<MasterKey>, rng: Arc<dyn Rng>) -> Result<Self, OpenError> {
        let software = SoftwareBackend::new(master.clone(), rng.clone(), NonZeroUsize::MIN)?;
        Ok(Self { master, software, rng })
    }

    /// A key of this backend wrapped under another master key, which was opened once to prove it. The old wrapping opens as before.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] while the master key is not there; [`BackendError::Missing`] for a key that is not under it.
    pub async fn rewrapped(
        &self,
        key: &KeyHandle,
        under: &MasterKey,
        deadline: Instant,
    ) -> Result<Locator, BackendError> {
        let key = bound(key)?;
        let both = Arc::new(Both { old: self.master.read()?, new: under.read()? });
        let software = SoftwareBackend::new(both, self.rng.clone(), NonZeroUsize::MIN)
            .map_err(|error| BackendError::Failed(error.to_string()))?;
        let rewrap = Rewrap { wrapping_key: NEXT_KEY_ID, binding: &key.binding };
        match software.perform(Operation::Rewrap(&key, rewrap), deadline).await? {
            Outcome::Rewrapped(Locator::Wrapped { blob, .. }) => {
                Ok(Locator::Wrapped { blob, wrapping_key: MASTER_KEY_ID })
            }
            _ => Err(BackendError::Failed("the software answered out of turn".to_owned())),
        }
    }

    async fn dispatch(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        // What is in a cache must not work while the master key is not there.
        self.master.read()?;
        match operation {
            Operation::Generate(template) => {
                self.software.perform(Operation::Generate(&own(template)?), deadline).await
            }
            Operation::Sign(key, input) | Operation::SignOnce(key, input) => {
                self.software.perform(Operation::Sign(&bound(key)?, input), deadline).await
            }
            Operation::Seal(key, input) => {
                self.software.perform(Operation::Seal(&bound(key)?, input), deadline).await
            }
            Operation::Open(key, input) => {
                self.software.perform(Operation::Open(&bound(key)?, input), deadline).await
            }
            Operation::Find(_)
            | Operation::Inventory(_)
            | Operation::Destroy(_)
            | Operation::Level(_)
            | Operation::Random(_) => self.software.perform(operation, deadline).await,
            _ => Err(unsupported()),
        }
    }
}

impl KeyBackend for SealedBackend {
    fn name(&self) -> &str {
        "custodians"
    }

    /// Where the keys of an HSM would be: there are none, and whoever asks for one is told so.
    fn protection(&self) -> Protection {
        Protection::Hsm
    }

    fn capabilities(&self) -> Capabilities {
        let rows = TABLE
            .iter()
            .flat_map(|entry| entry.schemes.iter().map(|(purpose, scheme)| (entry.algorithm, *purpose, *scheme)));
        let refusals =
            rows.map(|(algorithm, purpose, scheme)| (algorithm, purpose, scheme, NO_HSM.to_owned())).collect();
        Capabilities { refusals, ..Capabilities::default() }
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(self.dispatch(operation, deadline))
    }

    fn health(&self) -> Health {
        match self.master.read() {
            Ok(_) => Health::Serving,
            Err(error) => Health::Down(error.to_string()),
        }
    }

    fn holds(&self, locator: &Locator) -> bool {
        matches!(locator, Locator::Wrapped { wrapping_key, .. } if *wrapping_key == MASTER_KEY_ID)
    }
}

const NO_HSM: &str = "there is no HSM here: the root is split among custodians";

fn unsupported() -> BackendError {
    BackendError::Unsupported(NO_HSM.to_owned())
}

/// A key of the service itself: tenants' keys name a wrapping key of their own.
fn own(template: &Template) -> Result<Template, BackendError> {
    if template.wrapping_key.is_some() {
        return Err(unsupported());
    }
    let binding = binding(template.uid, &template.algorithm.to_string());
    Ok(Template { binding, wrapping_key: Some(MASTER_KEY_ID), ..template.clone() })
}

fn bound(key: &KeyHandle) -> Result<KeyHandle, BackendError> {
    match &key.locator {
        Locator::Wrapped { wrapping_key, .. } if *wrapping_key == MASTER_KEY_ID => {
            Ok(KeyHandle { binding: binding(key.uid, &key.algorithm.to_string()), ..key.clone() })
        }
        _ => Err(BackendError::Missing("the key is not under the custodians' master key".to_owned())),
    }
}

/// Associated data of what the master key wraps: which key it is, and what it is used for.
fn binding(uid: VersionUid, algorithm: &str) -> Arc<[u8]> {
    codec::encode("hufu-split-root-binding", 1, &(uid, algorithm)).into()
}
