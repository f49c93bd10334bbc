//! `hufu custodian`, on files and without a service.
#![cfg(feature = "custodian")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::{fs, os::unix::fs::PermissionsExt as _};

use common::{Desk, MODULE, words};

#[test]
fn keys_are_made_in_a_file_that_is_nobody_elses() {
    let desk = Desk::of("custodian");
    desk.person("alice", "p256");
    let mode = |name: &str| fs::metadata(desk.dir().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("alice.key"), 0o600);
    assert!(desk.read("alice.key").starts_with("-----BEGIN HUFU CUSTODIAN KEY-----\n"));
    let text = desk.does("show alice.key");
    for part in ["full name     alice Example\n", "signs with    p256 ", "under a passphrase; a guess costs 64 MiB"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = desk.does("show alice.entry --output json");
    assert!(json.contains("\"sealing_algorithm\": \"p256\"") && json.contains("\"keys\": null"), "{json}");

    let new = "new bob --full-name B --organisation n --role o --memory-mib 64";
    desk.fails(&format!("{new} --passphrase-file pass --out alice.key"), 2, "is there already");
    desk.fails(&format!("{new} --out bob.key"), 2, "there is no terminal to ask on");
    desk.secret("short", "short\n");
    desk.fails(&format!("{new} --passphrase-file short --out bob.key"), 2, "a passphrase has 12 to 1024 bytes");
    fs::set_permissions(desk.dir().join("short"), fs::Permissions::from_mode(0o644)).unwrap();
    desk.fails(&format!("{new} --passphrase-file short --out bob.key"), 2, "can be read by others");
    desk.fails("show pass", 2, "`pass`: the text is refused: it is no armour");
    assert!(!desk.dir().join("bob.key").exists());
}

#[test]
fn people_enrol_by_challenge() {
    let desk = Desk::of("custodian");
    for (name, suite) in [("alice", "curve25519"), ("bob", "sm2")] {
        desk.person(name, suite);
        desk.enrol(name);
        assert_eq!(desk.read(&format!("{name}.entry")), desk.read(&format!("{name}.enrolled")));
    }
    // An answer counts once, and for its own challenge.
    desk.fails("enrol accept alice.answer --awaited alice.awaited --out x", 2, "cannot read `alice.awaited`");
    desk.does("enrol challenge alice.entry --deployment log.example --out c --awaited w");
    desk.fails("enrol accept alice.answer --awaited w --out x", 3, "another challenge");
    desk.fails("enrol accept bob.answer --awaited w --out x", 3, "signature of `alice` does not verify");
    let answer = "--passphrase-file pass --out a";
    desk.fails(&format!("enrol answer c --key bob.key --deployment log.example {answer}"), 3, "another entry");
    desk.fails(
        &format!("enrol answer c --key alice.key --deployment other.example {answer}"),
        3,
        "another deployment",
    );
    desk.secret("wrong", "nine words that everybody would think of");
    let wrong = "enrol answer c --key alice.key --deployment log.example --passphrase-file wrong --out a";
    desk.fails(wrong, 1, "the passphrase is wrong, or the file was changed");
    desk.does("enrol challenge alice.entry --deployment log.example --lifetime 0s --out c --awaited w");
    desk.fails(&format!("enrol answer c --key alice.key --deployment log.example {answer}"), 3, "expired");
    assert!(!desk.dir().join("a").exists() && !desk.dir().join("x").exists());
}

#[test]
fn rosters_are_pinned_once_their_words_are_compared() {
    let desk = Desk::of("custodian");
    for name in ["alice", "bob", "mallory"] {
        desk.person(name, "p256");
    }
    desk.does("roster new --deployment log.example --entry alice.entry --entry bob.entry --out one");
    desk.does("roster new --after one --entry alice.entry --out two");
    desk.does("roster new --deployment log.example --entry alice.entry --entry mallory.entry --out other");
    let one = words(&desk.does("roster show one --output json"));
    let text = desk.does("roster show one");
    assert!(text.contains("alice Example") && text.contains("\n 1  ") && text.contains("\n13  "), "{text}");

    desk.fails("roster pin one --pin pin", 2, "there is no terminal to ask on");
    desk.fails(&format!("roster pin other --pin pin --words {one}"), 3, "the words are not those of this roster");
    desk.fails("roster pin one --pin pin --words lusab-babad", 2, "word 3 of 16");
    assert!(!desk.dir().join("pin").exists());
    desk.does(&format!("roster pin one --pin pin --words {one}"));
    let json = desk.does("roster verify one --pin pin --output json");
    assert!(json.contains("\"standing\": \"pinned\""), "{json}");

    desk.fails("roster verify two --pin pin", 3, "follows the pinned one, and is not pinned itself");
    desk.fails("roster verify other --pin pin", 3, "does not follow it");
    let other = words(&desk.does("roster show other --output json"));
    desk.fails(&format!("roster pin other --pin pin --words {other}"), 3, "does not follow it");
    let two = words(&desk.does("roster show two --output json"));
    desk.does(&format!("roster pin two --pin pin --words {two}"));
    desk.does("roster verify two --pin pin");
    desk.fails("roster verify one --pin pin", 3, "it is older");
    desk.fails("roster new --after one --entry alice.entry --entry alice.entry --out x", 2, "is in it twice");
}

#[test]
fn paper_is_typed_in_again() {
    let desk = Desk::of("custodian");
    desk.person("alice", "p256");
    desk.does("convert alice.key --to printable --out paper");
    assert_eq!(fs::metadata(desk.dir().join("paper")).unwrap().permissions().mode() & 0o777, 0o600);
    let paper = desk.read("paper");
    fs::write(desk.dir().join("typed"), paper.to_lowercase().replace("hufu custodian key", "HUFU CUSTODIAN KEY"))
        .unwrap();
    assert_eq!(desk.does("convert typed --to armour"), desk.read("alice.key"));
    // The printable form does wherever armour does.
    desk.does("show typed");
    let wrong: Vec<String> = paper
        .lines()
        .map(|line| match line.strip_prefix("3: ") {
            Some(rest) => format!("3: {}{}", if rest.starts_with('7') { '8' } else { '7' }, rest.get(1..).unwrap()),
            None => line.to_owned(),
        })
        .collect();
    fs::write(desk.dir().join("wrong"), wrong.join("\n")).unwrap();
    desk.fails("convert wrong --to armour", 2, "`wrong`: line 3 is refused: a character in it is wrong");
}

#[test]
fn nothing_that_is_written_holds_the_passphrase() {
    let desk = Desk::of("custodian");
    desk.person("alice", "p256");
    desk.enrol("alice");
    for file in fs::read_dir(desk.dir()).unwrap().map(|file| file.unwrap()) {
        if file.file_name() != "pass" {
            let bytes = fs::read(file.path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("nine words"), "{:?}", file.file_name());
        }
    }
}

#[test]
fn keys_on_a_token_enrol() {
    let desk = Desk::of("custodian");
    if !desk.has_token("alice") {
        println!("skipped: keys_on_a_token_enrol: no SoftHSM at {MODULE}");
        return;
    }
    let new =
        format!("new alice --full-name A --organisation north --role custodian --out alice.key --module {MODULE}");
    desk.fails(&format!("{new} --pin-file pin"), 2, "the module may have several tokens");
    desk.fails(&format!("{new} --pin-file pin --label nobody"), 2, "no token with");
    let text = desk.does(&format!("{new} --pin-file pin --label alice"));
    assert!(text.contains("on the token ") && text.contains(", simulated\n"), "{text}");
    desk.does("show alice.key --entry-out alice.entry");
    desk.does("enrol challenge alice.entry --deployment log.example --out c --awaited w");
    let answer = "enrol answer c --key alice.key --deployment log.example --out a";
    desk.fails(&format!("{answer} --passphrase-file pass"), 2, "the keys are on the token with serial number");
    desk.does(&format!("{answer} --module {MODULE} --pin-file pin"));
    desk.does("enrol accept a --awaited w --out e");
    desk.secret("wrong", "7654321\n");
    desk.does("enrol challenge alice.entry --deployment log.example --out c --awaited w");
    desk.fails(&format!("{answer} --module {MODULE} --pin-file wrong"), 1, "credentials refused");
}
