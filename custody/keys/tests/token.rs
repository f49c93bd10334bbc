//! Keys on a token, in a process of its own: SoftHSM reads its configuration when it is loaded.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails")]

use std::path::Path;
use std::process::Command;

use hufu_custodian::{Challenge, SECRET_LEN, open, seal};
use hufu_custodian_keys::{
    Cost, Error, Identity, KeyFile, Place, SecretBytes, Suite, TokenAccess, TokenSelector, end_process, random,
};
use hufu_pkcs11::find_or_init_token;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const LABEL: &str = "hufu custodian";
const MARK: &str = "HUFU_TEST_ISOLATED";

/// Runs the body in a process of its own with an empty SoftHSM; does nothing, loudly, where there is none.
fn with_softhsm(test: &str, body: impl FnOnce()) {
    if !Path::new(MODULE).exists() {
        println!("skipped: {test}: no SoftHSM at {MODULE}");
        return;
    }
    if std::env::var_os(MARK).is_some() {
        body();
        end_process(0);
    }
    let scratch = tempfile::TempDir::new().unwrap();
    let (configuration, tokens) = (scratch.path().join("softhsm2.conf"), scratch.path().join("tokens"));
    std::fs::create_dir(&tokens).unwrap();
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
    std::fs::write(&configuration, text).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("SOFTHSM2_CONF", configuration)
        .env(MARK, "1")
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(text.as_bytes())
}

fn identity(full_name: &str) -> Identity {
    let (name, organisation) = ("alice".parse().unwrap(), "north".parse().unwrap());
    Identity { name, full_name: full_name.to_owned(), organisation, roles: vec!["custodian".parse().unwrap()] }
}

fn access() -> TokenAccess {
    let token = TokenSelector::Label(LABEL.to_owned());
    TokenAccess { module: MODULE.into(), token, pin: secret("1234567") }
}

#[test]
fn keys_on_a_token_open_sign_and_enrol() {
    with_softhsm("keys_on_a_token_open_sign_and_enrol", || {
        let serial = find_or_init_token(Path::new(MODULE), LABEL, &secret("12345678"), &secret("1234567")).unwrap();
        // An entry that no roster could have; what was made for it is gone, and the token is as it was.
        let refused = KeyFile::on_token(identity("\n"), Suite::P256, access()).unwrap_err();
        assert!(matches!(refused, Error::Custodian(hufu_custodian::Error::Roster(_))), "{refused}");
        let refused = KeyFile::on_token(identity("Alice"), Suite::Sm2, access()).unwrap_err();
        assert!(matches!(refused, Error::Backend(_)), "{refused}");

        let (file, _) = KeyFile::on_token(identity("Alice"), Suite::P256, access()).unwrap();
        let file = KeyFile::from_bytes(&file.to_bytes()).unwrap();
        assert!(matches!(file.place(), Place::Token { serial: found, simulated: true, .. } if *found == serial));

        let keys = file.open_on_token(Path::new(MODULE), secret("1234567")).unwrap();
        let own = file.custodian();
        let sealed = seal(&own.sealing, b"purpose", &secret("share")).unwrap();
        assert_eq!(open(&keys, b"purpose", &sealed).unwrap(), secret("share"));
        let random = random(SECRET_LEN).unwrap();
        let (challenge, awaited) = Challenge::new("log.example", own.clone(), 2, &random).unwrap();
        let answer = challenge.answer("log.example", own, &keys, 1).unwrap();
        assert_eq!(awaited.check(&answer, 1).unwrap(), *own);
        assert_eq!(format!("{keys:?}"), format!("CustodianKeys(token:{serial})"));

        // The login is the process's: it ends with the last session.
        drop(keys);
        let wrong = file.open_on_token(Path::new(MODULE), secret("7654321")).unwrap_err();
        assert!(matches!(wrong, Error::Open(_)), "{wrong}");
        let elsewhere = file.open_in_file(&secret("1234567")).unwrap_err();
        assert_eq!(elsewhere.to_string(), "the keys are on a token");

        // A file that says of a simulation that it is real.
        let Place::Token { model, .. } = file.place() else { unreachable!() };
        let mut bytes = file.to_bytes();
        let at = bytes.windows(model.len()).position(|window| window == model.as_bytes()).unwrap() + model.len();
        assert_eq!(std::mem::replace(&mut bytes[at], 0xf4), 0xf5, "true in CBOR");
        let pretending = KeyFile::from_bytes(&bytes).unwrap();
        let refused = pretending.open_on_token(Path::new(MODULE), secret("1234567")).unwrap_err();
        assert!(matches!(refused, Error::Simulated), "{refused}");

        // A file that names another one's token key is refused before anything is done with it.
        let (other, _) = KeyFile::on_token(identity("Bob"), Suite::P256, access()).unwrap();
        let mine = file.custodian().signing.spki();
        let theirs = other.custodian().signing.spki();
        let mut swapped = file.to_bytes();
        let at = swapped.windows(mine.len()).position(|window| window == mine).unwrap();
        swapped.splice(at..at + mine.len(), theirs.iter().copied());
        assert!(matches!(KeyFile::from_bytes(&swapped), Err(Error::KeyFile(_))));
    });
}

#[test]
fn a_file_of_the_other_kind_is_told() {
    let passphrase = secret("nine words that nobody else would think of");
    let cost = Cost::with_memory_mib(64).unwrap();
    let (file, _) = KeyFile::in_file(identity("Alice"), Suite::P256, &passphrase, cost).unwrap();
    let elsewhere = file.open_on_token(Path::new(MODULE), secret("1234567")).unwrap_err();
    assert_eq!(elsewhere.to_string(), "the keys are in the file, under a passphrase");
}
