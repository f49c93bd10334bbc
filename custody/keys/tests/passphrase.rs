//! Keys in a file under a passphrase.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use hufu_custodian::{Agreement, Challenge, Label, SECRET_LEN, Signer, armour, open, seal};
use hufu_custodian_keys::{Cost, Error, Identity, KeyFile, Place, SecretBytes, Suite, random};

const PASSPHRASE: &[u8] = b"nine words that nobody else would ever think of";

fn passphrase() -> SecretBytes {
    SecretBytes::from_slice(PASSPHRASE)
}

fn identity() -> Identity {
    let roles = ["officer", "custodian"].map(|role| role.parse().unwrap()).to_vec();
    let (name, organisation) = ("alice".parse().unwrap(), "north".parse().unwrap());
    Identity { name, full_name: "Alice Example".to_owned(), organisation, roles }
}

fn made(suite: Suite) -> KeyFile {
    KeyFile::in_file(identity(), suite, &passphrase(), Cost::with_memory_mib(64).unwrap()).unwrap().0
}

#[test]
fn keys_of_every_suite_open_sign_and_enrol() {
    for suite in [Suite::P256, Suite::Curve25519, Suite::Sm2] {
        let file = KeyFile::from_bytes(&made(suite).to_bytes()).unwrap();
        let keys = file.open_in_file(&passphrase()).unwrap();
        let own = file.custodian();
        assert_eq!((keys.verifying_key(), keys.key()), (&own.signing, &own.sealing));

        let sealed = seal(&own.sealing, b"purpose", &passphrase()).unwrap();
        assert_eq!(open(&keys, b"purpose", &sealed).unwrap(), passphrase());
        assert!(own.signing.verifies(b"statement", &keys.sign(b"statement").unwrap()));

        let (challenge, awaited) =
            Challenge::new("log.example", own.clone(), 2, &random(SECRET_LEN).unwrap()).unwrap();
        let answer = challenge.answer("log.example", own, &keys, 1).unwrap();
        assert_eq!(awaited.check(&answer, 1).unwrap(), *own);
    }
}

#[test]
fn calls_can_be_made_from_within_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let keys = made(Suite::P256).open_in_file(&passphrase()).unwrap();
        assert!(keys.sign(b"statement").is_ok());
    });
}

#[test]
fn another_passphrase_is_told() {
    let file = made(Suite::P256);
    let wrong = SecretBytes::from_slice(b"nine words that nobody else would ever think og");
    let error = file.open_in_file(&wrong).unwrap_err();
    assert!(matches!(error, Error::Passphrase), "{error}");
    assert_eq!(error.to_string(), "the passphrase is wrong, or the file was changed");
    let short = SecretBytes::from_slice(b"short");
    let made = KeyFile::in_file(identity(), Suite::P256, &short, Cost::default());
    assert!(matches!(made, Err(Error::PassphraseLen { .. })));
}

/// Whatever byte is changed: it does not read, or it does not open. Opening is dear, so of those that read some are tried.
#[test]
fn a_changed_file_does_not_open() {
    let file = made(Suite::P256);
    let bytes = file.to_bytes();
    let mut tried = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let Ok(read) = KeyFile::from_bytes(&changed) else { continue };
        tried += 1;
        if tried % 24 == 0 {
            assert!(read.open_in_file(&passphrase()).is_err(), "byte {at}");
        }
    }
    assert!(tried > 100, "{tried}");
}

/// The cost in a file is an attacker's to write: it neither exhausts the machine nor makes guesses cheap.
#[test]
fn costs_out_of_bounds_are_refused() {
    let file = made(Suite::P256);
    let Place::File { cost, .. } = file.place() else { unreachable!("it was made in a file") };
    assert_eq!(cost.memory_mib(), 64);
    let bytes = file.to_bytes();
    // The map of the cost: key 0, and 64 in two bytes.
    let at = bytes.windows(5).position(|window| window == [0xa3, 0x00, 0x18, 0x40, 0x01]).unwrap();
    let mut cheap = bytes;
    cheap[at + 3] = 0x3f;
    assert!(matches!(KeyFile::from_bytes(&cheap), Err(Error::Cost(_))));
}

#[test]
fn nothing_shows_passphrase_or_keys() {
    let file = made(Suite::Curve25519);
    let keys = file.open_in_file(&passphrase()).unwrap();
    assert_eq!(format!("{keys:?}"), "CustodianKeys(software)");
    let text = armour::write(Label::CustodianKey, &file.to_bytes()).unwrap();
    let shown = format!("{text}{file:?}{:?}", passphrase());
    assert!(!shown.contains("nine words"));
}
