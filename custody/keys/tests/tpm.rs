//! Keys in a TPM in software, one for each test.
#![cfg(feature = "tpm")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails")]

#[path = "../../../hsm-adapters/tpm/tests/support/swtpm.rs"]
mod swtpm;

use std::path::Path;
use std::process::Command;

use hufu_core::backend::BackendError;
use hufu_custodian::{Challenge, SECRET_LEN, open, seal};
use hufu_custodian_keys::{Cost, Error, Identity, KeyFile, Place, SecretBytes, Suite, TpmAccess, random};
use swtpm::Swtpm;

const PIN: &str = "a long PIN";

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(text.as_bytes())
}

fn identity() -> Identity {
    let (name, organisation) = ("alice".parse().unwrap(), "north".parse().unwrap());
    Identity { name, full_name: "Alice".to_owned(), organisation, roles: vec!["custodian".parse().unwrap()] }
}

fn access(tpm: &Swtpm, pin: &str) -> TpmAccess {
    TpmAccess { tcti: tpm.tcti(), pin: secret(pin) }
}

fn made(tpm: &Swtpm) -> KeyFile {
    let (file, _) = KeyFile::in_tpm(identity(), Suite::P256, access(tpm, PIN)).unwrap();
    KeyFile::from_bytes(&file.to_bytes()).unwrap()
}

#[test]
fn keys_in_a_tpm_open_sign_and_enrol() {
    let Some(mut tpm) = Swtpm::start() else { return };
    let file = made(&tpm);
    assert!(matches!(file.place(), Place::Tpm { device, simulated: true, .. } if device.len() == 32));
    // Also after the machine was off.
    tpm.kill();
    tpm.power_on();
    let keys = file.open_in_tpm(access(&tpm, PIN)).unwrap();
    let own = file.custodian();
    let sealed = seal(&own.sealing, b"purpose", &secret("share")).unwrap();
    assert_eq!(open(&keys, b"purpose", &sealed).unwrap(), secret("share"));
    let random = random(SECRET_LEN).unwrap();
    let (challenge, awaited) = Challenge::new("log.example", own.clone(), 2, &random).unwrap();
    let answer = challenge.answer("log.example", own, &keys, 1).unwrap();
    assert_eq!(awaited.check(&answer, 1).unwrap(), *own);
    assert!(format!("{keys:?}").starts_with("CustodianKeys(tpm:"), "{keys:?}");
}

#[test]
fn calls_can_be_made_from_within_a_runtime() {
    let Some(tpm) = Swtpm::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { made(&tpm).open_in_tpm(access(&tpm, PIN)).unwrap() });
}

#[test]
fn a_wrong_pin_is_told_and_counts_once() {
    let Some(tpm) = Swtpm::start() else { return };
    let file = made(&tpm);
    let wrong = file.open_in_tpm(access(&tpm, "another PIN")).unwrap_err();
    assert!(matches!(wrong, Error::Backend(BackendError::Credentials(_))), "{wrong}");
    file.open_in_tpm(access(&tpm, PIN)).unwrap();
    let short = KeyFile::in_tpm(identity(), Suite::P256, access(&tpm, "1234567")).unwrap_err();
    assert_eq!(short.to_string(), "a PIN for keys in a TPM has 8 to 1024 bytes");
}

#[test]
fn suites_that_a_tpm_does_not_know_are_refused() {
    let Some(tpm) = Swtpm::start() else { return };
    for suite in [Suite::Curve25519, Suite::Sm2] {
        let refused = KeyFile::in_tpm(identity(), suite, access(&tpm, PIN)).unwrap_err();
        assert!(matches!(refused, Error::Backend(BackendError::Unsupported(_))), "{refused}");
    }
}

#[test]
fn another_tpm_and_a_cleared_one_are_told() {
    let (Some(one), Some(other)) = (Swtpm::start(), Swtpm::start()) else { return };
    let file = made(&one);
    let elsewhere = file.open_in_tpm(access(&other, PIN)).unwrap_err();
    assert!(matches!(elsewhere, Error::AnotherTpm { .. }), "{elsewhere}");
    file.open_in_tpm(access(&one, PIN)).unwrap();
    if Command::new("tpm2_clear").arg("--version").output().is_err() {
        println!("skipped: clearing a TPM: no tpm2_clear (`apt-get install tpm2-tools`)");
        return;
    }
    let cleared = Command::new("tpm2_clear").args(["-c", "platform", "-T", &one.tcti()]).output().unwrap();
    assert!(cleared.status.success(), "{}", String::from_utf8_lossy(&cleared.stderr));
    let gone = file.open_in_tpm(access(&one, PIN)).unwrap_err();
    assert!(gone.to_string().ends_with("another one, or one that was cleared since"), "{gone}");
}

/// Whatever byte of what the TPM sealed is changed: it does not read, or it does not load.
#[test]
fn changed_keys_do_not_open() {
    let Some(tpm) = Swtpm::start() else { return };
    let bytes = made(&tpm).to_bytes();
    let domain = b"hufu-tpm-key";
    let at = bytes.windows(domain.len()).rposition(|window| window == domain).unwrap();
    let mut tried = 0;
    for at in (at..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let Ok(read) = KeyFile::from_bytes(&changed) else { continue };
        tried += 1;
        assert!(read.open_in_tpm(access(&tpm, PIN)).is_err(), "byte {at}");
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn a_file_that_calls_a_simulation_real_is_refused() {
    let Some(tpm) = Swtpm::start() else { return };
    let file = made(&tpm);
    let Place::Tpm { model, .. } = file.place() else { unreachable!() };
    let mut bytes = file.to_bytes();
    let at = bytes.windows(model.len()).position(|window| window == model.as_bytes()).unwrap() + model.len();
    assert_eq!(std::mem::replace(&mut bytes[at], 0xf4), 0xf5, "true in CBOR");
    let refused = KeyFile::from_bytes(&bytes).unwrap().open_in_tpm(access(&tpm, PIN)).unwrap_err();
    assert!(matches!(refused, Error::Simulated), "{refused}");
}

#[test]
fn files_of_another_place_are_told() {
    let Some(tpm) = Swtpm::start() else { return };
    let passphrase = secret("nine words that nobody else would think of");
    let cost = Cost::with_memory_mib(64).unwrap();
    let (in_file, _) = KeyFile::in_file(identity(), Suite::P256, &passphrase, cost).unwrap();
    let elsewhere = in_file.open_in_tpm(access(&tpm, PIN)).unwrap_err();
    assert_eq!(elsewhere.to_string(), "the keys are in the file, under a passphrase");
    let in_tpm = made(&tpm);
    let elsewhere = in_tpm.open_in_file(&passphrase).unwrap_err();
    assert_eq!(elsewhere.to_string(), "the keys are in a TPM");
    let elsewhere = in_tpm.open_on_token(Path::new("/nowhere"), secret(PIN)).unwrap_err();
    assert_eq!(elsewhere.to_string(), "the keys are in a TPM");
}

#[test]
fn a_tpm_that_is_not_there_is_told() {
    let nowhere = TpmAccess { tcti: "device:/nowhere".to_owned(), pin: secret(PIN) };
    let error = KeyFile::in_tpm(identity(), Suite::P256, nowhere).unwrap_err();
    assert!(matches!(error, Error::OpenTpm(_)), "{error}");
}
