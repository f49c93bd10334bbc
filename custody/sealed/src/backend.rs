//! What takes the place of the token.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::algorithm::TABLE;
use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, Capabilities, Health, KeyBackend, KeyHandle, Operation, Outcome, Template};
use hufu_core::codec;
use hufu_core::record::{Locator, Protection, VersionUid};
use hufu_software::{OpenError, SoftwareBackend};

use crate::master::{MASTER_KEY_ID, MasterKey};

/// The root key and the log key of a deployment without an HSM; no other keys.
pub struct SealedBackend {
    master: Arc<MasterKey>,
    software: SoftwareBackend,
}

impl SealedBackend {
    /// A backend whose master key is there or comes later.
    ///
    /// # Errors
    /// [`OpenError`] when its thread cannot be started.
    pub fn new(master: Arc<MasterKey>, rng: Arc<dyn Rng>) -> Result<Self, OpenError> {
        let software = SoftwareBackend::new(master.clone(), rng, NonZeroUsize::MIN)?;
        Ok(Self { master, software })
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
