//! PKCS #8 that OpenSSL wrote is read, and what is written OpenSSL reads.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test ends where it fails")]

use std::io::Write;
use std::process::{Command, Stdio};

use hufu_secret::SecretBytes;
use hufu_transport::{Curve, Error, MlDsa, Pair, from_pkcs8, public_key_of, to_pkcs8};

fn openssl(args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(input).ok()?;
    let output = child.wait_with_output().ok()?;
    output.status.success().then_some(output.stdout)
}

const KINDS: &[(Pair, &[&str])] = &[
    (Pair::Ec(Curve::P256), &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    (Pair::Ec(Curve::P384), &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    (Pair::Ec(Curve::Secp256k1), &["EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]),
    (Pair::Ec(Curve::Sm2), &["SM2"]),
    (Pair::Ed25519, &["ED25519"]),
    (Pair::Rsa, &["RSA", "-pkeyopt", "rsa_keygen_bits:3072"]),
    (Pair::MlDsa(MlDsa::L65), &["ML-DSA-65"]),
    (Pair::MlKem768, &["ML-KEM-768"]),
];

#[test]
fn what_openssl_made_is_read_and_written_back() {
    for (pair, args) in KINDS {
        let args = [&["genpkey", "-outform", "DER", "-algorithm"], *args].concat();
        let Some(made) = openssl(&args, b"") else {
            println!("skipped: this openssl makes no {pair:?}");
            continue;
        };
        let pkcs8 = openssl(&["pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER"], &made).unwrap();
        let pkcs8 = SecretBytes::from_vec(pkcs8);
        let public = openssl(&["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], pkcs8.expose()).unwrap();
        let material = from_pkcs8(*pair, &pkcs8).unwrap();
        if !matches!(pair, Pair::MlDsa(_) | Pair::MlKem768) {
            assert_eq!(public_key_of(&pkcs8).unwrap(), public, "{pair:?}");
        }
        let written = to_pkcs8(*pair, &material, None).unwrap();
        assert_eq!(from_pkcs8(*pair, &written).unwrap().expose(), material.expose());
        let again = openssl(&["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], written.expose()).unwrap();
        assert_eq!(again, public, "{pair:?}");
        refuses(*pair, &pkcs8);
    }
}

/// Another kind, bytes that follow, and everything cut short.
fn refuses(pair: Pair, pkcs8: &SecretBytes) {
    for (other, _) in KINDS.iter().filter(|(other, _)| *other != pair) {
        assert_eq!(from_pkcs8(*other, pkcs8).unwrap_err(), Error::Malformed);
    }
    let longer = [pkcs8.expose(), &[0]].concat();
    let read = |bytes: &[u8]| from_pkcs8(pair, &SecretBytes::from_slice(bytes));
    // RSA is read where it is used: there is nothing but its frame to look at here.
    assert_eq!(read(&longer).unwrap_err(), Error::Malformed);
    for len in 0..pkcs8.len() {
        assert!(read(&pkcs8.expose()[..len]).is_err());
    }
    assert!(read(&[0x30; 9_000]).is_err());
}
