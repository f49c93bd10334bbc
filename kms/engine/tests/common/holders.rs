//! What stands for holders behind the seam: it makes and uses a key at once, or fails as it is told.

use std::time::Instant;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{
    BackendError, Capabilities, DeviceStatus, Generated, Health, HolderFault, HoldersError, KeyBackend, Operation,
    Outcome, SignInput,
};
use hufu_core::record::{Attestation, Locator, Protection};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::token::SPKI_PREFIX;

/// The holders that there are.
pub(crate) const HOLDERS: [&str; 3] = ["north", "south", "west"];

/// Three holders of keys of Ed25519.
#[derive(Default)]
pub(crate) struct SimHolders {
    /// Every operation that came to them, by name.
    pub(crate) calls: Mutex<Vec<&'static str>>,
    /// How the next one fails.
    pub(crate) failure: Mutex<Option<HoldersError>>,
    /// Who fails on the way to a signature.
    pub(crate) faults: Mutex<Vec<HolderFault>>,
    /// Counts signatures: no two are the same.
    signatures: Mutex<u64>,
}

impl SimHolders {
    fn effect(&self, operation: &Operation<'_>) -> Result<Outcome, BackendError> {
        let name = match operation {
            Operation::GenerateAmong(..) => "generate",
            Operation::SignUnder(..) => "sign",
            Operation::DestroyAmong(_) => "destroy",
            Operation::Find(_) => return Ok(Outcome::Found(false)),
            Operation::Inventory(_) => return Ok(Outcome::Inventory(Vec::new())),
            _ => return Ok(Outcome::Done),
        };
        self.calls.lock().push(name);
        if let Some(error) = self.failure.lock().take() {
            return Err(BackendError::Holders(Box::new(error)));
        }
        match operation {
            Operation::GenerateAmong(_, among) => {
                let group = among.version.to_string().into_bytes();
                let public_key = Some([SPKI_PREFIX.as_slice(), pair(&group).public_key().as_ref()].concat());
                let attestation = Attestation::Holders { threshold: among.threshold, holders: 3, simulated: false };
                let locator = Locator::Holders { group: group.into() };
                Ok(Outcome::Generated(Box::new(Generated { locator, public_key, attestation })))
            }
            Operation::SignUnder(key, SignInput::Message(message), _) => {
                let Locator::Holders { group } = &key.locator else { panic!("{:?}", key.locator) };
                let mut signature = pair(group).sign(message).as_ref().to_vec();
                let mut count = self.signatures.lock();
                *count += 1;
                signature.extend(count.to_be_bytes());
                Ok(Outcome::SignedByHolders { signature, faults: self.faults.lock().clone() })
            }
            _ => Ok(Outcome::Done),
        }
    }
}

fn pair(group: &[u8]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&Sha256::digest(group)).unwrap()
}

impl KeyBackend for SimHolders {
    fn name(&self) -> &str {
        "holders"
    }

    fn protection(&self) -> Protection {
        Protection::Threshold
    }

    fn capabilities(&self) -> Capabilities {
        let schemes = vec![(Algorithm::Ed25519, Purpose::Sign, Scheme::Ed25519)];
        Capabilities { schemes, ..Capabilities::default() }
    }

    fn perform<'a>(&'a self, operation: Operation<'a>, _: Instant) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move { self.effect(&operation) })
    }

    fn health(&self) -> Health {
        Health::Serving
    }

    fn devices(&self) -> Vec<DeviceStatus> {
        let device = |name: &str| DeviceStatus {
            serial: name.to_owned(),
            model: String::new(),
            label: String::new(),
            health: Health::Serving,
            breaker_open: false,
            generation: 0,
            sessions: 1,
            in_flight: 0,
            simulated: false,
            missing: 0,
            profile: String::new(),
        };
        HOLDERS.map(device).to_vec()
    }
}
