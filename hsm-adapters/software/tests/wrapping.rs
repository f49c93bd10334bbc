//! Wrapped material opens only as what it was wrapped for.
#![expect(clippy::panic, reason = "a test ends where it fails")]

mod support;

use std::sync::Arc;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{
    BackendError, KeyBackend, KeyHandle, Operation, Outcome, Rewrap, SignInput, Template, Wrapping,
};
use hufu_core::record::{Exit, Locator, WrappingKeyId};
use support::{NEW_WRAPPING_KEY, WRAPPING_KEY, backend, generate, soon};

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

/// Wrapped anew it is the same key under another wrapping key, with the same word on whether it may leave; and the old wrapping opens as before.
#[tokio::test]
async fn rewrapped_material_is_the_same_key_and_opens_only_as_the_new_binding_says() {
    let backend = backend();
    for exit in [Exit::Never, Exit::Exportable] {
        let template = Template { exit, ..support::template(Algorithm::Ed25519, Purpose::Sign, Scheme::Ed25519) };
        let key = support::made(&backend, &template).await;
        let rewrap = Rewrap { wrapping_key: NEW_WRAPPING_KEY, binding: b"under the new key" };
        let Ok(Outcome::Rewrapped(locator)) = backend.perform(Operation::Rewrap(&key, rewrap), soon()).await else {
            panic!("it is wrapped anew");
        };
        let binding: Arc<[u8]> = Arc::from(&b"under the new key"[..]);
        let moved = KeyHandle { locator, binding, ..key.clone() };
        let sign = async |key: &KeyHandle| match backend
            .perform(Operation::Sign(key, SignInput::Message(b"x")), soon())
            .await
        {
            Ok(Outcome::Bytes(signature)) => Ok(signature),
            other => Err(format!("{other:?}")),
        };
        // Ed25519 signs the same message the same way.
        assert_eq!(sign(&moved).await.unwrap(), sign(&key).await.unwrap());
        let receiver = generate(&backend, Algorithm::Aes256Kwp, Purpose::Wrap, Scheme::AesKwp).await;
        let leaves = backend.perform(Operation::Wrap(&moved, Wrapping::Key(&receiver)), soon()).await;
        assert_eq!(leaves.is_ok(), exit == Exit::Exportable, "{leaves:?}");
        let old_binding = KeyHandle { binding: key.binding.clone(), ..moved.clone() };
        let old_key = with_blob(&moved, |_, id| *id = WRAPPING_KEY);
        for wrong in [&old_binding, &old_key] {
            assert!(matches!(answer(&backend, wrong).await, Err(BackendError::Missing(_))));
        }
        let damaged = with_blob(&key, |blob, _| *blob.last_mut().unwrap() ^= 1);
        let unknown = Rewrap { wrapping_key: WrappingKeyId([9; 16]), ..rewrap };
        for (key, rewrap) in [(&damaged, rewrap), (&key, unknown)] {
            let refused = backend.perform(Operation::Rewrap(key, rewrap), soon()).await;
            assert!(matches!(refused, Err(BackendError::Missing(_))), "{refused:?}");
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
