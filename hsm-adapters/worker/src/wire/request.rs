//! Operations, borrowed on the way out and owned on the way in.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{
    Aead, BackendError, KeyBackend, KeyHandle, Operation, Outcome, PublicKey, Rewrap, SignInput, Template,
};
use hufu_core::record::{Locator, VersionUid, WrappingKeyId};
use hufu_pkcs11::INPUT_LEN_MAX;
use minicbor::encode::Error;
use minicbor::{Decoder, Encode, Encoder};
use zeroize::Zeroizing;

use super::wrapping::{OwnedArrival, OwnedWrapping, encode_arrival, encode_wrapping, wrapping_len};
use super::{WireError, array};

pub(super) type Written = Result<(), Error<Infallible>>;
pub(super) type Writer<'w> = Encoder<&'w mut Vec<u8>>;

/// Most bytes of keys, bindings and names in one request: those are ours, and far shorter.
const SURROUNDINGS_LEN_MAX: usize = 32 << 10;

/// An operation as it arrived.
pub enum Call {
    /// [`Operation::Generate`].
    Generate(Template),
    /// [`Operation::Find`].
    Find(VersionUid),
    /// [`Operation::Inventory`].
    Inventory(usize),
    /// [`Operation::Destroy`].
    Destroy(VersionUid),
    /// [`Operation::Sign`]; whether the input is a digest.
    Sign(KeyHandle, bool, Zeroizing<Vec<u8>>),
    /// [`Operation::Verify`]; whether the input is a digest, and the signature.
    Verify(Public, bool, Zeroizing<Vec<u8>>, Vec<u8>),
    /// [`Operation::Mac`].
    Mac(KeyHandle, Zeroizing<Vec<u8>>),
    /// [`Operation::Seal`].
    Seal(KeyHandle, Box<Sealed>),
    /// [`Operation::Open`].
    Open(KeyHandle, Box<Sealed>),
    /// [`Operation::EncryptTo`].
    EncryptTo(Public, Zeroizing<Vec<u8>>),
    /// [`Operation::DecryptWith`].
    DecryptWith(KeyHandle, Zeroizing<Vec<u8>>),
    /// [`Operation::Random`].
    Random(usize),
    /// [`Operation::Encapsulate`].
    Encapsulate(Public),
    /// [`Operation::Decapsulate`].
    Decapsulate(KeyHandle, Vec<u8>),
    /// [`Operation::Agree`].
    Agree(KeyHandle, Vec<u8>),
    /// [`Operation::Wrap`].
    Wrap(KeyHandle, OwnedWrapping),
    /// [`Operation::Unwrap`].
    Unwrap(Box<(Template, OwnedArrival)>),
    /// [`Operation::Level`].
    Level(KeyHandle),
    /// [`Operation::Rewrap`]; the wrapping key, and the associated data.
    Rewrap(KeyHandle, WrappingKeyId, Vec<u8>),
}

/// Input of authenticated encryption.
pub struct Sealed {
    nonce: [u8; 12],
    aad: Vec<u8>,
    data: Zeroizing<Vec<u8>>,
}

/// A public key.
#[derive(Clone)]
pub struct Public {
    algorithm: Algorithm,
    scheme: Scheme,
    spki: Vec<u8>,
    distinguishing_id: Option<String>,
}

/// The length of everything in an operation that has no fixed length.
///
/// # Errors
/// `InvalidInput` when something is longer than any backend takes.
pub fn check_len(operation: &Operation<'_>) -> Result<usize, BackendError> {
    let (data, aad, surroundings): (&[u8], &[u8], usize) = match operation {
        Operation::Generate(template) => (&[], &[], template.binding.len()),
        Operation::Wrap(key, by) => (&[], &[], handle_len(key) + wrapping_len(by)),
        Operation::Unwrap(template, arrival) => {
            let public_key = arrival.public_key.unwrap_or_default();
            (arrival.wrapped, public_key, template.binding.len() + wrapping_len(&arrival.by))
        }
        Operation::Level(key) => (&[], &[], handle_len(key)),
        Operation::Rewrap(key, Rewrap { binding, .. }) => (&[], &[], handle_len(key) + binding.len()),
        Operation::Sign(key, SignInput::Message(data) | SignInput::Digest(data))
        | Operation::SignOnce(key, SignInput::Message(data) | SignInput::Digest(data))
        | Operation::Mac(key, data)
        | Operation::DecryptWith(key, data)
        | Operation::Decapsulate(key, data)
        | Operation::Agree(key, data) => (data, &[], handle_len(key)),
        Operation::Verify(key, SignInput::Message(data) | SignInput::Digest(data), signature) => {
            (data, signature, public_len(key))
        }
        Operation::Seal(key, input) | Operation::Open(key, input) => (input.data, input.aad, handle_len(key)),
        Operation::EncryptTo(key, data) => (data, &[], public_len(key)),
        Operation::Encapsulate(key) => (&[], &[], public_len(key)),
        Operation::Find(_) | Operation::Inventory(_) | Operation::Destroy(_) | Operation::Random(_) => (&[], &[], 0),
        // Never sent: no worker's device has holders.
        Operation::GenerateAmong(..) | Operation::SignUnder(..) | Operation::DestroyAmong(_) => {
            return Err(BackendError::not_of_holders());
        }
    };
    if data.len() > INPUT_LEN_MAX || aad.len() > INPUT_LEN_MAX || surroundings > SURROUNDINGS_LEN_MAX {
        return Err(BackendError::InvalidInput("the input is too long".to_owned()));
    }
    Ok(data.len() + aad.len() + surroundings)
}

pub(super) fn handle_len(key: &KeyHandle) -> usize {
    let locator = match &key.locator {
        Locator::Token { serial, .. } => serial.len(),
        Locator::Group { group, .. } => group.len(),
        Locator::Wrapped { blob, .. } => blob.len(),
        Locator::Sealed { device, blob } => device.len() + blob.len(),
        // Nothing that a device could use.
        Locator::Gone | Locator::Holders { .. } | Locator::Shares { .. } => 0,
    };
    let public_key = key.public_key.as_ref().map_or(0, |spki| spki.len());
    locator + key.binding.len() + public_key + key.distinguishing_id.as_ref().map_or(0, |id| id.len())
}

pub(super) fn public_len(key: &PublicKey<'_>) -> usize {
    key.spki.len() + key.distinguishing_id.map_or(0, str::len)
}

pub(super) fn encode_request(writer: &mut Writer<'_>, operation: &Operation<'_>) -> Written {
    match *operation {
        Operation::Generate(template) => {
            encode_template(writer.array(2)?.u8(1)?, template)?;
        }
        Operation::Find(uid) => encode_one(writer, 2, uid)?,
        Operation::Inventory(max) => encode_one(writer, 3, max as u64)?,
        Operation::Destroy(uid) => encode_one(writer, 4, uid)?,
        // A worker has one device: there is nothing else that it could ask.
        Operation::Sign(key, input) | Operation::SignOnce(key, input) => {
            let (is_digest, data) = parts(input);
            encode_handle(writer.array(4)?.u8(5)?, key)?;
            writer.bool(is_digest)?.bytes(data)?;
        }
        Operation::Verify(key, input, signature) => {
            let (is_digest, data) = parts(input);
            encode_public(writer.array(5)?.u8(6)?, key)?;
            writer.bool(is_digest)?.bytes(data)?.bytes(signature)?;
        }
        Operation::Mac(key, data) => encode_use(writer, 7, key, data)?,
        Operation::Seal(key, input) => encode_aead(writer, 8, key, input)?,
        Operation::Open(key, input) => encode_aead(writer, 9, key, input)?,
        Operation::EncryptTo(key, data) => {
            encode_public(writer.array(3)?.u8(10)?, key)?;
            writer.bytes(data)?;
        }
        Operation::DecryptWith(key, data) => encode_use(writer, 11, key, data)?,
        Operation::Random(len) => encode_one(writer, 12, len as u64)?,
        Operation::Encapsulate(key) => encode_public(writer.array(2)?.u8(13)?, key)?,
        Operation::Decapsulate(key, ciphertext) => encode_use(writer, 14, key, ciphertext)?,
        Operation::Agree(key, peer) => encode_use(writer, 15, key, peer)?,
        Operation::Wrap(key, by) => {
            encode_handle(writer.array(3)?.u8(16)?, key)?;
            encode_wrapping(writer, by)?;
        }
        Operation::Unwrap(template, arrival) => {
            encode_template(writer.array(3)?.u8(17)?, template)?;
            encode_arrival(writer, arrival)?;
        }
        Operation::Level(key) => encode_handle(writer.array(2)?.u8(18)?, key)?,
        Operation::Rewrap(key, Rewrap { wrapping_key, binding }) => {
            encode_handle(writer.array(4)?.u8(19)?, key)?;
            writer.encode(wrapping_key)?.bytes(binding)?;
        }
        Operation::GenerateAmong(..) | Operation::SignUnder(..) | Operation::DestroyAmong(_) => {
            return Err(minicbor::encode::Error::message("an operation of holders"));
        }
    }
    Ok(())
}

fn parts(input: SignInput<'_>) -> (bool, &[u8]) {
    match input {
        SignInput::Message(message) => (false, message),
        SignInput::Digest(digest) => (true, digest),
    }
}

fn encode_one(writer: &mut Writer<'_>, tag: u8, value: impl Encode<()>) -> Written {
    writer.array(2)?.u8(tag)?.encode(value)?.ok()
}

fn encode_use(writer: &mut Writer<'_>, tag: u8, key: &KeyHandle, data: &[u8]) -> Written {
    encode_handle(writer.array(3)?.u8(tag)?, key)?;
    writer.bytes(data)?.ok()
}

fn encode_aead(writer: &mut Writer<'_>, tag: u8, key: &KeyHandle, input: Aead<'_>) -> Written {
    encode_handle(writer.array(5)?.u8(tag)?, key)?;
    writer.bytes(input.nonce)?.bytes(input.aad)?.bytes(input.data)?.ok()
}

fn encode_template(writer: &mut Writer<'_>, template: &Template) -> Written {
    let Template { uid, algorithm, purpose, scheme, binding, wrapping_key, exit } = template;
    writer.array(7)?.encode(uid)?.encode(algorithm)?.encode(purpose)?.encode(scheme)?;
    writer.bytes(binding)?.encode(wrapping_key)?.encode(exit)?.ok()
}

pub(super) fn encode_handle(writer: &mut Writer<'_>, key: &KeyHandle) -> Written {
    writer.array(7)?.encode(key.uid)?.encode(key.algorithm)?.encode(key.scheme)?.encode(&key.locator)?;
    writer.bytes(&key.binding)?;
    match &key.public_key {
        Some(spki) => writer.bytes(spki)?,
        None => writer.null()?,
    };
    writer.encode(key.distinguishing_id.as_deref())?.ok()
}

pub(super) fn encode_public(writer: &mut Writer<'_>, key: &PublicKey<'_>) -> Written {
    writer.array(4)?.encode(key.algorithm)?.encode(key.scheme)?.bytes(key.spki)?;
    writer.encode(key.distinguishing_id)?.ok()
}

impl Call {
    pub(super) fn decode(d: &mut Decoder<'_>) -> Result<Self, WireError> {
        let len = d.array()?.ok_or(WireError::Malformed)?;
        match (d.u8()?, len) {
            (1, 2) => Ok(Self::Generate(decode_template(d)?)),
            (2, 2) => Ok(Self::Find(d.decode()?)),
            (3, 2) => Ok(Self::Inventory(decode_len(d)?)),
            (4, 2) => Ok(Self::Destroy(d.decode()?)),
            (5, 4) => Ok(Self::Sign(decode_handle(d)?, d.bool()?, payload(d)?)),
            (6, 5) => Ok(Self::Verify(decode_public(d)?, d.bool()?, payload(d)?, d.bytes()?.to_vec())),
            (7, 3) => Ok(Self::Mac(decode_handle(d)?, payload(d)?)),
            (8, 5) => Ok(Self::Seal(decode_handle(d)?, decode_aead(d)?)),
            (9, 5) => Ok(Self::Open(decode_handle(d)?, decode_aead(d)?)),
            (10, 3) => Ok(Self::EncryptTo(decode_public(d)?, payload(d)?)),
            (11, 3) => Ok(Self::DecryptWith(decode_handle(d)?, payload(d)?)),
            (12, 2) => Ok(Self::Random(decode_len(d)?)),
            (13, 2) => Ok(Self::Encapsulate(decode_public(d)?)),
            (14, 3) => Ok(Self::Decapsulate(decode_handle(d)?, d.bytes()?.to_vec())),
            (15, 3) => Ok(Self::Agree(decode_handle(d)?, d.bytes()?.to_vec())),
            (16, 3) => Ok(Self::Wrap(decode_handle(d)?, OwnedWrapping::decode(d)?)),
            (17, 3) => Ok(Self::Unwrap(Box::new((decode_template(d)?, OwnedArrival::decode(d)?)))),
            (18, 2) => Ok(Self::Level(decode_handle(d)?)),
            (19, 4) => Ok(Self::Rewrap(decode_handle(d)?, d.decode()?, d.bytes()?.to_vec())),
            _ => Err(WireError::Malformed),
        }
    }

    /// Performs it: the operation borrows from here.
    ///
    /// # Errors
    /// Those of the backend.
    pub async fn perform(&self, backend: &dyn KeyBackend, deadline: Instant) -> Result<Outcome, BackendError> {
        match self {
            Self::Verify(key, is_digest, data, signature) => {
                let key = key.borrowed();
                backend.perform(Operation::Verify(&key, input(*is_digest, data), signature), deadline).await
            }
            Self::EncryptTo(key, data) => {
                let key = key.borrowed();
                backend.perform(Operation::EncryptTo(&key, data), deadline).await
            }
            Self::Generate(template) => backend.perform(Operation::Generate(template), deadline).await,
            Self::Find(uid) => backend.perform(Operation::Find(*uid), deadline).await,
            Self::Inventory(max) => backend.perform(Operation::Inventory(*max), deadline).await,
            Self::Destroy(uid) => backend.perform(Operation::Destroy(*uid), deadline).await,
            Self::Sign(key, is_digest, data) => {
                backend.perform(Operation::Sign(key, input(*is_digest, data)), deadline).await
            }
            Self::Mac(key, data) => backend.perform(Operation::Mac(key, data), deadline).await,
            Self::Seal(key, sealed) => backend.perform(Operation::Seal(key, sealed.aead()), deadline).await,
            Self::Open(key, sealed) => backend.perform(Operation::Open(key, sealed.aead()), deadline).await,
            Self::DecryptWith(key, data) => backend.perform(Operation::DecryptWith(key, data), deadline).await,
            Self::Random(len) => backend.perform(Operation::Random(*len), deadline).await,
            Self::Encapsulate(key) => {
                let key = key.borrowed();
                backend.perform(Operation::Encapsulate(&key), deadline).await
            }
            Self::Decapsulate(key, ciphertext) => {
                backend.perform(Operation::Decapsulate(key, ciphertext), deadline).await
            }
            Self::Agree(key, peer) => backend.perform(Operation::Agree(key, peer), deadline).await,
            Self::Wrap(key, by) => by.perform_wrap(key, backend, deadline).await,
            Self::Unwrap(both) => both.1.perform_unwrap(&both.0, backend, deadline).await,
            Self::Level(key) => backend.perform(Operation::Level(key), deadline).await,
            Self::Rewrap(key, wrapping_key, binding) => {
                let rewrap = Rewrap { wrapping_key: *wrapping_key, binding };
                backend.perform(Operation::Rewrap(key, rewrap), deadline).await
            }
        }
    }
}

impl Public {
    pub(super) fn borrowed(&self) -> PublicKey<'_> {
        let Self { algorithm, scheme, spki, distinguishing_id } = self;
        PublicKey { algorithm: *algorithm, scheme: *scheme, spki, distinguishing_id: distinguishing_id.as_deref() }
    }
}

impl Sealed {
    fn aead(&self) -> Aead<'_> {
        Aead { nonce: &self.nonce, aad: &self.aad, data: &self.data }
    }
}

fn input(is_digest: bool, data: &[u8]) -> SignInput<'_> {
    if is_digest { SignInput::Digest(data) } else { SignInput::Message(data) }
}

fn payload(d: &mut Decoder<'_>) -> Result<Zeroizing<Vec<u8>>, WireError> {
    Ok(Zeroizing::new(d.bytes()?.to_vec()))
}

fn decode_len(d: &mut Decoder<'_>) -> Result<usize, WireError> {
    usize::try_from(d.u64()?).map_err(|_| WireError::Malformed)
}

fn decode_template(d: &mut Decoder<'_>) -> Result<Template, WireError> {
    array(d, 7)?;
    Ok(Template {
        uid: d.decode()?,
        algorithm: d.decode()?,
        purpose: d.decode()?,
        scheme: d.decode()?,
        binding: Arc::from(d.bytes()?),
        wrapping_key: d.decode()?,
        exit: d.decode()?,
    })
}

pub(super) fn decode_handle(d: &mut Decoder<'_>) -> Result<KeyHandle, WireError> {
    array(d, 7)?;
    Ok(KeyHandle {
        uid: d.decode()?,
        algorithm: d.decode()?,
        scheme: d.decode()?,
        locator: d.decode()?,
        binding: Arc::from(d.bytes()?),
        public_key: d.decode::<Option<&minicbor::bytes::ByteSlice>>()?.map(|spki| Arc::from(&**spki)),
        distinguishing_id: d.decode::<Option<&str>>()?.map(Arc::from),
    })
}

pub(super) fn decode_public(d: &mut Decoder<'_>) -> Result<Public, WireError> {
    array(d, 4)?;
    let (algorithm, scheme, spki) = (d.decode()?, d.decode()?, d.bytes()?.to_vec());
    Ok(Public { algorithm, scheme, spki, distinguishing_id: d.decode()? })
}

fn decode_aead(d: &mut Decoder<'_>) -> Result<Box<Sealed>, WireError> {
    let nonce = d.bytes()?.try_into().map_err(|_| WireError::Malformed)?;
    Ok(Box::new(Sealed { nonce, aad: d.bytes()?.to_vec(), data: payload(d)? }))
}
