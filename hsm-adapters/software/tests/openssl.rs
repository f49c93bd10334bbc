//! The OpenSSL command line agrees, in both directions where it can.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::path::Path;
use std::process::Command;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{Aead, KeyBackend, Operation, Outcome, PublicKey, SignInput};
use support::{backend, bytes, from_der, generate, known, public_key, soon, to_der, verifies};
use tempfile::TempDir;

const MESSAGE: &[u8] = b"half a tiger is no tiger";

/// Runs openssl in a directory; its standard output when it succeeds.
fn openssl(dir: &Path, arguments: &str) -> Result<Vec<u8>, String> {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(dir).output().unwrap();
    let error = || format!("openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(output.stdout.clone()) } else { Err(error()) }
}

fn write(dir: &TempDir, name: &str, bytes: &[u8]) {
    std::fs::write(dir.path().join(name), bytes).unwrap();
}

fn read(dir: &TempDir, name: &str) -> Vec<u8> {
    std::fs::read(dir.path().join(name)).unwrap()
}

struct Pair {
    algorithm: Algorithm,
    scheme: Scheme,
    /// How openssl makes such a key.
    genpkey: &'static str,
    /// How openssl hashes and pads.
    options: &'static str,
}

const PAIRS: &[Pair] = &[
    Pair {
        algorithm: Algorithm::P256,
        scheme: Scheme::EcdsaSha256,
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        options: "-digest sha256",
    },
    Pair {
        algorithm: Algorithm::P384,
        scheme: Scheme::EcdsaSha384,
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        options: "-digest sha384",
    },
    Pair {
        algorithm: Algorithm::Secp256k1,
        scheme: Scheme::EcdsaSha256,
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        options: "-digest sha256",
    },
    Pair { algorithm: Algorithm::Ed25519, scheme: Scheme::Ed25519, genpkey: "-algorithm ED25519", options: "" },
    Pair {
        algorithm: Algorithm::Sm2,
        scheme: Scheme::Sm2Sm3,
        genpkey: "-algorithm SM2",
        options: "-digest sm3 -pkeyopt distid:1234567812345678",
    },
    Pair {
        algorithm: Algorithm::Rsa3072,
        scheme: Scheme::RsaPssSha256,
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        options: "-digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32",
    },
    Pair {
        algorithm: Algorithm::Rsa2048,
        scheme: Scheme::RsaPssSha256,
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        options: "-digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32",
    },
    Pair {
        algorithm: Algorithm::Rsa4096,
        scheme: Scheme::RsaPssSha256,
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:4096",
        options: "-digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32",
    },
    Pair {
        algorithm: Algorithm::Rsa3072,
        scheme: Scheme::RsaPkcs1Sha256,
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        options: "-digest sha256 -pkeyopt rsa_padding_mode:pkcs1",
    },
];

#[tokio::test]
async fn openssl_verifies_what_the_backend_signs() {
    let (backend, dir) = (backend(), TempDir::new().unwrap());
    write(&dir, "message", MESSAGE);
    write(&dir, "other", b"half a tiger is a tiger");
    for Pair { algorithm, scheme, options, .. } in PAIRS {
        let key = generate(&backend, *algorithm, Purpose::Sign, *scheme).await;
        write(&dir, "public", key.public_key.as_deref().unwrap());
        let signature = bytes(&backend, Operation::Sign(&key, SignInput::Message(MESSAGE))).await;
        let signature = if scheme.scalar_len().is_some() { to_der(&signature) } else { signature };
        write(&dir, "signature", &signature);
        let verify = |file: &str| {
            let fixed = "pkeyutl -verify -rawin -pubin -keyform DER -inkey public -sigfile signature";
            openssl(dir.path(), &format!("{fixed} -in {file} {options}"))
        };
        verify("message").unwrap();
        assert!(verify("other").is_err(), "{algorithm} {scheme}");
    }
}

#[tokio::test]
async fn the_backend_verifies_what_openssl_signs() {
    let (backend, dir) = (backend(), TempDir::new().unwrap());
    write(&dir, "message", MESSAGE);
    for Pair { algorithm, scheme, genpkey, options } in PAIRS {
        openssl(dir.path(), &format!("genpkey {genpkey} -out private")).unwrap();
        openssl(dir.path(), "pkey -in private -pubout -outform DER -out public").unwrap();
        let sign = "pkeyutl -sign -rawin -inkey private -in message -out signature";
        openssl(dir.path(), &format!("{sign} {options}")).unwrap();
        let (spki, mut signature) = (read(&dir, "public"), read(&dir, "signature"));
        if let Some(len) = scheme.scalar_len() {
            signature = from_der(&signature, len).unwrap();
        }
        if *algorithm == Algorithm::Secp256k1 {
            let parsed = k256::ecdsa::Signature::from_slice(&signature).unwrap();
            signature = parsed.normalize_s().to_vec();
        }
        let key = PublicKey { algorithm: *algorithm, scheme: *scheme, spki: &spki, distinguishing_id: None };
        let verified = verifies(&backend, &key, SignInput::Message(MESSAGE), &signature).await;
        assert_eq!(verified, Ok(true), "{algorithm} {scheme}");
    }
}

#[tokio::test]
async fn oaep_crosses_both_ways() {
    const OPTIONS: &str = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";
    let (backend, dir) = (backend(), TempDir::new().unwrap());
    write(&dir, "message", MESSAGE);
    for (algorithm, bits) in [(Algorithm::Rsa2048, 2048), (Algorithm::Rsa3072, 3072), (Algorithm::Rsa4096, 4096)] {
        let key = generate(&backend, algorithm, Purpose::Encrypt, Scheme::RsaOaepSha256).await;
        write(&dir, "public", key.public_key.as_deref().unwrap());
        let encrypt = "pkeyutl -encrypt -pubin -keyform DER -inkey public -in message -out ciphertext";
        openssl(dir.path(), &format!("{encrypt} {OPTIONS}")).unwrap();
        let opened = backend.perform(Operation::DecryptWith(&key, &read(&dir, "ciphertext")), soon()).await;
        assert!(matches!(opened, Ok(Outcome::Plaintext(p)) if p.expose() == MESSAGE), "{algorithm}");

        openssl(dir.path(), &format!("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{bits} -out private")).unwrap();
        openssl(dir.path(), "pkey -in private -pubout -outform DER -out public").unwrap();
        let spki = read(&dir, "public");
        let theirs = PublicKey { spki: &spki, ..public_key(&key) };
        write(&dir, "ciphertext", &bytes(&backend, Operation::EncryptTo(&theirs, MESSAGE)).await);
        let opened = openssl(dir.path(), &format!("pkeyutl -decrypt -inkey private -in ciphertext {OPTIONS}"));
        assert_eq!(opened.unwrap(), MESSAGE, "{algorithm}");
    }
}

/// The command line knows no GCM, but GCM's ciphertext is counter mode from nonce ‖ 2 (SP 800-38D §7.1).
#[tokio::test]
async fn gcm_ciphertexts_are_counter_mode() {
    let (backend, dir, nonce) = (backend(), TempDir::new().unwrap(), [0xab; 12]);
    write(&dir, "message", MESSAGE);
    let cases = [
        (Algorithm::Aes128Gcm, Scheme::AesGcm, "aes-128-ctr", &[0x5c; 16][..]),
        (Algorithm::Aes256Gcm, Scheme::AesGcm, "aes-256-ctr", &[0x5c; 32]),
        (Algorithm::Sm4Gcm, Scheme::Sm4Gcm, "sm4-ctr", &[0x5c; 16]),
    ];
    for (algorithm, scheme, cipher, material) in cases {
        let key = known(algorithm, scheme, material);
        let input = Aead { nonce: &nonce, aad: b"aad", data: MESSAGE };
        let sealed = bytes(&backend, Operation::Seal(&key, input)).await;
        let (material, counter) = (hex::encode(material), hex::encode(nonce) + "00000002");
        let expected = openssl(dir.path(), &format!("enc -{cipher} -K {material} -iv {counter} -in message"));
        assert_eq!(expected.unwrap(), sealed[..MESSAGE.len()], "{algorithm}");
    }
}

#[tokio::test]
async fn macs_agree() {
    let (backend, dir) = (backend(), TempDir::new().unwrap());
    write(&dir, "message", MESSAGE);
    for (algorithm, scheme, hash, material) in [
        (Algorithm::HmacSha256, Scheme::HmacSha256, "sha256", &[0x5c; 32][..]),
        (Algorithm::HmacSha384, Scheme::HmacSha384, "sha384", &[0x5c; 48]),
        (Algorithm::HmacSm3, Scheme::HmacSm3, "sm3", &[0x5c; 32]),
    ] {
        let key = known(algorithm, scheme, material);
        let code = bytes(&backend, Operation::Mac(&key, MESSAGE)).await;
        let material = hex::encode(material);
        let expected =
            openssl(dir.path(), &format!("dgst -{hash} -binary -mac HMAC -macopt hexkey:{material} message"));
        assert_eq!(expected.unwrap(), code, "{algorithm}");
    }
}
