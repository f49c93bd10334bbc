//! A backend over the simulated token, or over wrapped blobs, that fails when chance says so.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::Rng;
use hufu_core::backend::{
    Aead, Arrival, BackendError, Capabilities, Generated, Health, KeyBackend, KeyHandle, Operation, Outcome, Rewrap,
    SignInput, Template, Wrapping,
};
use hufu_core::record::{Attestation, Exit, Locator, Protection};
use hufu_secret::SecretBytes;
use sha2::{Digest, Sha256};

use super::ambient::{SimRng, SimTime};
use super::hazards::{CallFault, Hazards};
use super::token::{Material, SimToken, shared_secret, verify};

/// Serial number of the simulated token.
pub(crate) const SERIAL: &str = "sim-0001";

/// A backend of one protection.
pub(crate) struct SimBackend {
    pub(crate) protection: Protection,
    pub(crate) token: Arc<SimToken>,
    pub(crate) chance: Arc<SimRng>,
    pub(crate) time: Arc<SimTime>,
    pub(crate) hazards: Arc<Hazards>,
    /// Whether it claims to have destroyed what it keeps: for tests of the oracle.
    pub(crate) lies: bool,
}

impl SimBackend {
    fn effect(&self, operation: &Operation<'_>) -> Result<Outcome, BackendError> {
        match operation {
            Operation::Generate(template) => {
                let mut bytes = [0; 32];
                self.chance.fill(&mut bytes).unwrap();
                self.keep(template, bytes)
            }
            Operation::Unwrap(template, Arrival { by: Wrapping::Key(by), wrapped, .. }) => {
                // What is wrapped begins with the public key that it is wrapped for.
                let public = self.material(by)?.public_key().unwrap_or_default();
                let bytes = wrapped.strip_prefix(public.as_slice()).and_then(|rest| rest.try_into().ok());
                self.keep(template, bytes.ok_or(BackendError::Rejected)?)
            }
            // A secret key has no public half, and what stands for it wrapped is the key.
            Operation::Wrap(key, Wrapping::Key(_)) => Ok(Outcome::Bytes(self.material(key)?.bytes.to_vec())),
            Operation::Find(uid) => Ok(Outcome::Found(!self.lies && self.token.find(*uid).is_some())),
            Operation::Inventory(_) => Ok(Outcome::Inventory(self.token.uids())),
            Operation::Destroy(uid) => {
                if !self.lies {
                    self.token.destroy(*uid);
                }
                Ok(Outcome::Done)
            }
            Operation::Sign(key, SignInput::Message(message))
            | Operation::SignOnce(key, SignInput::Message(message)) => {
                let mut hedge = vec![0; if key.scheme.is_randomised() { 16 } else { 0 }];
                self.chance.fill(&mut hedge).unwrap();
                Ok(Outcome::Bytes(self.material(key)?.sign(&[message, hedge.as_slice()].concat())))
            }
            Operation::Verify(key, SignInput::Message(message), signature) => {
                Ok(Outcome::Verified(verify(key.spki, message, signature)))
            }
            Operation::Mac(key, data) => Ok(Outcome::Bytes(self.material(key)?.mac(data))),
            Operation::Seal(key, Aead { nonce, aad, data }) => {
                Ok(Outcome::Bytes(self.material(key)?.seal(nonce, aad, data)))
            }
            Operation::Open(key, Aead { nonce, aad, data }) => {
                let plaintext = self.material(key)?.open(nonce, aad, data).ok_or(BackendError::Rejected)?;
                Ok(Outcome::Plaintext(SecretBytes::from_vec(plaintext)))
            }
            Operation::Encapsulate(key) => {
                let mut ciphertext = vec![0; 1088];
                self.chance.fill(&mut ciphertext).unwrap();
                let secret = SecretBytes::from_slice(&shared_secret(key.spki, &ciphertext));
                Ok(Outcome::Encapsulated { ciphertext, secret })
            }
            Operation::Decapsulate(key, ciphertext) => {
                let spki = self.material(key)?.public_key().unwrap_or_default();
                Ok(Outcome::Plaintext(SecretBytes::from_slice(&shared_secret(&spki, ciphertext))))
            }
            Operation::Agree(key, peer) => {
                let ours = self.material(key)?.public_key().unwrap_or_default();
                if peer.len() != ours.len() {
                    return Err(BackendError::InvalidInput("no public key of that kind".to_owned()));
                }
                // The same from both sides, which is all that is asked of it.
                let (one, other) = if *ours < **peer { (&ours[..], *peer) } else { (*peer, &ours[..]) };
                Ok(Outcome::Plaintext(SecretBytes::from_slice(&shared_secret(one, other))))
            }
            Operation::Random(len) => {
                let mut bytes = SecretBytes::zeroed(*len);
                if !self.token.random_is_stuck.load(Ordering::Relaxed) {
                    self.chance.fill(bytes.expose_mut()).unwrap();
                }
                Ok(Outcome::Plaintext(bytes))
            }
            Operation::Level(key) => self.level(key),
            Operation::Rewrap(key, Rewrap { wrapping_key, binding }) => {
                let bytes = self.material(key)?.bytes;
                let blob = [bytes.as_slice(), &Sha256::digest(binding)].concat().into();
                Ok(Outcome::Rewrapped(Locator::Wrapped { blob, wrapping_key: *wrapping_key }))
            }
            other => Err(BackendError::Unsupported(format!("{other:?}"))),
        }
    }

    fn level(&self, key: &KeyHandle) -> Result<Outcome, BackendError> {
        let group = self.token.group.as_ref().unwrap();
        if group.is_short.load(Ordering::Relaxed) {
            return Err(BackendError::Unavailable("one is away".to_owned()));
        }
        group.levelled.lock().push(key.uid);
        Ok(Outcome::Done)
    }

    fn keep(&self, template: &Template, bytes: [u8; 32]) -> Result<Outcome, BackendError> {
        let material = Material { algorithm: template.algorithm, bytes };
        let public_key = material.public_key();
        let (locator, attestation) = match self.protection {
            Protection::Hsm => {
                let fingerprint = public_key.as_deref().map(|spki| Sha256::digest(spki).into());
                let uid = template.uid;
                let locator = match template.exit {
                    Exit::Replicable => Locator::Group { group: "sim".to_owned(), uid, fingerprint },
                    _ => Locator::Token { serial: SERIAL.to_owned(), uid, fingerprint },
                };
                self.token.keep(template.uid, material);
                let (serial, model) = (SERIAL.to_owned(), "simulation".to_owned());
                (locator, Attestation::DriverAsserted { serial, simulated: true, model })
            }
            Protection::Software => {
                self.token.remember(template.uid, &material);
                let blob = [bytes.as_slice(), &Sha256::digest(&template.binding)].concat().into();
                let wrapping_key = template.wrapping_key.unwrap();
                (Locator::Wrapped { blob, wrapping_key }, Attestation::Software)
            }
            Protection::Threshold => unreachable!("no simulation of holders"),
        };
        Ok(Outcome::Generated(Box::new(Generated { locator, public_key, attestation })))
    }

    /// The material of a handle; wrapped material opens only with the associated data that it was wrapped with.
    fn material(&self, key: &KeyHandle) -> Result<Material, BackendError> {
        let missing = || BackendError::Missing(key.uid.to_string());
        match (&key.locator, self.protection) {
            (Locator::Token { uid, .. } | Locator::Group { uid, .. }, Protection::Hsm) => {
                self.token.find(*uid).ok_or_else(missing)
            }
            (Locator::Wrapped { blob, .. }, Protection::Software) => {
                let (bytes, binding) = blob.split_first_chunk::<32>().ok_or_else(missing)?;
                if binding != Sha256::digest(&key.binding).as_slice() {
                    return Err(missing());
                }
                Ok(Material { algorithm: key.algorithm, bytes: *bytes })
            }
            _ => Err(missing()),
        }
    }

    async fn attempt(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        if self.health() != Health::Serving {
            return Err(BackendError::Unavailable("the token is not there".to_owned()));
        }
        let until = self.time.until(deadline);
        self.hazards.delay().await;
        if self.time.ms() > until {
            return Err(BackendError::DeadlineExceeded);
        }
        match self.hazards.call() {
            CallFault::None => {
                let outcome = self.effect(&operation);
                self.hazards.delay().await;
                outcome
            }
            CallFault::Slow => {
                self.hazards.hang().await;
                self.effect(&operation)
            }
            CallFault::Before => Err(BackendError::Unavailable("injected before the effect".to_owned())),
            CallFault::Overloaded => Err(BackendError::Overloaded),
            CallFault::After => {
                drop(self.effect(&operation)?);
                self.hazards.delay().await;
                Err(BackendError::Unavailable("injected after the effect".to_owned()))
            }
            CallFault::Hang { effect } => {
                if effect {
                    drop(self.effect(&operation)?);
                }
                self.hazards.hang().await;
                Err(BackendError::DeadlineExceeded)
            }
        }
    }
}

impl KeyBackend for SimBackend {
    fn name(&self) -> &str {
        match self.protection {
            Protection::Hsm => "token:sim-0001",
            Protection::Software => "software",
            Protection::Threshold => unreachable!("no simulation of holders"),
        }
    }

    fn protection(&self) -> Protection {
        self.protection
    }

    fn capabilities(&self) -> Capabilities {
        // As of a token that could not be opened yet.
        if self.health() != Health::Serving {
            return Capabilities::default();
        }
        let schemes = vec![
            (Algorithm::Ed25519, Purpose::Sign, Scheme::Ed25519),
            (Algorithm::Aes256Gcm, Purpose::Encrypt, Scheme::AesGcm),
            (Algorithm::HmacSha256, Purpose::Mac, Scheme::HmacSha256),
            (Algorithm::MlDsa44, Purpose::Sign, Scheme::MlDsa),
            (Algorithm::MlKem768, Purpose::Encapsulate, Scheme::MlKem),
            (Algorithm::X25519, Purpose::Agree, Scheme::Ecdh),
            (Algorithm::Rsa3072, Purpose::Import, Scheme::RsaAesKwp),
            (Algorithm::Aes256Kwp, Purpose::Wrap, Scheme::AesKwp),
        ];
        let exits = match self.protection {
            Protection::Hsm => self.token.group.iter().map(|_| Exit::Replicable).collect(),
            Protection::Software => vec![Exit::Exportable],
            Protection::Threshold => Vec::new(),
        };
        Capabilities { schemes, simulated: self.protection == Protection::Hsm, exits, ..Capabilities::default() }
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(self.attempt(operation, deadline))
    }

    fn health(&self) -> Health {
        match self.token.is_absent.load(Ordering::Relaxed) && self.protection == Protection::Hsm {
            true => Health::Down("the token is not there".to_owned()),
            false => Health::Serving,
        }
    }

    fn returns(&self) -> Option<u64> {
        self.token.group.as_ref().map(|group| group.returns.load(Ordering::Relaxed))
    }
}
