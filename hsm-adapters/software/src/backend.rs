//! The backend: what is asked, where it runs, what is answered.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::ambient::Rng;
use hufu_core::backend::{
    BackendError, Capabilities, Generated, Health, KeyBackend, KeyHandle, Operation, Outcome, PublicKey, SignInput,
    Template, WrappingKeys,
};
use hufu_core::record::{Attestation, Locator, Protection, WrappingKeyId};
use hufu_pool::{Pool, Size};
use hufu_secret::SecretBytes;

use crate::cache::{Cache, Entry};
use crate::key::Key;
use crate::usage::{OwnedUsage, Usage};
use crate::{capabilities, key, material, public};

/// Longest message, plaintext, ciphertext or associated data, in bytes.
pub const INPUT_LEN_MAX: usize = 8 << 20;

/// Most random bytes that one call answers.
pub const RANDOM_LEN_MAX: usize = 64 << 10;

/// Jobs that may wait for each thread.
const QUEUE_PER_THREAD: usize = 256;

/// The backend could not be started.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread(#[from] std::io::Error),
}

/// Keys in software.
///
/// Short work runs on the caller's thread, work of more than about 50 µs on a bounded pool of its own threads.
pub struct SoftwareBackend {
    wrapping_keys: Arc<dyn WrappingKeys>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) pool: Pool<()>,
}

impl SoftwareBackend {
    /// Starts the backend with that many threads for long work.
    ///
    /// # Errors
    /// [`OpenError`] when a thread cannot be started.
    pub fn new(
        wrapping_keys: Arc<dyn WrappingKeys>,
        rng: Arc<dyn Rng>,
        threads: NonZeroUsize,
    ) -> Result<Self, OpenError> {
        let size = Size { threads, queue_per_thread: QUEUE_PER_THREAD };
        let pool = Pool::start("software", size, || ())?;
        Ok(Self { wrapping_keys, rng, cache: Arc::new(Cache::new()), pool })
    }

    async fn dispatch(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        if Instant::now() >= deadline {
            return Err(BackendError::DeadlineExceeded);
        }
        match operation {
            Operation::Generate(template) => self.generate(template, deadline).await,
            // Material lives in the records alone: nothing is ever left behind here.
            Operation::Find(_) => Ok(Outcome::Found(false)),
            Operation::Inventory(_) => Ok(Outcome::Inventory(Vec::new())),
            Operation::Destroy(uid) => {
                self.cache.forget(uid);
                Ok(Outcome::Done)
            }
            Operation::Sign(handle, input) | Operation::SignOnce(handle, input) => {
                self.use_key(handle, Usage::Sign(input), deadline).await
            }
            Operation::Mac(handle, data) => self.use_key(handle, Usage::Mac(data), deadline).await,
            Operation::Seal(handle, aead) => self.use_key(handle, Usage::Seal(aead), deadline).await,
            Operation::Open(handle, aead) => self.use_key(handle, Usage::Open(aead), deadline).await,
            Operation::DecryptWith(handle, data) => self.use_key(handle, Usage::Decrypt(data), deadline).await,
            Operation::Decapsulate(handle, data) => self.use_key(handle, Usage::Decapsulate(data), deadline).await,
            Operation::Agree(handle, peer) => self.use_key(handle, Usage::Agree(peer), deadline).await,
            Operation::Verify(key, input, signature) => self.verify(key, input, signature, deadline).await,
            Operation::EncryptTo(key, data) => public::encrypt(key, data).map(Outcome::Bytes),
            Operation::Encapsulate(key) => public::encapsulate(key, self.rng.as_ref()),
            Operation::Random(len) => self.random(len),
            Operation::Level(_) => Ok(Outcome::Done),
            Operation::Wrap(handle, by) => self.wrap(handle, by, deadline).await,
            Operation::Unwrap(template, arrival) => self.unwrap(template, arrival, deadline).await,
            Operation::Rewrap(handle, rewrap) => self.rewrap(handle, rewrap, deadline).await,
            Operation::GenerateAmong(..) | Operation::SignUnder(..) | Operation::DestroyAmong(_) => {
                Err(BackendError::not_of_holders())
            }
        }
    }

    async fn generate(&self, template: &Template, deadline: Instant) -> Result<Outcome, BackendError> {
        let Template { algorithm, purpose, scheme, exit, .. } = *template;
        capabilities::all().check(algorithm, purpose, scheme).map_err(BackendError::Unsupported)?;
        let id = template.wrapping_key.ok_or_else(|| invalid("software material needs a wrapping key"))?;
        let wrapping_key = self.wrapping_key(id, deadline).await?;
        let (rng, binding) = (Arc::clone(&self.rng), Arc::clone(&template.binding));
        self.pool
            .run(deadline, move |()| {
                let (material, public_key) = key::generate(algorithm, rng.as_ref())?;
                let blob = material::wrap(&material, &wrapping_key, &binding, exit, rng.as_ref())?.into();
                let locator = Locator::Wrapped { blob, wrapping_key: id };
                let attestation = Attestation::Software;
                Ok(Outcome::Generated(Box::new(Generated { locator, public_key, attestation })))
            })
            .await
    }

    async fn use_key(
        &self,
        handle: &KeyHandle,
        usage: Usage<'_>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        usage.check_len()?;
        if let Some(entry) = self.cache.find(handle) {
            return self.run(entry, usage, deadline).await;
        }
        let entry = self.open(handle, deadline).await?;
        self.run(entry, usage, deadline).await
    }

    async fn run(&self, entry: Arc<Entry>, usage: Usage<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        if usage.is_quick(entry.key()) {
            return usage.apply(entry.key(), self.rng.as_ref());
        }
        let (rng, owned) = (Arc::clone(&self.rng), OwnedUsage::of(&usage));
        self.pool.run(deadline, move |()| owned.borrow().apply(entry.key(), rng.as_ref())).await
    }

    /// Unwraps and parses the material of a version, and keeps it in the cache.
    pub(crate) async fn open(&self, handle: &KeyHandle, deadline: Instant) -> Result<Arc<Entry>, BackendError> {
        let Locator::Wrapped { wrapping_key: id, .. } = handle.locator else {
            return Err(BackendError::Missing("the version has no wrapped material".to_owned()));
        };
        let wrapping_key = self.wrapping_key(id, deadline).await?;
        let (handle, cache) = (handle.clone(), Arc::clone(&self.cache));
        let quick = key::parses_quickly(handle.algorithm);
        let work = move || {
            let Locator::Wrapped { blob, .. } = &handle.locator else {
                return Err(BackendError::Missing("the version has no wrapped material".to_owned()));
            };
            let (material, _) = material::unwrap(blob, &wrapping_key, &handle.binding)?;
            let key = Key::parse(&handle, &material)?;
            Ok(cache.keep(&handle, key))
        };
        if quick { work() } else { self.pool.run(deadline, move |()| work()).await }
    }

    pub(crate) async fn wrapping_key(
        &self,
        id: WrappingKeyId,
        deadline: Instant,
    ) -> Result<Arc<SecretBytes>, BackendError> {
        let opened = tokio::time::timeout_at(deadline.into(), self.wrapping_keys.wrapping_key(id)).await;
        opened.map_err(|_| BackendError::DeadlineExceeded)?
    }

    async fn verify(
        &self,
        key: &PublicKey<'_>,
        input: SignInput<'_>,
        signature: &[u8],
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        Usage::Sign(input).check_len()?;
        if public::is_quick(key, input) {
            return public::verify(key, input, signature).map(Outcome::Verified);
        }
        let owned = public::OwnedVerify::of(key, input, signature);
        self.pool.run(deadline, move |()| owned.verify().map(Outcome::Verified)).await
    }

    fn random(&self, len: usize) -> Result<Outcome, BackendError> {
        if len > RANDOM_LEN_MAX {
            return Err(invalid("too many random bytes in one call"));
        }
        let mut bytes = SecretBytes::zeroed(len);
        key::fill(self.rng.as_ref(), bytes.expose_mut())?;
        Ok(Outcome::Plaintext(bytes))
    }
}

impl KeyBackend for SoftwareBackend {
    fn name(&self) -> &str {
        "software"
    }

    fn protection(&self) -> Protection {
        Protection::Software
    }

    fn capabilities(&self) -> Capabilities {
        capabilities::all()
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(self.dispatch(operation, deadline))
    }

    fn health(&self) -> Health {
        Health::Serving
    }
}

pub(crate) fn invalid(why: &str) -> BackendError {
    BackendError::InvalidInput(why.to_owned())
}

pub(crate) fn failed(why: &str) -> BackendError {
    BackendError::Failed(why.to_owned())
}
