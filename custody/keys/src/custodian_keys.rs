//! A custodian's two private keys, wherever they are.

use std::fmt;
use std::sync::Arc;

use hufu_codec::encode;
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, Outcome, SignInput};
use hufu_custodian::{Agreement, Custodian, SealingKey, Signer, VerifyingKey, open, seal};
use hufu_secret::SecretBytes;
use minicbor::bytes::ByteVec;

use crate::Error;
use crate::surroundings::{perform, random};

const PROOF_DOMAIN: &str = "hufu-custodian-proof";
const VERSION: u32 = 1;

/// A custodian's two private keys in a backend. They were seen to work, and to belong to the public keys.
pub struct CustodianKeys {
    backend: Arc<dyn KeyBackend>,
    signing: KeyHandle,
    sealing: KeyHandle,
    verifying_key: VerifyingKey,
    sealing_key: SealingKey,
}

impl CustodianKeys {
    /// Keys that are used once to see that they are those of the custodian.
    pub(crate) fn proven(
        backend: Arc<dyn KeyBackend>,
        custodian: &Custodian,
        signing: KeyHandle,
        sealing: KeyHandle,
    ) -> Result<Self, Error> {
        let (verifying_key, sealing_key) = (custodian.signing.clone(), custodian.sealing.clone());
        let keys = Self { backend, signing, sealing, verifying_key, sealing_key };
        let drawn = random(32)?;
        let statement = encode(PROOF_DOMAIN, VERSION, &ByteVec::from(drawn.expose().to_vec()));
        let signature = keys.try_sign(&statement)?;
        // With itself: it tells what fails in the backend's own words.
        keys.try_agree(keys.sealing_key.point())?;
        let sealed = seal(&keys.sealing_key, &statement, &drawn)?;
        let agrees = match open(&keys, &statement, &sealed) {
            Ok(opened) => opened == drawn,
            Err(hufu_custodian::Error::NotOpened) => false,
            Err(error) => return Err(error.into()),
        };
        if agrees && keys.verifying_key.verifies(&statement, &signature) { Ok(keys) } else { Err(Error::NotTheirs) }
    }

    fn try_sign(&self, statement: &[u8]) -> Result<Vec<u8>, BackendError> {
        match perform(self.backend.as_ref(), Operation::Sign(&self.signing, SignInput::Message(statement)))? {
            Outcome::Bytes(signature) => Ok(signature),
            _ => Err(unexpected()),
        }
    }

    fn try_agree(&self, peer: &[u8]) -> Result<SecretBytes, BackendError> {
        let own = self.sealing_key.spki();
        let (algorithm, point) = own.split_at(own.len().saturating_sub(self.sealing_key.point().len()));
        if point.len() != peer.len() {
            return Err(BackendError::InvalidInput("the peer's point has the wrong length".to_owned()));
        }
        // Keys of one algorithm differ in the point alone: a SubjectPublicKeyInfo has one form here.
        let peer = [algorithm, peer].concat();
        match perform(self.backend.as_ref(), Operation::Agree(&self.sealing, &peer))? {
            Outcome::Plaintext(shared) => Ok(shared),
            _ => Err(unexpected()),
        }
    }
}

fn unexpected() -> BackendError {
    BackendError::Failed("the backend answered something else".to_owned())
}

impl Agreement for CustodianKeys {
    fn key(&self) -> &SealingKey {
        &self.sealing_key
    }

    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, hufu_custodian::Error> {
        self.try_agree(peer).map_err(|error| match error {
            // The point is bad, and so whoever sealed is at fault.
            BackendError::InvalidInput(_) | BackendError::Rejected => hufu_custodian::Error::NotOpened,
            error => hufu_custodian::Error::Agreement(error.to_string()),
        })
    }
}

impl Signer for CustodianKeys {
    fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, hufu_custodian::Error> {
        self.try_sign(statement).map_err(|error| hufu_custodian::Error::Signing(error.to_string()))
    }
}

impl fmt::Debug for CustodianKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustodianKeys({})", self.backend.name())
    }
}
