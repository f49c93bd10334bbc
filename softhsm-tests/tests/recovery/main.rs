//! A key that custodians can recover, from its creation to its recovery, by the commands that people use: the only copy is deleted from
//! the token by another program.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use hufu_ceremony::{BroughtShare, ShareStatement};
use hufu_core::changeset::Collection;
use hufu_custodian::{Label, Signed, Signer as _, armour};
use hufu_custodian_keys::{KeyFile, SecretBytes};
use hufu_shares::HandedOver;
use hufu_softhsm_tests::{Cli, Database, Tool, softhsm_module};

use desk::{CUSTODIANS, Scene};

#[path = "../desk/mod.rs"]
mod desk;
mod killed;

/// The token of a configured server.
const TOKEN: &str = "e2e";
/// The keys of the configured token, as another program sees them.
fn token(scene: &Scene, more: &[&str]) -> String {
    pkcs11_tool(&scene.daemon.dir(), more)
}

fn secrets(scene: &Scene) -> BTreeSet<String> {
    let listed = token(scene, &["--list-objects", "--type", "secrkey"]);
    listed.lines().filter_map(|line| line.trim().strip_prefix("ID:")).map(|id| id.trim().to_owned()).collect()
}

/// A ceremony about a key, with a new target.
fn ready(scene: &Scene, number: u64, kind: &str, key: &str) {
    let drill = if kind == "drill" { "--drill" } else { "" };
    let act = scene.cli().ok(&format!("ceremony target {key} {drill} --log-key log.pub --out evidence"));
    scene.ready(number, &act, "");
}

/// The line by which a custodian gives a share.
fn give(number: u64, who: &str, more: &str) -> String {
    let own = format!("--as {who}.key --share {who}.share --passphrase-file pass --yes");
    format!("ceremony submit-share {number} {own} --pin pin --log-key log.pub --policy policy.toml {more}")
}

fn pkcs11_tool(dir: &Path, more: &[&str]) -> String {
    let pin = fs::read_to_string(dir.join("pin")).unwrap();
    let module = softhsm_module();
    Tool::new("pkcs11-tool")
        .args([OsStr::new("--module"), module.as_os_str()])
        .args(["--token-label", TOKEN, "--login", "--pin", pin.trim()])
        .args(more)
        .env("SOFTHSM2_CONF", dir.join("softhsm/softhsm2.conf"))
        .ok()
}

#[test]
fn a_key_whose_only_copy_is_gone_is_rehearsed_recovered_and_rotated() {
    let scene = Scene::new();
    let cli = scene.cli();
    let before = secrets(&scene);
    let sharing = "--threshold 2/3 --custodian ann --custodian ben --custodian cho";
    cli.ok(&format!("key create archive --algorithm aes256-gcm --protection hsm {sharing}"));
    cli.refused("NOT_RECOVERABLE", &format!("key create signs --algorithm p256 --protection hsm {sharing}"));
    let ours: Vec<String> = secrets(&scene).difference(&before).cloned().collect();
    assert_eq!(ours.len(), 1, "one object, and no import key is left: {ours:?}");
    cli.write("plain", b"what must not be lost");
    cli.ok("encrypt archive --in plain --out sealed");
    let sets = cli.json("share-set list");
    let set = sets["share_sets"][0]["name"].as_str().unwrap().to_owned();
    for (name, _) in CUSTODIANS {
        cli.ok(&format!("custodian share fetch --set {set} --name {name} --log-key log.pub --out {name}.share"));
    }

    ready(&scene, 1, "drill", "archive");
    cli.ok(&give(1, "ann", ""));
    cli.refused("CEREMONY_REFUSED", "ceremony execute 1 --yes");
    // Ben's machine has no network: everything it needs is carried there, and what it makes is carried back.
    cli.ok("ceremony transcript 1 --out so-far");
    cli.ok(&give(1, "ben", "--transcript so-far --evidence evidence --out brought"));
    cli.ok("ceremony submit 1 brought");
    assert_eq!(cli.json("ceremony execute 1 --yes")["state"], "executed");
    cli.ok("decrypt archive --in sealed --out opened");

    let id = ours.first().unwrap().clone();
    let stopped = scene.daemon.terminate();
    pkcs11_tool(&stopped.dir(), &["--delete-object", "--type", "secrkey", "--id", &id]);
    let daemon = stopped.start();
    scene.builder.write_profiles(&daemon);
    let scene = Scene { daemon, ..scene };
    let cli = scene.cli();
    assert_ne!(cli.run("decrypt archive --in sealed --out opened").code, 0, "nothing opens it any more");

    ready(&scene, 2, "recovery", "archive");
    // A share for another ceremony does nothing here.
    assert!(cli.fails(1, "ceremony submit 2 brought").contains("SHARE_REFUSED"));
    // What Cho brings is sealed and signed as it should be, and is rubbish inside: it is struck out, and Ben helps.
    cli.ok(&give(2, "cho", "--out rubbish"));
    spoil(&cli, "cho", "rubbish");
    cli.ok("ceremony submit 2 rubbish");
    cli.ok(&give(2, "ann", ""));
    assert_eq!(cli.json("ceremony execute 2 --yes")["state"], "executing", "{}", scene.daemon.log());
    assert!(cli.fails(3, "ceremony submit 2 rubbish").contains("CEREMONY_SHARE_TWICE"));
    assert_ne!(cli.run("decrypt archive --in sealed --out opened").code, 0, "it waits");
    cli.ok(&give(2, "ben", ""));
    scene.wait_for(2, "executed");
    cli.ok("decrypt archive --in sealed --out opened");
    assert_eq!(cli.read("opened"), b"what must not be lost");
    assert!(!secrets(&scene).contains(&id), "it is a new object");
    assert_eq!(secrets(&scene).difference(&before).count(), 2, "the recovered version and the one that took over");
    cli.ok("ceremony transcript 2 --out transcript");
    let words = cli.ok("ceremony verify transcript --pin pin --log-key log.pub");
    assert!(words.contains("archive/versions/2 took over"), "{words}");
    assert!(words.contains("shares struck out, as the service says: cho, index 3, "), "{words}");
    cli.ok("encrypt archive --in plain --out anew");
    cli.ok("decrypt archive --in anew --out opened");

    // Nothing that was brought is left in the file, nor what it was sealed to.
    let stopped = scene.daemon.terminate();
    let database = Database::at(stopped.scratch().join("e2e.db"));
    let rows = |collection: Collection| {
        database.sql(&format!("SELECT id FROM record WHERE collection = {}", collection.code()))
    };
    assert!(!rows(Collection::Ceremony).is_empty());
    let shares = rows(Collection::CeremonyFile).into_iter().filter(|id| id.starts_with("share/"));
    assert_eq!((shares.count(), rows(Collection::Target).len()), (0, 0));
}

/// Changes what a custodian has sealed, and has the custodian sign it all again.
fn spoil(cli: &Cli, who: &str, file: &str) {
    let text = |name: &str| String::from_utf8(cli.read(name)).unwrap();
    let keys = armour::read_as(Label::CustodianKey, &text(&format!("{who}.key"))).unwrap();
    let keys = KeyFile::from_bytes(&keys).unwrap();
    let passphrase = SecretBytes::from_slice(text("pass").trim_end().as_bytes());
    let own = keys.open_in_file(&passphrase).unwrap();
    let sign = |statement: Vec<u8>| {
        let signature = own.sign(&statement).unwrap();
        Signed { signer: keys.custodian().name.clone(), statement, signature }
    };
    let brought = armour::read_as(Label::CeremonyShare, &text(file)).unwrap();
    let brought = BroughtShare::from_bytes(&brought).unwrap();
    let HandedOver { signed, mut sealed } = HandedOver::from_bytes(&brought.sealed).unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    // The digest of what is sealed stands at the end of what is signed.
    let mut handover = signed.statement;
    let named = handover.len() - SHA256_OUTPUT_LEN;
    handover.truncate(named);
    handover.extend_from_slice(digest(&SHA256, &sealed).as_ref());
    let sealed = HandedOver { signed: sign(handover), sealed }.to_bytes();
    let statement = Signed::from_bytes(&brought.statement).unwrap().statement;
    let statement = ShareStatement::from_bytes(&statement).unwrap();
    let statement = ShareStatement { digest: BroughtShare::digest(&sealed), ..statement };
    let spoiled = BroughtShare { statement: sign(statement.to_bytes()).to_bytes(), sealed };
    cli.write(file, armour::write(Label::CeremonyShare, &spoiled.to_bytes()).unwrap().as_bytes());
}
