//! A software backend with one wrapping key, and keys of known material.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::{Rng, RngError};
use hufu_core::backend::{
    BackendError, KeyBackend, KeyHandle, Operation, Outcome, PublicKey, SignInput, Template, WrappingKeys,
};
use hufu_core::record::{Locator, VersionUid, WrappingKeyId};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;

pub(crate) const WRAPPING_KEY: WrappingKeyId = WrappingKeyId([0x77; 16]);
/// The key that material is brought under when its wrapping key is rotated.
pub(crate) const NEW_WRAPPING_KEY: WrappingKeyId = WrappingKeyId([0x78; 16]);
const WRAPPING_KEY_BYTES: [u8; 32] = [0x42; 32];

pub(crate) struct OsRng;

impl Rng for OsRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

pub(crate) struct OneKey;

impl WrappingKeys for OneKey {
    fn wrapping_key(&self, id: WrappingKeyId) -> BoxFuture<'_, Result<Arc<SecretBytes>, BackendError>> {
        Box::pin(async move {
            match id {
                WRAPPING_KEY => Ok(Arc::new(SecretBytes::from_slice(&WRAPPING_KEY_BYTES))),
                NEW_WRAPPING_KEY => Ok(Arc::new(SecretBytes::from_slice(&[0x43; 32]))),
                _ => Err(BackendError::Missing("no such wrapping key".to_owned())),
            }
        })
    }
}

pub(crate) fn backend() -> SoftwareBackend {
    SoftwareBackend::new(Arc::new(OneKey), Arc::new(OsRng), NonZeroUsize::new(2).unwrap()).unwrap()
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub(crate) fn uid() -> VersionUid {
    VersionUid(hufu_core::ambient::random_array(&OsRng).unwrap())
}

pub(crate) fn template(algorithm: Algorithm, purpose: Purpose, scheme: Scheme) -> Template {
    let binding = Arc::from(&b"deployment, tenant, key, version"[..]);
    Template {
        uid: uid(),
        algorithm,
        purpose,
        scheme,
        binding,
        wrapping_key: Some(WRAPPING_KEY),
        exit: hufu_core::record::Exit::Never,
    }
}

pub(crate) async fn generate(
    backend: &SoftwareBackend,
    algorithm: Algorithm,
    purpose: Purpose,
    scheme: Scheme,
) -> KeyHandle {
    made(backend, &template(algorithm, purpose, scheme)).await
}

pub(crate) async fn made(backend: &SoftwareBackend, template: &Template) -> KeyHandle {
    let Template { uid, algorithm, scheme, ref binding, .. } = *template;
    let Ok(Outcome::Generated(generated)) = backend.perform(Operation::Generate(template), soon()).await else {
        panic!("{algorithm} is generated");
    };
    KeyHandle {
        uid,
        algorithm,
        scheme,
        locator: generated.locator,
        binding: binding.clone(),
        public_key: generated.public_key.map(Arc::from),
        distinguishing_id: None,
    }
}

/// A handle to material of the test's choice, wrapped here by the documented format and not by the backend.
pub(crate) fn known(algorithm: Algorithm, scheme: Scheme, material: &[u8]) -> KeyHandle {
    let binding: Arc<[u8]> = Arc::from(&b"binding"[..]);
    let nonce = [3; 12];
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &WRAPPING_KEY_BYTES).unwrap());
    let mut sealed = material.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&binding), &mut sealed).unwrap();
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder.array(3).unwrap().str("hufu-wrapped-material").unwrap().u32(1).unwrap();
    encoder.map(2).unwrap().u8(0).unwrap().bytes(&nonce).unwrap().u8(1).unwrap().bytes(&sealed).unwrap();
    KeyHandle {
        uid: uid(),
        algorithm,
        scheme,
        locator: Locator::Wrapped { blob: encoder.into_writer().into(), wrapping_key: WRAPPING_KEY },
        binding,
        public_key: None,
        distinguishing_id: None,
    }
}

pub(crate) fn public_key(handle: &KeyHandle) -> PublicKey<'_> {
    PublicKey {
        algorithm: handle.algorithm,
        scheme: handle.scheme,
        spki: handle.public_key.as_deref().unwrap(),
        distinguishing_id: handle.distinguishing_id.as_deref(),
    }
}

pub(crate) async fn bytes(backend: &SoftwareBackend, operation: Operation<'_>) -> Vec<u8> {
    match backend.perform(operation, soon()).await {
        Ok(Outcome::Bytes(bytes)) => bytes,
        answer => panic!("{answer:?}"),
    }
}

pub(crate) async fn verifies(
    backend: &SoftwareBackend,
    key: &PublicKey<'_>,
    input: SignInput<'_>,
    signature: &[u8],
) -> Result<bool, BackendError> {
    match backend.perform(Operation::Verify(key, input, signature), soon()).await? {
        Outcome::Verified(good) => Ok(good),
        answer => panic!("{answer:?}"),
    }
}

/// r ‖ s as an Ecdsa-Sig-Value (RFC 3279 §2.2.3).
pub(crate) fn to_der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let body: Vec<u8> = [r, s].into_iter().flat_map(integer).collect();
    [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

/// Strictly the DER that [`to_der`] writes, as r ‖ s; nothing for anything else.
pub(crate) fn from_der(der: &[u8], scalar_len: usize) -> Option<Vec<u8>> {
    let mut fixed = vec![0; 2 * scalar_len];
    let mut rest = der.get(2..)?;
    for half in fixed.chunks_mut(scalar_len) {
        let len = usize::from(*rest.get(1)?);
        let digits = rest.get(2..2 + len)?;
        let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
        half.get_mut(scalar_len.checked_sub(digits.len())?..)?.copy_from_slice(digits);
        rest = rest.get(2 + len..)?;
    }
    (to_der(&fixed) == der).then_some(fixed)
}

fn integer(scalar: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = scalar.iter().copied().skip_while(|b| *b == 0).collect();
    let pad = usize::from(digits.first().is_none_or(|top| top & 0x80 != 0));
    let len = u8::try_from(digits.len() + pad).unwrap();
    [&[2, len][..], &vec![0; pad], &digits].concat()
}
