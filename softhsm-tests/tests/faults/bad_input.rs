//! Modules that are none, tokens that are full, and objects that are there twice.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hufu_sdk::{Client, NewKey, v1};
use hufu_softhsm_tests::{Daemon, Faults, Stopped, Tool, softhsm_module, token_ids};
use tokio::runtime::Runtime;

use crate::book::{Book, Key};
use crate::callers::sign_once;
use crate::scene::settled;

const PATIENCE: Duration = Duration::from_millis(900);

#[test]
fn a_module_that_is_none_refuses_the_start_and_says_why() {
    let mut stopped = Daemon::start_dev().terminate();
    let text = stopped.scratch().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let cases = [
        (PathBuf::from("nonexistent.so"), "No such file"),
        (text, "file too short"),
        (libc(), "C_GetFunctionList"),
        // A module that cannot even give its functions: it looks for the real one in vain.
        (Faults::new().module().to_owned(), "C_GetFunctionList: GeneralError"),
    ];
    for (module, why) in cases {
        let before = stopped.log().len();
        stopped = stopped.on_module(&module).try_start().expect_err("no PKCS#11 module");
        assert_eq!(stopped.status.unwrap().code(), Some(3));
        let log = stopped.log();
        let said = log.get(before..).unwrap_or_default();
        assert!(said.contains("cannot load the PKCS#11 module") && said.contains(why), "{said}");
    }
    drop(stopped.on_module(&softhsm_module()).start());
}

/// This process has loaded one.
fn libc() -> PathBuf {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.contains("/libc.so") || line.contains("/libc-")).unwrap();
    PathBuf::from(line.split_whitespace().last().unwrap())
}

#[test]
fn a_full_token_refuses_new_keys_and_goes_on_with_the_old_ones() {
    let faults = Faults::new();
    let daemon = Daemon::start_dev_through(&faults);
    Runtime::new().unwrap().block_on(async {
        let client = daemon.client("admin").with_timeout(PATIENCE);
        let (book, old) = (Book::default(), Key::create(&client, "old", v1::Algorithm::P256).await);
        for how in ["return", "late"] {
            faults.script(&format!("C_GenerateKey,C_GenerateKeyPair {how}=CKR_DEVICE_MEMORY"));
            let new = NewKey::new(how, v1::Algorithm::P256, v1::Protection::Hsm);
            let error = client.create_key(new.clone()).await.unwrap_err();
            assert_eq!(error.reason(), Some("BACKEND_UNAVAILABLE"), "{error:?}");
            sign_once(&client, &old, &book).await.unwrap();
            faults.calm();
            client.create_key(new).await.expect("there is room again");
        }
        assert!(book.wrong().is_empty());
        settled(&client).await;
    });
    // What a call made that answered with an error is withdrawn at the next start, or after two minutes.
    let daemon = daemon.terminate().start();
    assert_eq!(token_ids(&daemon.dir(), "privkey").len(), 4, "the log key, `old`, and one of each creation");
}

#[test]
fn labels_mean_nothing_and_a_stranger_with_one_is_reported() {
    let daemon = Daemon::start_dev();
    let label = label_of_a_new_key(&daemon);
    let stopped = daemon.terminate();
    generate(&stopped, "00112233445566778899aabbccddeeff", &label);
    let daemon = stopped.start();
    Runtime::new().unwrap().block_on(async {
        let client = daemon.client("admin").with_timeout(PATIENCE);
        let (book, key) = (Book::default(), Key::read(&client, "k".parse().unwrap()).await);
        sign_once(&client, &key, &book).await.unwrap();
        assert!(book.wrong().is_empty());
        let reconciler = client.status().await.unwrap().reconciler.unwrap();
        assert_eq!((reconciler.unknown_objects, reconciler.health()), (1, v1::Health::Degraded));
    });
    assert!(token_ids(&daemon.dir(), "privkey").contains("00112233445566778899aabbccddeeff"), "never deleted");
}

#[test]
fn two_keys_of_one_identity_sign_nothing_until_one_is_gone() {
    let daemon = Daemon::start_dev();
    let before = token_ids(&daemon.dir(), "privkey");
    label_of_a_new_key(&daemon);
    let id = token_ids(&daemon.dir(), "privkey").difference(&before).next().unwrap().clone();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async { Key::create(&daemon.client("admin"), "other", v1::Algorithm::P256).await });
    let stopped = daemon.terminate();
    generate(&stopped, &id, "double");
    let daemon = stopped.start();
    let sign = async |name: &str| {
        let client: Client = daemon.client("admin").with_timeout(PATIENCE);
        let book = Book::default();
        let signed = sign_once(&client, &Key::read(&client, name.parse().unwrap()).await, &book).await;
        assert!(book.wrong().is_empty());
        signed
    };
    let error = runtime.block_on(sign("k")).unwrap_err();
    assert_eq!(error.reason(), Some("BACKEND_UNAVAILABLE"), "{error:?}");
    assert!(daemon.log().contains("several objects of one identity"), "{}", daemon.log());
    runtime.block_on(sign("other")).unwrap();
    for class in ["privkey", "pubkey"] {
        token_tool(&daemon.dir(), &["--delete-object", "--type", class, "--label", "double"]);
    }
    // SoftHSM shows one process what another has done, so the server needs no restart.
    runtime.block_on(sign("k")).unwrap();
}

#[test]
fn two_tokens_of_one_label_refuse_a_development_start() {
    let stopped = Daemon::start_dev().terminate();
    Tool::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "hufu-dev", "--pin", "1234", "--so-pin", "1234"])
        .env("SOFTHSM2_CONF", stopped.dir().join("softhsm/softhsm2.conf"))
        .ok();
    let stopped = stopped.try_start().expect_err("which token is meant is not known");
    assert_eq!(stopped.status.unwrap().code(), Some(3));
    assert!(stopped.log().contains("more than one token with label"), "{}", stopped.log());
}

/// Makes the key `k`, and answers with the label of its object.
fn label_of_a_new_key(daemon: &Daemon) -> String {
    daemon.cli("admin").ok("key create k --algorithm p256 --protection hsm");
    let listed = token_tool(&daemon.dir(), &["--list-objects", "--type", "privkey"]);
    let labels = listed.lines().filter_map(|line| line.trim().strip_prefix("label:"));
    labels.map(|label| label.trim().to_owned()).next_back().expect("a label")
}

/// Another program makes a key on the token.
fn generate(stopped: &Stopped, id: &str, label: &str) {
    let key = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", id, "--label", label];
    token_tool(&stopped.dir(), &key);
}

fn token_tool(dir: &Path, args: &[&str]) -> String {
    let pin = std::fs::read_to_string(dir.join("pin")).unwrap();
    Tool::new("pkcs11-tool")
        .args(["--module", softhsm_module().to_str().unwrap(), "--login", "--pin", pin.trim()])
        .args(args)
        .env("SOFTHSM2_CONF", dir.join("softhsm/softhsm2.conf"))
        .ok()
}
