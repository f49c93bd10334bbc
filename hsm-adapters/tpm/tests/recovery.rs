//! A TPM that goes away, comes back, is another one, or is asked with the wrong PIN.

mod support;

use std::sync::Arc;

use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{BackendError, Health, KeyBackend, KeyHandle, Operation, Outcome, SignInput};
use hufu_core::record::{Locator, VersionUid};
use hufu_tpm::TpmBackend;
use support::{Swtpm, config, generate, open, soon};

async fn sign(backend: &TpmBackend, key: &KeyHandle) -> Result<Outcome, BackendError> {
    backend.perform(Operation::Sign(key, SignInput::Message(b"message")), soon()).await
}

#[tokio::test]
async fn a_killed_tpm_is_told_and_comes_back_with_its_keys() {
    let Some(mut tpm) = Swtpm::start() else { return };
    let backend = open(&tpm).await;
    let key = generate(&backend, Algorithm::Sm2, Scheme::Sm2Sm3).await;
    sign(&backend, &key).await.unwrap();
    tpm.kill();
    let answer = sign(&backend, &key).await;
    assert!(matches!(answer, Err(BackendError::Unavailable(_))), "{answer:?}");
    assert!(matches!(backend.health(), Health::Down(_)));
    let before = backend.generation();
    tpm.power_on();
    sign(&backend, &key).await.unwrap();
    assert_eq!(backend.health(), Health::Serving);
    assert!(before > 0, "what was loaded before is not trusted");
}

#[tokio::test]
async fn a_key_is_of_no_use_on_another_tpm() {
    let (Some(one), Some(other)) = (Swtpm::start(), Swtpm::start()) else { return };
    let (one, other) = (open(&one).await, open(&other).await);
    let key = generate(&one, Algorithm::P256, Scheme::EcdsaSha256).await;
    let answer = sign(&other, &key).await;
    assert!(matches!(answer, Err(BackendError::Missing(_))), "{answer:?}");
}

#[tokio::test]
async fn a_wrong_pin_is_presented_once() {
    let Some(tpm) = Swtpm::start() else { return };
    let right = open(&tpm).await;
    let key = generate(&right, Algorithm::P256, Scheme::EcdsaSha256).await;
    drop(right);
    let wrong = TpmBackend::open(config(&tpm, "another PIN")).await.unwrap();
    for _ in 0..40 {
        let answer = sign(&wrong, &key).await;
        assert!(matches!(answer, Err(BackendError::Credentials(_))), "{answer:?}");
    }
    assert!(matches!(wrong.health(), Health::Down(_)));
    drop(wrong);
    // A TPM locks after 32 failures or fewer: it was asked once.
    sign(&open(&tpm).await, &key).await.unwrap();
}

/// Without a resource manager what was loaded stays loaded, and there is room for three.
#[tokio::test]
async fn a_tpm_that_is_left_has_nothing_of_ours_loaded() {
    let Some(tpm) = Swtpm::start() else { return };
    let mut made = None;
    for _ in 0..8 {
        let backend = open(&tpm).await;
        let key = match made.take() {
            Some(key) => key,
            None => generate(&backend, Algorithm::P256, Scheme::EcdsaSha256).await,
        };
        sign(&backend, &key).await.unwrap();
        made = Some(key);
    }
}

/// A TPM and two keys as they were before there were keys that agree.
#[tokio::test]
async fn keys_of_the_first_format_load() {
    let Some(tpm) = Swtpm::start_on(include_bytes!("first-format/tpm2-00.permall")) else { return };
    let backend = open(&tpm).await;
    for (algorithm, scheme, blob, spki) in [
        (
            Algorithm::P256,
            Scheme::EcdsaSha256,
            &include_bytes!("first-format/p256.blob")[..],
            &include_bytes!("first-format/p256.spki")[..],
        ),
        (
            Algorithm::Sm2,
            Scheme::Sm2Sm3,
            &include_bytes!("first-format/sm2.blob")[..],
            &include_bytes!("first-format/sm2.spki")[..],
        ),
    ] {
        let key = KeyHandle {
            uid: VersionUid([7; 16]),
            algorithm,
            scheme,
            locator: Locator::Sealed { device: backend.id().to_owned(), blob: blob.into() },
            binding: Arc::from([]),
            public_key: Some(Arc::from(spki)),
            distinguishing_id: None,
        };
        sign(&backend, &key).await.unwrap();
    }
    assert_eq!(backend.id(), "fd147db56e4b0d3422e4a8d7b88dc288");
}
