//! Material on its way out and in: wrapped under a key of the service, or for the holder of an RSA key.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::Rng;
use hufu_core::backend::{
    Arrival, BackendError, Generated, KeyHandle, Outcome, PublicKey, Rewrap, SignInput, Template, Wrapping,
};
use hufu_core::record::{Attestation, Exit, Locator};
use hufu_secret::SecretBytes;
use hufu_transport::{Curve, Hash, KEK_LEN, MlDsa, Pair, Receiver, WRAPPED_LEN_MAX};

use crate::backend::{SoftwareBackend, failed, invalid};
use crate::cache::Entry;
use crate::key::{self, Key};
use crate::{capabilities, material, public, spki};

/// What a new pair signs or encrypts to show that its halves belong together.
const PROBE: &[u8] = b"hufu: the halves of this pair belong together";

/// What wraps, ready to do so.
enum Wrapper {
    Key(Arc<Entry>),
    Receiver(Receiver, Hash),
}

impl SoftwareBackend {
    /// Wraps the material of a version that may leave.
    pub(crate) async fn wrap(
        &self,
        handle: &KeyHandle,
        by: Wrapping<'_>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        let wrapper = self.wrapper(by, deadline).await?;
        let Locator::Wrapped { wrapping_key: id, .. } = handle.locator else { return Err(no_material()) };
        let wrapping_key = self.wrapping_key(id, deadline).await?;
        let (rng, handle) = (Arc::clone(&self.rng), handle.clone());
        self.pool
            .run(deadline, move |()| {
                let Locator::Wrapped { blob, .. } = &handle.locator else { return Err(no_material()) };
                let (material, exit) = material::unwrap(blob, &wrapping_key, &handle.binding)?;
                if exit != Exit::Exportable {
                    return Err(BackendError::Unsupported("the material was made to stay".to_owned()));
                }
                // What is sent must be what is on record.
                Key::parse(&handle, &material)?;
                wrapper
                    .wrap(&to_send(handle.algorithm, handle.public_key.as_deref(), material)?, rng.as_ref())
                    .map(Outcome::Bytes)
            })
            .await
    }

    /// Makes a version of material that came in wrapped.
    pub(crate) async fn unwrap(
        &self,
        template: &Template,
        arrival: Arrival<'_>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        check_template(template, &arrival)?;
        let Wrapping::Key(by) = arrival.by else {
            return Err(BackendError::Unsupported("software opens with keys of the service".to_owned()));
        };
        let opener = self.opened(by, deadline).await?;
        let id = template.wrapping_key.ok_or_else(|| invalid("software material needs a wrapping key"))?;
        let wrapping_key = self.wrapping_key(id, deadline).await?;
        let (rng, wrapped, template) = (Arc::clone(&self.rng), arrival.wrapped.to_vec(), template.clone());
        let expected: Option<Arc<[u8]>> = arrival.public_key.map(Arc::from);
        self.pool
            .run(deadline, move |()| {
                let rng = rng.as_ref();
                let sent = opener.key().unwrap(&wrapped, rng)?;
                let material = accepted(&template, expected.as_ref(), sent, rng)?;
                let blob = material::wrap(&material, &wrapping_key, &template.binding, template.exit, rng)?.into();
                let locator = Locator::Wrapped { blob, wrapping_key: id };
                let public_key = expected.map(|spki| spki.to_vec());
                let attestation = Attestation::Software;
                Ok(Outcome::Generated(Box::new(Generated { locator, public_key, attestation })))
            })
            .await
    }

    /// Wraps material under another wrapping key. It takes some microseconds: the material is not parsed, and its
    /// associated data say that it is the material on record.
    pub(crate) async fn rewrap(
        &self,
        handle: &KeyHandle,
        rewrap: Rewrap<'_>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        let Locator::Wrapped { blob, wrapping_key: id } = &handle.locator else { return Err(no_material()) };
        let old = self.wrapping_key(*id, deadline).await?;
        let new = self.wrapping_key(rewrap.wrapping_key, deadline).await?;
        let (material, exit) = material::unwrap(blob, &old, &handle.binding)?;
        let blob = material::wrap(&material, &new, rewrap.binding, exit, self.rng.as_ref())?;
        if material::unwrap(&blob, &new, rewrap.binding)? != (material, exit) {
            return Err(failed("the material does not open as it was wrapped"));
        }
        Ok(Outcome::Rewrapped(Locator::Wrapped { blob: blob.into(), wrapping_key: rewrap.wrapping_key }))
    }

    async fn wrapper(&self, by: Wrapping<'_>, deadline: Instant) -> Result<Wrapper, BackendError> {
        match by {
            Wrapping::Key(handle) if handle.scheme == Scheme::AesKwp => {
                self.opened(handle, deadline).await.map(Wrapper::Key)
            }
            Wrapping::Public(PublicKey { scheme, spki, .. }) => {
                let hash = match scheme {
                    Scheme::RsaAesKwp => Hash::Sha256,
                    Scheme::RsaAesKwpSha1 => Hash::Sha1,
                    other => return Err(BackendError::Unsupported(format!("{other} wraps no keys"))),
                };
                let receiver = Receiver::parse(spki).map_err(|error| invalid(&error.to_string()))?;
                Ok(Wrapper::Receiver(receiver, hash))
            }
            Wrapping::Key(handle) => Err(BackendError::Unsupported(format!("{} wraps no keys", handle.scheme))),
            Wrapping::Group => Err(BackendError::Unsupported("software is in no group of tokens".to_owned())),
        }
    }

    /// The key that wraps or unwraps, from the cache where it is there.
    async fn opened(&self, handle: &KeyHandle, deadline: Instant) -> Result<Arc<Entry>, BackendError> {
        match self.cache.find(handle) {
            Some(entry) => Ok(entry),
            None => self.open(handle, deadline).await,
        }
    }
}

impl Wrapper {
    fn wrap(&self, material: &SecretBytes, rng: &dyn Rng) -> Result<Vec<u8>, BackendError> {
        match self {
            Self::Key(entry) => entry.key().wrap(material),
            Self::Receiver(receiver, hash) => {
                receiver.seal(*hash, &key::draw(rng, KEK_LEN)?, material).map_err(refusal)
            }
        }
    }
}

/// What may come in at all: keys that wrap others are made here, so that nobody else knows one.
fn check_template(template: &Template, arrival: &Arrival<'_>) -> Result<(), BackendError> {
    let Template { algorithm, purpose, scheme, .. } = *template;
    capabilities::all().check(algorithm, purpose, scheme).map_err(BackendError::Unsupported)?;
    if matches!(purpose, Purpose::Wrap | Purpose::Import) {
        return Err(BackendError::Unsupported("keys that wrap others do not come in".to_owned()));
    }
    if arrival.public_key.is_some() != algorithm.is_asymmetric() {
        return Err(invalid("a pair comes in with its public key, a secret key with none"));
    }
    if arrival.wrapped.len() > WRAPPED_LEN_MAX { Err(BackendError::Rejected) } else { Ok(()) }
}

/// The material, if it is of the template's kind and belongs to the expected public key. One answer for every fault.
fn accepted(
    template: &Template,
    expected: Option<&Arc<[u8]>>,
    sent: SecretBytes,
    rng: &dyn Rng,
) -> Result<SecretBytes, BackendError> {
    let material = match pair(template.algorithm) {
        Some(pair) => hufu_transport::from_pkcs8(pair, &sent).map_err(refusal)?,
        None => sent,
    };
    let handle = KeyHandle {
        uid: template.uid,
        algorithm: template.algorithm,
        scheme: template.scheme,
        locator: Locator::Gone,
        binding: Arc::new([]),
        public_key: expected.cloned(),
        distinguishing_id: None,
    };
    let key = Key::parse(&handle, &material).map_err(|_| BackendError::Rejected)?;
    match prove(&key, &handle, rng) {
        Ok(true) => Ok(material),
        Ok(false) | Err(_) => Err(BackendError::Rejected),
    }
}

/// Whether the private half does what the public half undoes (SP 800-56Ar3 §5.6.2.1.4, pair-wise consistency).
fn prove(key: &Key, handle: &KeyHandle, rng: &dyn Rng) -> Result<bool, BackendError> {
    let Some(spki) = handle.public_key.as_deref() else { return Ok(true) };
    let public = PublicKey { algorithm: handle.algorithm, scheme: handle.scheme, spki, distinguishing_id: None };
    match key {
        Key::RsaDecrypt(_) => {
            let sealed = public::encrypt(&public, PROBE)?;
            Ok(key.decrypt(&sealed)?.expose() == PROBE)
        }
        Key::MlKem(_) => match public::encapsulate(&public, rng)? {
            Outcome::Encapsulated { ciphertext, secret } => Ok(key.decapsulate(&ciphertext)? == secret),
            _ => Ok(false),
        },
        Key::Ecdh(_) => match public::encapsulate(&public, rng)? {
            Outcome::Encapsulated { ciphertext: ephemeral, secret } => Ok(key.agree(&ephemeral)? == secret),
            _ => Ok(false),
        },
        _ => {
            let signature = key.sign(SignInput::Message(PROBE), rng)?;
            public::verify(&public, SignInput::Message(PROBE), &signature)
        }
    }
}

/// The form in which material is sent: PKCS #8 of a private key, the bytes of a secret one.
pub(crate) fn to_send(
    algorithm: Algorithm,
    public_key: Option<&[u8]>,
    material: SecretBytes,
) -> Result<SecretBytes, BackendError> {
    let Some(pair) = pair(algorithm) else { return Ok(material) };
    let point = match (pair, public_key) {
        (Pair::Ec(curve), Some(spki)) => Some(spki::ec_point(spki, point_of(curve))?),
        _ => None,
    };
    hufu_transport::to_pkcs8(pair, &material, point).map_err(refusal)
}

fn point_of(curve: Curve) -> spki::Curve {
    match curve {
        Curve::P256 => spki::Curve::P256,
        Curve::P384 => spki::Curve::P384,
        Curve::Secp256k1 => spki::Curve::Secp256k1,
        Curve::Sm2 => spki::Curve::Sm2,
    }
}

/// The form of a pair's material; nothing for secret keys.
fn pair(algorithm: Algorithm) -> Option<Pair> {
    Some(match algorithm {
        Algorithm::P256 => Pair::Ec(Curve::P256),
        Algorithm::P384 => Pair::Ec(Curve::P384),
        Algorithm::Secp256k1 => Pair::Ec(Curve::Secp256k1),
        Algorithm::Sm2 => Pair::Ec(Curve::Sm2),
        Algorithm::Ed25519 => Pair::Ed25519,
        Algorithm::X25519 => Pair::X25519,
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => Pair::Rsa,
        Algorithm::MlDsa44 => Pair::MlDsa(MlDsa::L44),
        Algorithm::MlDsa65 => Pair::MlDsa(MlDsa::L65),
        Algorithm::MlDsa87 => Pair::MlDsa(MlDsa::L87),
        Algorithm::MlKem768 => Pair::MlKem768,
        Algorithm::Aes128Gcm
        | Algorithm::Aes256Gcm
        | Algorithm::Aes256Kwp
        | Algorithm::Sm4Gcm
        | Algorithm::HmacSha256
        | Algorithm::HmacSha384
        | Algorithm::HmacSm3 => return None,
    })
}

/// Whatever is wrong with what came in is told in one word.
pub(crate) fn refusal(error: hufu_transport::Error) -> BackendError {
    match error {
        hufu_transport::Error::Rejected | hufu_transport::Error::Malformed => BackendError::Rejected,
        error => failed(&error.to_string()),
    }
}

fn no_material() -> BackendError {
    BackendError::Missing("the version has no wrapped material".to_owned())
}
