//! Secrets that a TPM agrees on: OpenSSL finds the same, keys serve that one use, and leading zeros stay.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::process::Command;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree as agree_here};
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{BackendError, KeyBackend as _, KeyHandle, Operation, Outcome, SignInput};
use hufu_secret::SecretBytes;
use hufu_tpm::TpmBackend;
use support::{Swtpm, config, generate, open, soon};

/// What stands before the point in a SubjectPublicKeyInfo of P-256 (RFC 5480 §2).
const SPKI_PREFIX: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

async fn agree(backend: &TpmBackend, key: &KeyHandle, peer: &[u8]) -> Result<SecretBytes, BackendError> {
    match backend.perform(Operation::Agree(key, peer), soon()).await? {
        Outcome::Plaintext(secret) => Ok(secret),
        outcome => panic!("{outcome:?}"),
    }
}

fn openssl(dir: &Path, line: &str) -> Vec<u8> {
    let output = Command::new("openssl").args(line.split(' ')).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn openssl_agrees_on_the_same_secret() {
    let Some(tpm) = Swtpm::start() else { return };
    let (backend, dir) = (open(&tpm).await, tempfile::tempdir().unwrap());
    let key = generate(&backend, Algorithm::P256, Scheme::Ecdh).await;
    std::fs::write(dir.path().join("tpm.der"), key.public_key.as_deref().unwrap()).unwrap();
    for _ in 0..8 {
        openssl(dir.path(), "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out own.pem");
        let own = openssl(dir.path(), "pkey -in own.pem -pubout -outform DER");
        let theirs = openssl(dir.path(), "pkeyutl -derive -inkey own.pem -peerkey tpm.der -peerform DER");
        assert_eq!(agree(&backend, &key, &own).await.unwrap().expose(), theirs);
    }
}

/// TPMs leave leading zeros out of numbers; SP 800-56Ar3 §5.7.1.2 has them.
#[tokio::test]
async fn a_secret_that_begins_with_zeros_keeps_its_length() {
    let Some(tpm) = Swtpm::start() else { return };
    let backend = open(&tpm).await;
    let key = generate(&backend, Algorithm::P256, Scheme::Ecdh).await;
    let point = key.public_key.as_deref().unwrap().strip_prefix(SPKI_PREFIX).unwrap();
    let (peer, secret) = (0..100_000)
        .find_map(|_| {
            let own = PrivateKey::generate(&ECDH_P256).unwrap();
            let theirs = UnparsedPublicKey::new(&ECDH_P256, point);
            let secret = agree_here(&own, theirs, (), |z| Ok(z.to_vec())).unwrap();
            (secret[0] == 0).then(|| ([SPKI_PREFIX, own.compute_public_key().unwrap().as_ref()].concat(), secret))
        })
        .unwrap();
    assert_eq!(agree(&backend, &key, &peer).await.unwrap().expose(), secret);
}

#[tokio::test]
async fn a_key_does_the_one_thing_that_it_is_for() {
    let Some(tpm) = Swtpm::start() else { return };
    let backend = open(&tpm).await;
    let mut agrees = generate(&backend, Algorithm::P256, Scheme::Ecdh).await;
    let mut signs = generate(&backend, Algorithm::P256, Scheme::EcdsaSha256).await;
    let peer = agrees.public_key.clone().unwrap();
    let answer = agree(&backend, &signs, &peer).await;
    assert!(matches!(answer, Err(BackendError::InvalidInput(_))), "{answer:?}");
    // Records that say otherwise help nobody: the TPM refuses.
    (agrees.scheme, signs.scheme) = (Scheme::EcdsaSha256, Scheme::Ecdh);
    assert!(agree(&backend, &signs, &peer).await.is_err());
    assert!(backend.perform(Operation::Sign(&agrees, SignInput::Digest(&[7; 32])), soon()).await.is_err());
    // Nor was anything taken for a wrong PIN.
    agrees.scheme = Scheme::Ecdh;
    agree(&backend, &agrees, &peer).await.unwrap();
}

#[tokio::test]
async fn a_wrong_pin_agrees_on_nothing() {
    let Some(tpm) = Swtpm::start() else { return };
    let right = open(&tpm).await;
    let key = generate(&right, Algorithm::P256, Scheme::Ecdh).await;
    let peer = key.public_key.clone().unwrap();
    drop(right);
    let wrong = TpmBackend::open(config(&tpm, "another PIN")).await.unwrap();
    for _ in 0..40 {
        let answer = agree(&wrong, &key, &peer).await;
        assert!(matches!(answer, Err(BackendError::Credentials(_))), "{answer:?}");
    }
    drop(wrong);
    // A TPM locks after 32 failures or fewer: it was asked once.
    agree(&open(&tpm).await, &key, &peer).await.unwrap();
}

/// What a TPM can do does not depend on whether it is locked for the moment.
#[tokio::test]
async fn a_tpm_in_lockout_still_tells_what_it_can() {
    let Some(tpm) = Swtpm::start() else { return };
    let right = open(&tpm).await;
    let key = generate(&right, Algorithm::P256, Scheme::Ecdh).await;
    let peer = key.public_key.clone().unwrap();
    drop(right);
    let strict = ["-s", "--max-tries=1", "--recovery-time=1000", "--lockout-recovery-time=1000", "-T", &tpm.tcti()];
    match Command::new("tpm2_dictionarylockout").args(strict).output() {
        Err(_) => {
            return println!("skipped: a TPM in lockout: no tpm2_dictionarylockout (`apt-get install tpm2-tools`)");
        }
        Ok(set) => assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr)),
    }
    let wrong = TpmBackend::open(config(&tpm, "another PIN")).await.unwrap();
    assert!(matches!(agree(&wrong, &key, &peer).await, Err(BackendError::Credentials(_))));
    drop(wrong);
    let right = open(&tpm).await;
    let answer = agree(&right, &key, &peer).await;
    assert!(matches!(&answer, Err(BackendError::Credentials(why)) if why.contains("lockout")), "{answer:?}");
    assert!(right.capabilities().schemes.contains(&(Algorithm::P256, Purpose::Agree, Scheme::Ecdh)));
}
