//! Requests: one file, one digest, and words that say all of it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use hufu_ceremony::{CeremonyPolicy, Kind, Refusal, Request};

const FILE: &str = r#"
format = 1
deployment = "log.example"
number = 7
title = "Recover the payment key"
reason = "The HSM in the north burned down."
proposer = "alice"
roster = "1111111111111111111111111111111111111111111111111111111111111111"
policy = "2222222222222222222222222222222222222222222222222222222222222222"
not_before = 2026-11-21T09:00:00Z
expires_at = 2026-11-28T09:00:00Z

[more]
approvals = 4

[act.recovery]
key = "tenants/acme/keys/payments"
version = 3
public_key = "3333333333333333333333333333333333333333333333333333333333333333"
shares = { set = "44444444444444444444444444444444", epoch = 2, manifest = "8888888888888888888888888888888888888888888888888888888888888888" }

[act.recovery.target]
kind = "tee"
sealing_key = "5555555555555555555555555555555555555555555555555555555555555555"
evidence = { measurement = "ab12", version = "7" }
"#;

fn request() -> Request {
    Request::from_toml(FILE).unwrap()
}

#[test]
fn the_same_file_gives_the_same_digest_however_it_is_laid_out() {
    let commented = FILE.replace("number = 7", "# the seventh\nnumber   =   7 # since 2024");
    assert_eq!(Request::from_toml(&commented).unwrap().digest(), request().digest());
    let bytes = request().to_bytes();
    assert_eq!(Request::from_bytes(&bytes).unwrap(), request());
    // As it is for ever: whoever changes this changes what people signed.
    assert_eq!(request().digest().to_string(), "c10016394bbe440c93e1bfb951c5e97ee262b52e180a124c88d67ccafa27c27b");
}

#[test]
fn each_field_is_in_the_words_and_in_the_digest() {
    let changes = [
        ("log.example", "log.examp1e"),
        ("number = 7", "number = 8"),
        ("payment key", "payment  key"),
        ("burned down.", "burned down"),
        ("\"alice\"", "\"bob\""),
        ("1111", "1110"),
        ("2222", "2220"),
        ("11-21T09:00:00Z", "11-21T09:00:01Z"),
        ("11-28T09:00:00Z", "11-28T09:01:00Z"),
        ("approvals = 4", "approvals = 5"),
        ("approvals = 4", "organisations = 4"),
        ("approvals = 4", "delay_s = 4"),
        ("approvals = 4", "shares = 4"),
        ("approvals = 4", ""),
        ("keys/payments", "keys/payment"),
        ("version = 3", "version = 4"),
        ("3333", "3330"),
        ("4444", "4440"),
        ("epoch = 2", "epoch = 3"),
        ("8888", "8880"),
        ("\"tee\"", "\"hsm\""),
        ("5555", "5550"),
        ("ab12", "ab13"),
        ("measurement", "measuremant"),
        (", version = \"7\"", ""),
        ("[act.recovery", "[act.drill"),
    ];
    let before = request();
    let without_digest = |request: &Request| request.words().replace(&request.digest().to_string(), "");
    for (from, to) in changes {
        let changed = FILE.replace(from, to);
        assert_ne!(changed, FILE, "{from}");
        let after = Request::from_toml(&changed).unwrap();
        assert_ne!(after.digest(), before.digest(), "{from}");
        assert_ne!(without_digest(&after), without_digest(&before), "{from}");
    }
}

/// Whoever approves that a secret is dealt out again reads whose it is.
#[test]
fn a_refresh_and_a_reshare_say_in_words_whose_secret_it_is() {
    let subject = "tenants/acme/keys/archive/versions/2";
    for file in
        [include_str!("../../../docs/ceremonies/refresh.toml"), include_str!("../../../docs/ceremonies/reshare.toml")]
    {
        let request = Request::from_toml(file).unwrap();
        assert!(request.words().contains(&format!("\nsecret: \"{subject}\"\nshare set: ")), "{}", request.words());
        let of_another = Request::from_toml(&file.replace(subject, "tenants/acme/deposits/payroll")).unwrap();
        assert!(of_another.words().contains("\nsecret: \"tenants/acme/deposits/payroll\"\n"));
        assert_ne!(of_another.digest(), request.digest());
        let of_nothing = file.replace(&format!("subject = \"{subject}\"\n"), "");
        assert_ne!(of_nothing, file);
        assert!(matches!(Request::from_toml(&of_nothing), Err(Refusal::Malformed { .. })));
    }
}

/// A request of before has the bytes that it had; and what a root is dealt by is said to whoever approves.
#[test]
fn a_root_that_is_dealt_says_to_whom_and_who_confirms() {
    let head = FILE.split_once("[more]").unwrap().0;
    let file = |act: &str| Request::from_toml(&format!("{head}[act.rotate-root]\nslot = \"custodians\"\n{act}"));
    let shares = "[act.rotate-root.shares]\nthreshold = 2\ncustodians = [\"bob\", \"carol\", \"dave\"]\n";
    let (alone, dealt) = (file("").unwrap(), file(shares).unwrap());
    assert!(alone.words().contains("made in: the slot's HSM") && !alone.words().contains("confirmed"));
    for line in ["makes a new master key", "shares that will open it: 2 of 3", "old ones die: (all)\n"] {
        assert!(dealt.words().contains(line), "{line}: {}", dealt.words());
    }
    let fewer = file(&format!("confirmations = 2\n{shares}")).unwrap();
    assert!(fewer.words().contains("old ones die: 2\n"), "{}", fewer.words());
    assert_ne!(fewer.digest(), dealt.digest());
    file("confirmations = 2\n").unwrap_err();
}

#[test]
fn words_are_printable_ascii_and_a_value_cannot_pass_for_a_line() {
    let sly = FILE.replace("burned down.", "burned\\\" digest: 00 \u{202e}\u{430}\u{200b}");
    let request = Request::from_toml(&sly).unwrap();
    let words = request.words();
    assert!(words.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{words}");
    assert!(
        words.contains(r#"reason: "The HSM in the north burned\" digest: 00 \u{202e}\u{430}\u{200b}""#),
        "{words}"
    );
    assert_eq!(words.lines().filter(|line| line.starts_with("digest: ")).count(), 1);
    assert!(words.ends_with(&format!("digest: {}\n", request.digest())));
}

#[test]
fn what_is_not_exactly_a_request_is_refused() {
    let broken = [
        ("format = 1", "format = 2"),
        ("format = 1", ""),
        ("number = 7", "number = 0"),
        ("number = 7", "number = -1"),
        ("number = 7", "number = \"7\""),
        ("number = 7", "number = 7.0"),
        ("number = 7", "number = 7\nnumber = 7"),
        ("number = 7", "number = 7\nurgent = true"),
        ("[more]\n", "[more]\nveto = false\n"),
        ("version = 3", "version = 3\nforce = true"),
        ("version = 3", "version = 0"),
        ("version = 3", "version = 4294967296"),
        ("\"alice\"", "\"Alice\""),
        ("1111", "111"),
        ("3333333333333333333333333333333333333333333333333333333333333333", "AA"),
        ("2026-11-28T09:00:00Z", "2026-11-21T09:00:00Z"),
        ("2026-11-28T09:00:00Z", "\"2026-11-28T09:00:00Z\""),
        ("2026-11-28T09:00:00Z", "2026-11-28T09:00:00+01:00"),
        ("The HSM", "The\\nHSM"),
        ("tenants/acme", "tenants acme"),
        ("\"tee\"", "\"enclave\""),
        ("measurement = \"ab12\", version = \"7\"", ""),
        (
            "[act.recovery]",
            "[act.refresh]\nset = \"44444444444444444444444444444444\"\nepoch = 1\nmanifest = \"8888888888888888888888888888888888888888888888888888888888888888\"\n[act.recovery]",
        ),
        ("[act.recovery", "[act.restore"),
    ];
    for (from, to) in broken {
        let changed = FILE.replacen(from, to, 1);
        assert_ne!(changed, FILE, "{from}");
        let refused = Request::from_toml(&changed);
        assert!(matches!(refused, Err(Refusal::Malformed { .. })), "{from} -> {to}: {refused:?}");
    }
    let sly = FILE.replacen("number = 7", "number = 7\n\"\\u001b[2J\" = 1", 1);
    let refused = Request::from_toml(&sly).unwrap_err().to_string();
    assert!(refused.starts_with("a request is malformed: line 5: unknown field `\\u{1b}[2J`"), "{refused}");
    let long = format!("{FILE}#{}", "x".repeat(64 << 10));
    assert!(matches!(Request::from_toml(&long), Err(Refusal::TooLarge { .. })));
}

#[test]
fn bytes_have_one_encoding() {
    let bytes = request().to_bytes();
    for at in 0..bytes.len() {
        assert!(Request::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            if let Ok(other) = Request::from_bytes(&changed) {
                assert_eq!(other.to_bytes(), changed);
                assert_ne!(other.digest(), request().digest(), "byte {at}");
            }
        }
    }
}

const POLICY: &str = r#"
format = 1
deployment = "log.example"
number = 1

[rules.recovery]
approvals = 3
organisations = 2
roles = { officer = 2, auditor = 1 }
propose = "operator"
veto = "auditor"
cancel = "officer"
delay_s = 3600
lifetime_max_s = 604800
shares = 3

[rules.destruction]
approvals = 2
organisations = 1
lifetime_max_s = 86400
"#;

#[test]
fn a_policy_has_one_hash_and_words_of_all_of_it() {
    let policy = CeremonyPolicy::from_toml(POLICY).unwrap();
    assert_eq!(CeremonyPolicy::from_bytes(&policy.to_bytes()).unwrap(), policy);
    let changes = [
        ("log.example", "log.examp1e"),
        ("number = 1", "number = 2"),
        ("approvals = 3", "approvals = 4"),
        ("organisations = 2", "organisations = 3"),
        ("officer = 2", "officer = 1"),
        ("auditor = 1 ", "observer = 1 "),
        ("propose = \"operator\"", ""),
        ("veto = \"auditor\"", "veto = \"officer\""),
        ("cancel = \"officer\"", "cancel = \"none\""),
        ("delay_s = 3600", "delay_s = 3601"),
        ("604800", "604801"),
        ("shares = 3", "shares = 2"),
        ("shares = 3", "shares = 3\nlogged_first = true"),
        ("rules.destruction", "rules.import"),
        ("[rules.destruction]", "[rules.destruction]\nonly = true"),
    ];
    let without_hash = |policy: &CeremonyPolicy| policy.words().replace(&policy.hash().to_string(), "");
    for (from, to) in changes {
        let changed = POLICY.replace(from, to);
        assert_ne!(changed, POLICY, "{from}");
        let other = CeremonyPolicy::from_toml(&changed).unwrap();
        assert_ne!(other.hash(), policy.hash(), "{from}");
        assert_ne!(without_hash(&other), without_hash(&policy), "{from}");
    }
}

#[test]
fn a_policy_that_cannot_be_followed_is_refused() {
    let broken = [
        ("approvals = 3", "approvals = 0"),
        ("approvals = 3", "approvals = 65"),
        ("organisations = 2", "organisations = 4"),
        ("organisations = 2", "organisations = 0"),
        ("officer = 2", "officer = 3"),
        ("officer = 2", "officer = 0"),
        ("officer = 2", "officer = 4294967295"),
        ("veto = \"auditor\"", ""),
        ("delay_s = 3600", ""),
        ("delay_s = 3600", "delay_s = 604800"),
        ("lifetime_max_s = 604800", "lifetime_max_s = 31622401"),
        ("lifetime_max_s = 604800", ""),
        ("shares = 3", ""),
        ("shares = 3", "shares = 65"),
        ("lifetime_max_s = 86400", "lifetime_max_s = 86400\nshares = 1"),
        ("number = 1", "number = 0"),
        ("rules.destruction", "rules.deletion"),
        ("[rules.recovery]", "[rules.recovery]\nonly = true"),
        ("[rules.destruction]", "[rules.destruction]\nproposer_approves = true"),
    ];
    for (from, to) in broken {
        let changed = POLICY.replacen(from, to, 1);
        assert_ne!(changed, POLICY, "{from}");
        let refused = CeremonyPolicy::from_toml(&changed);
        assert!(matches!(refused, Err(Refusal::Malformed { .. })), "{from} -> {to}: {refused:?}");
    }
}

/// A label is set by operators: what rotates all keys with one is no way around what keeps rotation for ceremonies.
#[test]
fn labels_are_no_way_around() {
    let rule =
        |kind: &str, more: &str| format!("[rules.{kind}]\norganisations = 1\nlifetime_max_s = 604800\n{more}\n");
    let read = |rules: &[String]| {
        let head = "format = 1\ndeployment = \"log.example\"\nnumber = 1\n";
        CeremonyPolicy::from_toml(&format!("{head}{}", rules.concat()))
    };
    let alone = |label: &str| {
        let rules = [rule("rotate-key", "approvals = 3\nonly = true"), rule("rotate-label", label)];
        read(&rules)
    };
    assert!(alone("approvals = 3").is_ok());
    assert!(matches!(alone("approvals = 1"), Err(Refusal::Malformed { .. })));
}

#[test]
fn what_a_request_takes_is_the_policy_raised_by_the_request() {
    let policy = CeremonyPolicy::from_toml(POLICY).unwrap();
    let terms = policy.terms(&request()).unwrap();
    assert_eq!((terms.approvals, terms.organisations, terms.shares, terms.logged_first), (4, 2, 3, true));
    let weaker = Request::from_toml(&FILE.replace("approvals = 4", "approvals = 2")).unwrap();
    let refused = Refusal::WeakerThanPolicy { what: "approvals", asked: 2, needed: 3 };
    assert_eq!(policy.terms(&weaker), Err(refused));
    let beyond = Request::from_toml(&FILE.replace("approvals = 4", "approvals = 65")).unwrap();
    assert!(matches!(policy.terms(&beyond), Err(Refusal::Malformed { .. })));
    let drill = Request::from_toml(&FILE.replace("[act.recovery", "[act.drill")).unwrap();
    assert_eq!(policy.terms(&drill), Err(Refusal::NoRule(Kind::Drill)));
}
