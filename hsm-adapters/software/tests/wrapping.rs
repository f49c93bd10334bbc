//! Wrapped material opens only as what it was wrapped for.
#![expect(clippy::panic, reason = "a test ends where it fails")]

mod support;

use std::sync::Arc;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, SignInput};
use hufu_core::record::{Locator, WrappingKeyId};
use support::{backend, generate, soon};

async fn answer(backend: &impl KeyBackend, handle: &KeyHandle) -> Result<(), BackendError> {
    let signed = backend.perform(Operation::Sign(handle, SignInput::Message(b"x")), soon()).await;
    signed.map(|_| ())
}

fn with_blob(handle: &KeyHandle, change: impl Fn(&mut Vec<u8>, &mut WrappingKeyId)) -> KeyHandle {
    let Locator::Wrapped { blob, wrapping_key } = &handle.locator else { panic!("wrapped") };
    let (mut blob, mut wrapping_key) = (blob.to_vec(), *wrapping_key);
    change(&mut blob, &mut wrapping_key);
    KeyHandle { locator: Locator::Wrapped { blob: blob.into(), wrapping_key }, ..handle.clone() }
}

#[tokio::test]
async fn a_changed_record_does_not_open_even_when_the_key_is_cached() {
    let backend = backend();
    let key = generate(&backend, Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256).await;
    answer(&backend, &key).await.unwrap();
    let last = with_blob(&key, |blob, _| *blob.last_mut().unwrap() ^= 1);
    let cut = with_blob(&key, |blob, _| blob.truncate(20));
    let wrapping = with_blob(&key, |_, id| id.0[0] ^= 1);
    let binding = KeyHandle { binding: Arc::from(&b"another tenant"[..]), ..key.clone() };
    for changed in [last, cut, wrapping, binding] {
        let refused = answer(&backend, &changed).await;
        assert!(matches!(refused, Err(BackendError::Missing(_))), "{refused:?}");
    }
    let other_scheme = KeyHandle { scheme: Scheme::Ed25519, ..key.clone() };
    assert!(matches!(answer(&backend, &other_scheme).await, Err(BackendError::Unsupported(_))));
    answer(&backend, &key).await.unwrap();
}

#[tokio::test]
async fn many_more_keys_than_the_cache_holds_stay_usable() {
    let backend = backend();
    let mut keys = Vec::new();
    for _ in 0..1500 {
        keys.push(generate(&backend, Algorithm::Ed25519, Purpose::Sign, Scheme::Ed25519).await);
    }
    for _ in 0..2 {
        for key in &keys {
            answer(&backend, key).await.unwrap();
        }
    }
}

#[tokio::test]
async fn generation_needs_a_wrapping_key_that_is_there() {
    let backend = backend();
    let mut template = support::template(Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256);
    template.wrapping_key = None;
    let refused = backend.perform(Operation::Generate(&template), soon()).await;
    assert!(matches!(refused, Err(BackendError::InvalidInput(_))));
    template.wrapping_key = Some(WrappingKeyId([0; 16]));
    let refused = backend.perform(Operation::Generate(&template), soon()).await;
    assert!(matches!(refused, Err(BackendError::Missing(_))));
}
