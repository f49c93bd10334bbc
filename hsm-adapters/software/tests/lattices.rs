//! ML-DSA and ML-KEM against RustCrypto's implementations, in both directions, keys and SubjectPublicKeyInfo included.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

mod support;

use std::sync::Arc;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, Outcome, PublicKey, SignInput};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;
use ml_dsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, SigningKey, VerifyingKey};
use ml_kem::kem::Decapsulate as _;
use ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
use support::{backend, bytes, generate, known, public_key, soon, verifies};

const MESSAGE: &[u8] = b"half a tiger is no tiger";

#[tokio::test]
async fn ml_dsa_crosses_both_ways() {
    let backend = backend();
    ml_dsa_crosses::<MlDsa44>(&backend, Algorithm::MlDsa44).await;
    ml_dsa_crosses::<MlDsa65>(&backend, Algorithm::MlDsa65).await;
    ml_dsa_crosses::<MlDsa87>(&backend, Algorithm::MlDsa87).await;
}

async fn ml_dsa_crosses<P: MlDsaParams>(backend: &SoftwareBackend, algorithm: Algorithm)
where
    VerifyingKey<P>: DecodePublicKey + EncodePublicKey,
{
    let key = generate(backend, algorithm, Purpose::Sign, Scheme::MlDsa).await;
    let signature = bytes(backend, Operation::Sign(&key, SignInput::Message(MESSAGE))).await;
    let theirs = VerifyingKey::<P>::from_public_key_der(key.public_key.as_deref().unwrap()).unwrap();
    let signature = Signature::<P>::try_from(&signature[..]).unwrap();
    assert!(theirs.verify_with_context(MESSAGE, b"", &signature), "{algorithm}");
    assert!(!theirs.verify_with_context(MESSAGE, b"context", &signature), "{algorithm}");

    let seed = [0x5c; 32];
    let signer = SigningKey::<P>::from_seed(&seed.into());
    let spki = signer.expanded_key().verifying_key().to_public_key_der().unwrap();
    let spki = spki.as_bytes();
    let theirs = PublicKey { algorithm, scheme: Scheme::MlDsa, spki, distinguishing_id: None };
    let signature = signer.expanded_key().sign_deterministic(MESSAGE, b"").unwrap().encode();
    assert_eq!(verifies(backend, &theirs, SignInput::Message(MESSAGE), &signature).await, Ok(true), "{algorithm}");
    let with_context = signer.expanded_key().sign_deterministic(MESSAGE, b"context").unwrap().encode();
    assert_eq!(verifies(backend, &theirs, SignInput::Message(MESSAGE), &with_context).await, Ok(false));

    // From one seed both derive one pair: else the handle's public key would not be the material's.
    let same = KeyHandle { public_key: Some(Arc::from(spki)), ..known(algorithm, Scheme::MlDsa, &seed) };
    let signature = bytes(backend, Operation::Sign(&same, SignInput::Message(MESSAGE))).await;
    assert_eq!(verifies(backend, &theirs, SignInput::Message(MESSAGE), &signature).await, Ok(true), "{algorithm}");
}

#[tokio::test]
async fn ml_kem_crosses_both_ways() {
    let backend = backend();
    let key = generate(&backend, Algorithm::MlKem768, Purpose::Encapsulate, Scheme::MlKem).await;
    let theirs = EncapsulationKey::from_public_key_der(key.public_key.as_deref().unwrap()).unwrap();
    let (ciphertext, secret) = theirs.encapsulate_deterministic(&[0x21; 32].into());
    assert_eq!(decapsulate(&backend, &key, &ciphertext).await.expose(), &secret[..]);

    let theirs = DecapsulationKey::from_seed([0x5c; 64].into());
    let spki = theirs.encapsulation_key().to_public_key_der().unwrap();
    let public = PublicKey { spki: spki.as_bytes(), ..public_key(&key) };
    let made = backend.perform(Operation::Encapsulate(&public), soon()).await.unwrap();
    let Outcome::Encapsulated { ciphertext, secret } = made else { panic!("encapsulated") };
    let found = theirs.decapsulate(&ciphertext[..].try_into().unwrap());
    assert_eq!(secret.expose(), &found[..]);
}

/// FIPS 203 §6.3: what implicit rejection gives is defined, so both implementations give the same.
#[tokio::test]
async fn implicit_rejection_gives_the_secret_of_the_standard() {
    let backend = backend();
    let theirs = DecapsulationKey::from_seed([0x5c; 64].into());
    let key = known(Algorithm::MlKem768, Scheme::MlKem, &expanded(&theirs));
    let (genuine, secret) = theirs.encapsulation_key().encapsulate_deterministic(&[0x21; 32].into());
    assert_eq!(decapsulate(&backend, &key, &genuine).await.expose(), &secret[..]);
    for garbage in [[0; 1088], [0xff; 1088], [0x5a; 1088]] {
        let expected = theirs.decapsulate(&garbage.into());
        assert_eq!(decapsulate(&backend, &key, &garbage).await.expose(), &expected[..]);
    }
}

/// FIPS 203 §7.3: a decapsulation key whose hash is not that of its public half is no key.
#[tokio::test]
async fn changed_decapsulation_keys_are_refused() {
    let backend = backend();
    let good = expanded(&DecapsulationKey::from_seed([0x5c; 64].into()));
    for at in [1152, 1700, 2335, 2336, 2367] {
        let mut changed = good.clone();
        changed[at] ^= 1;
        let key = known(Algorithm::MlKem768, Scheme::MlKem, &changed);
        let answer = backend.perform(Operation::Decapsulate(&key, &[1; 1088]), soon()).await;
        assert!(matches!(answer, Err(BackendError::Missing(_))), "{at}: {answer:?}");
    }
    for len in [0, 1152, 2399] {
        let key = known(Algorithm::MlKem768, Scheme::MlKem, &good[..len]);
        let answer = backend.perform(Operation::Decapsulate(&key, &[1; 1088]), soon()).await;
        assert!(matches!(answer, Err(BackendError::Missing(_))), "{len}: {answer:?}");
    }
}

/// FIPS 203 §7.2: coefficients of 3329 or more are no public key.
#[tokio::test]
async fn public_keys_out_of_range_are_refused() {
    let backend = backend();
    let key = generate(&backend, Algorithm::MlKem768, Purpose::Encapsulate, Scheme::MlKem).await;
    let mut spki = key.public_key.as_deref().unwrap().to_vec();
    spki[22..25].fill(0xff);
    let public = PublicKey { spki: &spki, ..public_key(&key) };
    let answer = backend.perform(Operation::Encapsulate(&public), soon()).await;
    assert!(matches!(answer, Err(BackendError::InvalidInput(_))), "{answer:?}");
}

#[expect(deprecated, reason = "aws-lc takes this form alone")]
fn expanded(key: &DecapsulationKey) -> Vec<u8> {
    use ml_kem::ExpandedKeyEncoding as _;
    key.to_expanded_bytes().to_vec()
}

async fn decapsulate(backend: &SoftwareBackend, key: &KeyHandle, ciphertext: &[u8]) -> SecretBytes {
    match backend.perform(Operation::Decapsulate(key, ciphertext), soon()).await {
        Ok(Outcome::Plaintext(secret)) => secret,
        answer => panic!("{answer:?}"),
    }
}
