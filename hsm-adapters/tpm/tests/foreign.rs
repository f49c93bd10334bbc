//! Other programs agree: OpenSSL with the signatures, and the statement of the TPM with its certifying key.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::process::Command;

use der::asn1::UintRef;
use der::{Encode as _, Sequence};
use hufu_core::algorithm::{Algorithm, Scheme};
use hufu_core::backend::{KeyBackend as _, Operation, Outcome, SignInput};
use sha2::{Digest as _, Sha256};
use support::{Swtpm, generate, open, soon};

/// Ecdsa-Sig-Value (RFC 3279 §2.2.3).
#[derive(Sequence)]
struct Pair<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

fn der(raw: &[u8]) -> Vec<u8> {
    let (r, s) = raw.split_at(32);
    Pair { r: UintRef::new(r).unwrap(), s: UintRef::new(s).unwrap() }.to_der().unwrap()
}

fn verifies(dir: &Path, spki: &[u8], message: &[u8], signature: &[u8], options: &[&str]) -> bool {
    for (name, bytes) in [("key.der", spki), ("message", message), ("signature", signature)] {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    let arguments = ["pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", "key.der"];
    let files = ["-in", "message", "-sigfile", "signature"];
    Command::new("openssl").args(arguments).args(files).args(options).current_dir(dir).status().unwrap().success()
}

#[tokio::test]
async fn openssl_verifies_what_the_tpm_signs() {
    let Some(tpm) = Swtpm::start() else { return };
    let (backend, dir) = (open(&tpm).await, tempfile::tempdir().unwrap());
    let sm2 = ["-digest", "sm3", "-pkeyopt", "distid:1234567812345678"];
    for (algorithm, scheme, options) in [
        (Algorithm::P256, Scheme::EcdsaSha256, &["-digest", "sha256"][..]),
        (Algorithm::Sm2, Scheme::Sm2Sm3, &sm2[..]),
    ] {
        let key = generate(&backend, algorithm, scheme).await;
        for message in [&b""[..], b"message", &[0x5a; 100_000]] {
            let signed = backend.perform(Operation::Sign(&key, SignInput::Message(message)), soon()).await;
            let Ok(Outcome::Bytes(raw)) = signed else { panic!("{signed:?}") };
            let spki = key.public_key.as_deref().unwrap();
            assert!(verifies(dir.path(), spki, message, &der(&raw), options), "{algorithm}");
            assert!(!verifies(dir.path(), spki, b"another", &der(&raw), options), "{algorithm}");
        }
    }
}

#[tokio::test]
async fn the_tpm_certifies_an_sm2_key() {
    let Some(tpm) = Swtpm::start() else { return };
    let (backend, dir) = (open(&tpm).await, tempfile::tempdir().unwrap());
    let key = generate(&backend, Algorithm::Sm2, Scheme::Sm2Sm3).await;
    let nonce = [0x17; 20];
    let certificate = backend.certify(&key, &nonce, soon()).await.unwrap();

    // TPMT_SIGNATURE: algorithm, hash, then r and s with their lengths (TPM 2.0 Library, part 2, §11.3.4).
    let signature = &certificate.signature;
    let part = |at: usize| (usize::from(u16::from_be_bytes([signature[at], signature[at + 1]])), at + 2);
    let (r_len, r_at) = part(4);
    let (s_len, s_at) = part(r_at + r_len);
    let mut raw = [0; 64];
    raw[32 - r_len..32].copy_from_slice(&signature[r_at..r_at + r_len]);
    raw[64 - s_len..].copy_from_slice(&signature[s_at..s_at + s_len]);
    let options = ["-digest", "sha256"];
    assert!(verifies(dir.path(), &certificate.certifying_key, &certificate.attest, &der(&raw), &options));

    // TPMS_ATTEST: TPM_GENERATED, TPM_ST_ATTEST_CERTIFY, the nonce, and the name of the key: SHA-256 of its public area.
    let attest = &certificate.attest;
    assert_eq!(attest[..6], [0xff, b'T', b'C', b'G', 0x80, 0x17]);
    assert!(attest.windows(nonce.len()).any(|window| window == nonce));
    let name = Sha256::digest(&certificate.public);
    assert!(attest.windows(32).any(|window| window == name.as_slice()));
    // The public area holds the point that the key was made with.
    let spki = key.public_key.as_deref().unwrap();
    let point = &spki[spki.len() - 64..];
    for coordinate in point.chunks(32) {
        assert!(certificate.public.windows(32).any(|window| window == coordinate));
    }
}
