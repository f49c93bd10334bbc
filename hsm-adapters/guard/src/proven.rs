//! A backend whose signatures are checked before they are released.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::backend::{
    BackendError, Capabilities, DeviceStatus, Health, KeyBackend, KeyHandle, Operation, Outcome, PublicKey, SignInput,
};
use hufu_core::record::{Locator, Protection, VersionUid};

use crate::marks::{Marks, Standing};
use crate::verify::{Verify, is_fragile};

/// What is encrypted to a key and decrypted again, to prove the key.
const CHALLENGE: &[u8] = b"hufu/guard/challenge/v1";

/// How often an agreement is tried while the device is lost between proof and use.
const AGREE_TRIES_MAX: usize = 3;

/// A result that does not belong to the key that was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// The backend that made it.
    pub backend: String,
    /// The version whose key was asked for.
    pub uid: VersionUid,
    /// What was wrong.
    pub what: &'static str,
}

/// Puts a check behind the signatures of a backend, and before its decryptions and agreements where they tell nothing by
/// themselves. All else goes through as it is.
///
/// What does not verify is not released, and nothing of the backend counts as proven after it: each key is refused until it
/// makes a signature that is good.
pub struct Proven {
    backend: Arc<dyn KeyBackend>,
    verifier: Arc<dyn KeyBackend>,
    verify: Verify,
    marks: Marks,
    alarm: Box<dyn Fn(&Mismatch) + Send + Sync>,
}

impl Proven {
    /// A backend, who verifies its signatures, how often, and who is told of one that is not good.
    pub fn new(
        backend: Arc<dyn KeyBackend>,
        verifier: Arc<dyn KeyBackend>,
        verify: Verify,
        alarm: impl Fn(&Mismatch) + Send + Sync + 'static,
    ) -> Self {
        Self { backend, verifier, verify, marks: Marks::new(), alarm: Box::new(alarm) }
    }

    /// Signs as the operation says, and checks what comes out.
    async fn sign(
        &self,
        operation: Operation<'_>,
        key: &KeyHandle,
        input: SignInput<'_>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        let (begun, once) = (self.standing(), matches!(operation, Operation::SignOnce(..)));
        let outcome = self.backend.perform(operation, deadline).await?;
        // The device may have been lost meanwhile: what counts is where things stand now.
        if !self.is_due(key, self.standing()) {
            return Ok(outcome);
        }
        let Outcome::Bytes(signature) = &outcome else {
            return Err(BackendError::Failed("the backend answered a signature of another form".to_owned()));
        };
        let public_key = public_key(key)?;
        let operation = Operation::Verify(&public_key, input, signature);
        let verified = self.verifier.perform(operation, deadline).await;
        match verified {
            Ok(Outcome::Verified(true)) => {
                self.marks.prove(key.uid, begun);
                Ok(outcome)
            }
            // There is a signature: nobody may take this for a call that had no effect.
            Err(error) if once => Err(BackendError::Failed(format!("what was signed could not be checked: {error}"))),
            Err(error) => Err(error),
            Ok(_) => Err(self.mismatch(key, "a signature that is not good under the key's public half")),
        }
    }

    /// Decrypts. That a ciphertext is refused is told only by a key that is proven: another key refuses every one.
    async fn decrypt(&self, key: &KeyHandle, data: &[u8], deadline: Instant) -> Result<Outcome, BackendError> {
        let begun = self.standing();
        let answer = self.backend.perform(Operation::DecryptWith(key, data), deadline).await;
        let refused = matches!(answer, Err(BackendError::Rejected));
        if !refused || self.marks.is_proven(key.uid, self.standing()) {
            return answer;
        }
        let public_key = public_key(key)?;
        let encrypted = self.verifier.perform(Operation::EncryptTo(&public_key, CHALLENGE), deadline).await?;
        let Outcome::Bytes(encrypted) = encrypted else {
            return Err(BackendError::Failed("the verifier answered a ciphertext of another form".to_owned()));
        };
        match self.backend.perform(Operation::DecryptWith(key, &encrypted), deadline).await {
            Ok(Outcome::Plaintext(opened)) if opened.expose() == CHALLENGE => {
                self.marks.prove(key.uid, begun);
                answer
            }
            Ok(_) | Err(BackendError::Rejected) => {
                Err(self.mismatch(key, "a private key that does not open what the public half sealed"))
            }
            Err(error) => Err(error),
        }
    }

    /// Agrees on a secret. Nothing in it tells whose key made it, so the key is proven before, by a peer that was made for that, and
    /// the device must not have been lost since.
    async fn agree(&self, key: &KeyHandle, peer: &[u8], deadline: Instant) -> Result<Outcome, BackendError> {
        for _ in 0..AGREE_TRIES_MAX {
            if !self.marks.is_proven(key.uid, self.standing()) {
                self.prove_agreement(key, deadline).await?;
            }
            let outcome = self.backend.perform(Operation::Agree(key, peer), deadline).await?;
            if self.marks.is_proven(key.uid, self.standing()) {
                return Ok(outcome);
            }
        }
        Err(BackendError::Unavailable("the device is lost again and again".to_owned()))
    }

    async fn prove_agreement(&self, key: &KeyHandle, deadline: Instant) -> Result<(), BackendError> {
        let begun = self.standing();
        let public_key = public_key(key)?;
        let met = self.verifier.perform(Operation::Encapsulate(&public_key), deadline).await?;
        let Outcome::Encapsulated { ciphertext: peer, secret } = met else {
            return Err(BackendError::Failed("the verifier answered a secret of another form".to_owned()));
        };
        match self.backend.perform(Operation::Agree(key, &peer), deadline).await? {
            Outcome::Plaintext(found) if found == secret => {
                self.marks.prove(key.uid, begun);
                Ok(())
            }
            _ => Err(self.mismatch(key, "a secret that is not the one of the key's public half")),
        }
    }

    fn standing(&self) -> Standing {
        self.marks.standing(self.backend.generation())
    }

    fn is_due(&self, key: &KeyHandle, now: Standing) -> bool {
        let configured = match self.verify {
            Verify::Always => true,
            Verify::Reopened => false,
            Verify::Sampled(one_of) => self.marks.is_sampled(one_of.get()),
        };
        configured || is_fragile(key.scheme) || !self.marks.is_proven(key.uid, now) || self.marks.is_watched()
    }

    fn mismatch(&self, key: &KeyHandle, what: &'static str) -> BackendError {
        self.marks.doubt();
        self.backend.distrust();
        let mismatch = Mismatch { backend: self.backend.name().to_owned(), uid: key.uid, what };
        tracing::error!(backend = mismatch.backend, version = %mismatch.uid, what, "withheld");
        (self.alarm)(&mismatch);
        BackendError::Failed(format!("withheld: the backend made {what}"))
    }
}

impl KeyBackend for Proven {
    fn name(&self) -> &str {
        self.backend.name()
    }

    fn protection(&self) -> Protection {
        self.backend.protection()
    }

    fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        match operation {
            Operation::Sign(key, input) | Operation::SignOnce(key, input) => {
                Box::pin(self.sign(operation, key, input, deadline))
            }
            Operation::DecryptWith(key, data) => Box::pin(self.decrypt(key, data, deadline)),
            Operation::Agree(key, peer) => Box::pin(self.agree(key, peer, deadline)),
            other => self.backend.perform(other, deadline),
        }
    }

    fn health(&self) -> Health {
        self.backend.health()
    }

    fn generation(&self) -> u64 {
        self.backend.generation()
    }

    fn distrust(&self) {
        self.backend.distrust();
    }

    fn holds(&self, locator: &Locator) -> bool {
        self.backend.holds(locator)
    }

    fn devices(&self) -> Vec<DeviceStatus> {
        self.backend.devices()
    }

    fn returns(&self) -> Option<u64> {
        self.backend.returns()
    }
}

fn public_key(key: &KeyHandle) -> Result<PublicKey<'_>, BackendError> {
    let spki = key.public_key.as_deref();
    let spki = spki.ok_or_else(|| BackendError::Failed("no public key to prove the private one by".to_owned()))?;
    let distinguishing_id = key.distinguishing_id.as_deref();
    Ok(PublicKey { algorithm: key.algorithm, scheme: key.scheme, spki, distinguishing_id })
}

#[cfg(test)]
mod tests;
