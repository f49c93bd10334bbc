//! The backend: what is asked, handed to the thread of the TPM, answered.

use std::num::NonZeroUsize;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{
    BackendError, Capabilities, DeviceStatus, Generated, Health, KeyBackend, KeyHandle, Operation, Outcome,
    SignInput, Template,
};
use hufu_core::record::{Attestation, DISTINGUISHING_ID_DEFAULT, Locator, Protection};
use hufu_pool::{Pool, Size};
use hufu_secret::SecretBytes;
use sha2::{Digest as _, Sha256};
use tss_esapi::TctiNameConf;
use tss_esapi::handles::KeyHandle as Loaded;
use tss_esapi::structures::{Public, Signature};

use crate::certificate::Certificate;
use crate::config::{Config, OpenError};
use crate::device::{Device, Made};
use crate::fault::Fault;
use crate::link::{Closed, Link, Shared, closing};
use crate::peer::Peer;
use crate::probe::{NOTHING_ELSE, capabilities, is_simulated, try_out};
use crate::template::Role;
use crate::{blob, public_key, sm2};

/// Longest message, in bytes.
const INPUT_LEN_MAX: usize = 8 << 20;
/// Most random bytes that one call answers.
const RANDOM_LEN_MAX: usize = 64 << 10;
/// Calls that may wait: a TPM answers some hundred times a second.
const QUEUE_LEN: usize = 256;
/// How long opening may take.
const OPEN_WAIT_MAX: Duration = Duration::from_secs(60);

/// Keys of one TPM 2.0.
pub struct TpmBackend {
    name: String,
    device: Arc<str>,
    attestation: Attestation,
    capabilities: Capabilities,
    shared: Arc<Shared>,
    /// Its thread ends when it is dropped, and so does the link.
    pool: Pool<Link>,
    _closed: Closed,
}

impl TpmBackend {
    /// Connects and tries what the TPM can do.
    ///
    /// # Errors
    /// [`OpenError`] when there is no such TPM or it does not answer.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let tcti = TctiNameConf::from_str(&config.tcti).map_err(|_| OpenError::Tcti(config.tcti.clone()))?;
        let remote = matches!(tcti, TctiNameConf::Swtpm(_) | TctiNameConf::Mssim(_));
        let shared = Arc::new(Shared::new(tcti, derive_auth(&config.pin)));
        let size = Size { threads: NonZeroUsize::MIN, queue_per_thread: QUEUE_LEN };
        let (of_thread, (open, closed)) = (Arc::clone(&shared), closing());
        let pool = Pool::start("tpm", size, move || Link::new(Arc::clone(&of_thread), open.clone()))?;
        let deadline = Instant::now() + OPEN_WAIT_MAX;
        let (id, model, tried) = pool.run(deadline, |link| link.run(|device, _| try_out(device))).await?;
        let simulated = config.simulated.unwrap_or_else(|| remote || is_simulated(&model));
        Ok(Self {
            name: format!("tpm:{id}"),
            attestation: Attestation::DriverAsserted { serial: id.clone(), simulated, model },
            device: id.into(),
            capabilities: capabilities(&tried, simulated),
            shared,
            pool,
            _closed: closed,
        })
    }

    /// Which TPM it is: 16 bytes in hexadecimal, of the hash of its storage root key's public area. It changes when the TPM is
    /// cleared, which is when every key of it is lost.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.device
    }

    /// Manufacturer and model as the TPM states them.
    #[must_use]
    pub fn model(&self) -> &str {
        match &self.attestation {
            Attestation::DriverAsserted { model, .. } => model,
            _ => "",
        }
    }

    /// What the TPM states about a key, with a nonce of at most 64 bytes that the verifier chose.
    ///
    /// # Errors
    /// [`BackendError`], as for a signature.
    pub async fn certify(
        &self,
        key: &KeyHandle,
        nonce: &[u8],
        deadline: Instant,
    ) -> Result<Certificate, BackendError> {
        let (key, nonce) = (self.owned(key)?, nonce.to_vec());
        let work = move |device: &mut Device, auth: &SecretBytes| {
            let (loaded, public) = load(device, &key, auth)?;
            let (attest, signature, certifying) = device.certify(loaded, &nonce)?;
            Certificate::new(&attest, &signature, &public, &certifying)
        };
        self.pool.run(deadline, move |link| link.run(work)).await
    }

    async fn dispatch(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        match operation {
            Operation::Generate(template) => self.generate(template, deadline).await,
            // Keys live in the records alone: nothing is ever left behind here.
            Operation::Find(_) => Ok(Outcome::Found(false)),
            Operation::Inventory(_) => Ok(Outcome::Inventory(Vec::new())),
            Operation::Destroy(uid) => {
                let forget = move |link: &mut Link| {
                    link.run(|device, _| {
                        device.forget(uid);
                        Ok(Outcome::Done)
                    })
                };
                self.pool.run(deadline, forget).await
            }
            Operation::Sign(key, input) | Operation::SignOnce(key, input) => self.sign(key, input, deadline).await,
            Operation::Agree(key, peer) => self.agree(key, peer, deadline).await,
            Operation::Level(_) => Ok(Outcome::Done),
            Operation::Random(len) => self.random(len, deadline).await,
            Operation::Verify(..) | Operation::EncryptTo(..) | Operation::Encapsulate(..) => {
                let why = "work with public keys needs no TPM; the software backend does it";
                Err(BackendError::Unsupported(why.to_owned()))
            }
            Operation::Mac(..)
            | Operation::Seal(..)
            | Operation::Open(..)
            | Operation::DecryptWith(..)
            | Operation::Decapsulate(..)
            | Operation::Wrap(..)
            | Operation::Unwrap(..)
            | Operation::Rewrap(..) => Err(BackendError::Unsupported(NOTHING_ELSE.to_owned())),
            Operation::GenerateAmong(..) | Operation::SignUnder(..) | Operation::DestroyAmong(_) => {
                Err(BackendError::not_of_holders())
            }
        }
    }

    async fn generate(&self, template: &Template, deadline: Instant) -> Result<Outcome, BackendError> {
        let Template { algorithm, purpose, scheme, .. } = *template;
        self.capabilities.check(algorithm, purpose, scheme).map_err(BackendError::Unsupported)?;
        let role = Role::of(algorithm, purpose).ok_or_else(|| BackendError::Unsupported(NOTHING_ELSE.to_owned()))?;
        let made = move |link: &mut Link| {
            link.run(|device, auth| {
                let Made { private, public } = device.make(role, auth)?;
                Ok((blob::encode(&private, &public)?, public_key::spki(&public)?))
            })
        };
        let (blob, public_key) = self.pool.run(deadline, made).await?;
        let locator = Locator::Sealed { device: self.device.to_string(), blob: blob.into() };
        let (attestation, public_key) = (self.attestation.clone(), Some(public_key));
        Ok(Outcome::Generated(Box::new(Generated { locator, public_key, attestation })))
    }

    async fn sign(&self, key: &KeyHandle, input: SignInput<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        let (key, input) = (self.owned(key)?, ToSign::of(key.scheme, input)?);
        let work = move |device: &mut Device, auth: &SecretBytes| {
            let (loaded, public) = load(device, &key, auth)?;
            let digest = input.digest(&key, &public)?;
            raw(&device.sign(loaded, &digest)?).map_err(Fault::from)
        };
        self.pool.run(deadline, move |link| link.run(work)).await.map(Outcome::Bytes)
    }

    async fn agree(&self, key: &KeyHandle, peer: &[u8], deadline: Instant) -> Result<Outcome, BackendError> {
        let key = self.owned(key)?;
        if (key.algorithm, key.scheme) != (Algorithm::P256, Scheme::Ecdh) {
            return Err(BackendError::InvalidInput("the key is not for that use".to_owned()));
        }
        let peer = Peer::from_spki(peer)?;
        let work = move |device: &mut Device, auth: &SecretBytes| {
            let (loaded, _) = load(device, &key, auth)?;
            Ok(public_key::shared_secret(&device.agree(loaded, peer.to_point()?)?)?)
        };
        self.pool.run(deadline, move |link| link.run(work)).await.map(Outcome::Plaintext)
    }

    async fn random(&self, len: usize, deadline: Instant) -> Result<Outcome, BackendError> {
        if len > RANDOM_LEN_MAX {
            return Err(BackendError::InvalidInput("too many random bytes in one call".to_owned()));
        }
        let draw = move |link: &mut Link| {
            link.run(|device, _| {
                let mut bytes = SecretBytes::zeroed(len);
                device.random(bytes.expose_mut())?;
                Ok(bytes)
            })
        };
        self.pool.run(deadline, draw).await.map(Outcome::Plaintext)
    }

    /// The handle, if it is of this TPM.
    fn owned(&self, key: &KeyHandle) -> Result<KeyHandle, BackendError> {
        match &key.locator {
            Locator::Sealed { device, .. } if **device == *self.device => Ok(key.clone()),
            Locator::Sealed { .. } => Err(BackendError::Missing("the version is of another TPM".to_owned())),
            _ => Err(BackendError::Missing("the version is of no TPM".to_owned())),
        }
    }
}

impl KeyBackend for TpmBackend {
    fn name(&self) -> &str {
        &self.name
    }

    fn protection(&self) -> Protection {
        Protection::Hsm
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(self.dispatch(operation, deadline))
    }

    fn health(&self) -> Health {
        self.shared.health()
    }

    fn generation(&self) -> u64 {
        self.shared.generation()
    }

    fn devices(&self) -> Vec<DeviceStatus> {
        vec![DeviceStatus {
            serial: self.device.to_string(),
            model: self.model().to_owned(),
            label: String::new(),
            health: self.shared.health(),
            breaker_open: false,
            generation: self.shared.generation(),
            sessions: 1,
            // One at a time: whether one is under way now tells nothing.
            in_flight: 0,
            simulated: self.capabilities.simulated,
            missing: 0,
            profile: String::new(),
        }]
    }

    fn holds(&self, locator: &Locator) -> bool {
        matches!(locator, Locator::Sealed { device, .. } if **device == *self.device)
    }
}

/// What is signed, owned by the job that does it.
enum ToSign {
    Message(Vec<u8>),
    Digest([u8; 32]),
}

impl ToSign {
    fn of(scheme: Scheme, input: SignInput<'_>) -> Result<Self, BackendError> {
        if !matches!(scheme, Scheme::EcdsaSha256 | Scheme::Sm2Sm3) {
            return Err(BackendError::InvalidInput("the key is not for that use".to_owned()));
        }
        match input {
            SignInput::Message(message) if message.len() > INPUT_LEN_MAX => {
                Err(BackendError::InvalidInput("the input is too long".to_owned()))
            }
            SignInput::Message(message) => Ok(Self::Message(message.to_vec())),
            SignInput::Digest(digest) => digest
                .try_into()
                .map(Self::Digest)
                .map_err(|_| BackendError::InvalidInput("the digest has the wrong length for the scheme".to_owned())),
        }
    }

    fn digest(&self, key: &KeyHandle, public: &Public) -> Result<[u8; 32], BackendError> {
        match (self, key.scheme) {
            (Self::Digest(digest), _) => Ok(*digest),
            (Self::Message(message), Scheme::Sm2Sm3) => {
                let id = key.distinguishing_id.as_deref().unwrap_or(DISTINGUISHING_ID_DEFAULT);
                sm2::digest(id, &public_key::point(public)?, message)
            }
            (Self::Message(message), _) => Ok(Sha256::digest(message).into()),
        }
    }
}

/// Loads a key and holds its public half against the recorded one.
fn load(device: &mut Device, key: &KeyHandle, auth: &SecretBytes) -> Result<(Loaded, Public), Fault> {
    let Locator::Sealed { device: id, blob } = &key.locator else {
        return Err(BackendError::Missing("the version is of no TPM".to_owned()).into());
    };
    if *id != device.id {
        return Err(BackendError::Missing("another TPM answers, or its owner has changed".to_owned()).into());
    }
    let (private, public) = blob::decode(blob)?;
    if key.public_key.as_deref() != Some(public_key::spki(&public)?.as_slice()) {
        return Err(BackendError::Missing("the stored key has another public key".to_owned()).into());
    }
    // The TPM refuses a private area that does not belong to the public one.
    let loaded = device.load(key.uid, Made { private, public: public.clone() }, auth)?;
    Ok((loaded, public))
}

/// r ‖ s, each of 32 bytes.
fn raw(signature: &Signature) -> Result<Vec<u8>, BackendError> {
    let (Signature::EcDsa(pair) | Signature::Sm2(pair)) = signature else {
        return Err(BackendError::Failed("the TPM answered a signature of another kind".to_owned()));
    };
    let mut raw = vec![0; 2 * public_key::COORDINATE_LEN];
    let (r, s) = raw.split_at_mut(public_key::COORDINATE_LEN);
    public_key::fill(r, pair.signature_r().value())?;
    public_key::fill(s, pair.signature_s().value())?;
    Ok(raw)
}

/// 32 bytes that tell nothing of the PIN to whoever learns them.
fn derive_auth(pin: &SecretBytes) -> SecretBytes {
    let mut auth = Sha256::new_with_prefix(b"hufu-tpm-auth-v1").chain_update(pin.expose()).finalize();
    let derived = SecretBytes::from_slice(&auth);
    auth.iter_mut().for_each(|byte| *byte = 0);
    derived
}
