//! Signatures of checkpoints judged by OpenSSL.

use std::fs;
use std::path::Path;
use std::process::Command;

use hufu_tlog::SignedNote;

use crate::fixture::Life;

/// DER of an Ed25519 SubjectPublicKeyInfo up to the key (RFC 8410 §4).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

fn openssl_verifies(directory: &Path, text: &[u8]) -> bool {
    let path = |name: &str| directory.join(name);
    fs::write(path("text"), text).unwrap();
    let output = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey"])
        .arg(path("key"))
        .arg("-in")
        .arg(path("text"))
        .arg("-sigfile")
        .arg(path("signature"))
        .output();
    output.unwrap().status.success()
}

#[test]
fn openssl_accepts_the_signature_over_the_signed_bytes() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: no openssl");
        return;
    }
    let log = Life::registered().log;
    let note = SignedNote::parse(log.note().as_bytes()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("key"), [&ED25519_SPKI[..], log.key.public_key()].concat()).unwrap();
    fs::write(directory.path().join("signature"), note.signature_for(&log.key).unwrap()).unwrap();
    assert!(openssl_verifies(directory.path(), note.signed_bytes()));
    assert!(!openssl_verifies(directory.path(), note.text().trim_end().as_bytes()));
}
