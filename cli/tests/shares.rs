//! `hufu custodian share` and `hufu custodian hand-over`, on files and without a service.
#![cfg(feature = "custodian")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;
#[path = "common/scene.rs"]
mod scene;

use std::{fs, os::unix::fs::PermissionsExt as _};

use common::{Desk, MODULE};
use hufu_custodian::{Label, Pin, Roster, armour, testing::Person};
use hufu_shares::combine;
use scene::{LATE_MS, NAMES, Scene, put, write_log_key};

#[test]
fn a_share_is_checked_and_never_shown() {
    let scene = Scene::new();
    let desk = &scene.desk;
    for name in NAMES {
        let check = format!("share check --share {name}.share --key {name}.key --passphrase-file pass");
        let text = desk.does(&format!("{check} --log-key log.pub --pin roster.pin"));
        for part in ["The share is good", "any 2 of them open it", "root/test", "alice, bob, carol"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains(&scene.manifest.digest().to_string()), "{text}");
    }
    let check = "share check --passphrase-file pass --log-key log.pub --pin roster.pin";
    let json = desk.does(&format!("{check} --share bob.share --key bob.key --output json"));
    for part in
        ["\"index\": 2", "\"threshold\": 2", "\"epoch\": 1", "\"subject\": \"root/test\"", "\"custodian\": \"bob\""]
    {
        assert!(json.contains(part), "{part}: {json}");
    }
    desk.fails(&format!("{check} --share bob.share --key alice.key"), 3, "what `bob` holds or sent (share 2)");
    write_log_key(desk, "other.pub", &Person::new("other", "hufu"));
    let other =
        "share check --passphrase-file pass --log-key other.pub --pin roster.pin --share bob.share --key bob.key";
    desk.fails(other, 3, "not signed by the dealer");
    let strangers = Roster::first("log.example", vec![Person::new("mallory", "south").custodian()]).unwrap();
    put(desk, "other.pin", Label::RosterPin, &Pin::of(&strangers).to_bytes());
    let other =
        "share check --passphrase-file pass --log-key log.pub --pin other.pin --share bob.share --key bob.key";
    desk.fails(other, 3, "another roster than the pinned one");
    desk.fails(&format!("{check} --share alice.entry --key alice.key"), 2, "holds `CUSTODIAN`, not `SHARE`");
    desk.fails(
        "share check --share bob.share --key bob.key --log-key log.pub --pin roster.pin",
        2,
        "no terminal to ask on",
    );
    // Good armour around a share whose last sealed byte was changed.
    let mut bytes = armour::read_as(Label::Share, &desk.read("bob.share")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    scene.put("changed.share", Label::Share, &bytes);
    desk.fails(&format!("{check} --share changed.share --key bob.key"), 3, "it does not open");
}

#[test]
fn a_share_is_handed_over_for_one_request() {
    let scene = Scene::new();
    let desk = &scene.desk;
    let (request, target) = scene.request("request", &scene.manifest, LATE_MS);
    let mut taken = Vec::new();
    for name in ["alice", "bob"] {
        let line = format!("hand-over --request request --share {name}.share --key {name}.key --out {name}.handover");
        desk.fails(&format!("{line} --passphrase-file pass"), 2, "add `--yes`");
        assert!(!desk.dir().join(format!("{name}.handover")).exists());
        let text = desk.does(&format!("{line} --passphrase-file pass --log-key log.pub --yes"));
        for part in ["to open a server", "does not prove who that is", &hex::encode(request.digest()), "9000-01-"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let path = desk.dir().join(format!("{name}.handover"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        taken.push(scene.taken(&format!("{name}.handover"), &target, &request));
    }
    assert_eq!(combine(&scene.manifest, &scene.manifest.digest(), taken).unwrap().expose(), [7; 32]);
}

#[test]
fn a_token_opens_a_share() {
    let desk = Desk::of("custodian");
    if !desk.has_token("alice") {
        println!("skipped: a_token_opens_a_share: no SoftHSM at {MODULE}");
        return;
    }
    let entry = "alice --full-name A --organisation north --role custodian";
    desk.does(&format!("new {entry} --out alice.key --module {MODULE} --pin-file pin --label alice"));
    desk.does("show alice.key --entry-out alice.entry");
    desk.person("bob", "sm2");
    desk.person("carol", "p256");
    let scene = Scene::of(desk);
    let own = format!("--share alice.share --key alice.key --module {MODULE} --pin-file pin");
    let text = scene.desk.does(&format!("share check {own} --log-key log.pub --pin roster.pin"));
    assert!(text.contains("The share is good"), "{text}");
    let (request, target) = scene.request("request", &scene.manifest, LATE_MS);
    scene.desk.does(&format!("hand-over {own} --request request --out handover --yes"));
    scene.taken("handover", &target, &request);
}

#[test]
fn what_must_not_be_answered_is_not() {
    let scene = Scene::new();
    let desk = &scene.desk;
    let line = "hand-over --key alice.key --passphrase-file pass --out h --yes";
    scene.request("expired", &scene.manifest, 1_000);
    desk.fails(
        &format!("{line} --request expired --share alice.share"),
        3,
        "the request expired at 1970-01-01T00:00:01",
    );
    let again = scene.deal_again("again-");
    scene.request("other", &again, LATE_MS);
    desk.fails(
        &format!("{line} --request other --share alice.share"),
        3,
        "the request is for shares of the manifest",
    );
    scene.request("good", &scene.manifest, LATE_MS);
    desk.fails(&format!("{line} --request good --share again-alice.share"), 3, "the request is for shares of");
    desk.fails(&format!("{line} --request good --share bob.share"), 3, "it is for another key");
    write_log_key(desk, "other.pub", &Person::new("other", "hufu"));
    let other = format!("{line} --request good --share alice.share --log-key other.pub");
    desk.fails(&other, 3, "not signed by the dealer");
    desk.fails(&format!("{line} --request alice.share --share alice.share"), 2, "not `HANDOVER REQUEST`");
    scene.put("rubbish", Label::HandoverRequest, b"rubbish");
    desk.fails(&format!("{line} --request rubbish --share alice.share"), 2, "`rubbish`: ");
    assert!(!desk.dir().join("h").exists());
}
