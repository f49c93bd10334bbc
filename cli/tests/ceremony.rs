//! `hufu ceremony`, on files and without a service.
#![cfg(feature = "custodian")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::{convert::Infallible, fs, sync::Arc};

use common::{Desk, words};
use hufu_ceremony::{At, Ceremony, CeremonyPolicy, Grounds, Request, State, Transcript, What};
use hufu_custodian::{Label, Roster, Signed, Signer as _, armour, testing::Person};
use hufu_tlog::{Checkpoint, SignedNote, VerifierKey, leaf_hash};
use hufu_verify::{Bundle, BundleEntry, Event, Leaf};

const POLICY: &str = r#"
format = 1
deployment = "log.example"
number = 1

[rules.destruction]
approvals = 2
organisations = 1
roles = { officer = 2 }
veto = "custodian"
delay_s = 3600
lifetime_max_s = 31536000
logged_first = true

[rules.rotate-key]
approvals = 1
organisations = 1
lifetime_max_s = 604800
"#;

const LOG: &str = "log.example";

const ACT: &str = "[act.destruction]\nkey = \"tenants/acme/keys/old\"\nversion = 1\n";

/// Three people with keys and a pinned roster, and a request of alice's.
struct Scene {
    desk: Desk,
    service: Person,
    grounds: Arc<Grounds>,
}

impl Scene {
    fn new() -> Self {
        let desk = Desk::of("");
        for name in ["alice", "bob", "carol"] {
            desk.person(name, if name == "carol" { "sm2" } else { "p256" });
        }
        let entries = "--entry alice.entry --entry bob.entry --entry carol.entry";
        desk.does(&format!("custodian roster new --deployment log.example {entries} --out roster"));
        let said = words(&desk.does("custodian roster show roster --output json"));
        desk.does(&format!("custodian roster pin roster --pin pin --words {said}"));
        fs::write(desk.dir().join("policy.toml"), POLICY).unwrap();
        let service = Person::new("service", "hufu");
        write_log_key(&desk, "log.pub", &service);
        let roster = Roster::from_bytes(&armour::read_as(Label::Roster, &desk.read("roster")).unwrap()).unwrap();
        let policy = CeremonyPolicy::from_toml(&desk.read("policy.toml")).unwrap();
        let scene = Self { desk, service, grounds: Arc::new(Grounds::new(roster, policy).unwrap()) };
        scene.write_request("request.toml", "alice", ACT);
        scene
    }

    /// A request that is good for the best part of a year from now.
    fn write_request(&self, name: &str, proposer: &str, act: &str) {
        let day_ms = 24 * 3600 * 1000;
        let expires = hufu_ceremony::time::show((now_ms() / day_ms + 300) * day_ms);
        let (roster, policy) = (self.grounds.roster_hash(), self.grounds.policy_hash());
        let text = format!(
            "format = 1\ndeployment = \"log.example\"\nnumber = 7\ntitle = \"Destroy the old key\"\n\
             reason = \"Nobody needs it.\"\nproposer = \"{proposer}\"\nroster = \"{roster}\"\npolicy = \"{policy}\"\n\
             not_before = 2026-01-01T00:00:00Z\nexpires_at = {expires}\n{act}"
        );
        fs::write(self.desk.dir().join(name), text).unwrap();
    }

    fn sign(&self) -> Ceremony {
        self.desk
            .does("ceremony sign request.toml --key alice.key --pin pin --out request --passphrase-file pass --yes");
        let begun = Ceremony::propose(self.grounds.clone(), self.signed("request", Label::Request), at(0)).unwrap();
        let receipt = self.receipt(&begun, begun.digest().0);
        begun.apply(What::Logged(receipt.into()), at(1)).unwrap()
    }

    /// What the ledger would have said: a log with one leaf, which is the ceremony's first.
    fn receipt(&self, begun: &Ceremony, request: [u8; 32]) -> Vec<u8> {
        let names = [("ceremony-head", begun.head().0), ("ceremony-request", request)];
        let leaf = Leaf {
            origin: LOG.to_owned(),
            sequence: 0,
            previous: None,
            event: Event::Policy,
            key_id: Some(begun.id().0),
            algorithm: None,
            at: 1,
            not_before: None,
            not_after: None,
            reason: None,
            compromised_at: None,
            evidence: [7; 32],
            extensions: names.map(|(name, hash)| (name.to_owned(), hash.to_vec())).into(),
        };
        let leaf = leaf.encode().unwrap();
        let text = Checkpoint { origin: LOG.to_owned(), size: 1, root: leaf_hash(&leaf), extensions: vec![] };
        let mut note = SignedNote::new(&text.encode().unwrap()).unwrap();
        let signature = self.service.sign(note.signed_bytes().to_vec()).signature;
        note.add_signature(&verifier_key(&self.service), &signature).unwrap();
        let entries = vec![BundleEntry { leaf, index: 0, proof: vec![] }];
        Bundle { checkpoint: note.encode(), public_key: None, entries }.encode().unwrap()
    }

    fn signed(&self, name: &str, label: Label) -> Signed {
        Signed::from_bytes(&armour::read_as(label, &self.desk.read(name)).unwrap()).unwrap()
    }

    fn write_transcript(&self, name: &str, ceremony: &Ceremony) {
        let sign = |bytes: &[u8]| Ok::<_, Infallible>(self.service.sign(bytes.to_vec()).signature);
        let transcript = Transcript::close(ceremony, "hufud/test".try_into().unwrap(), sign).unwrap();
        put(&self.desk, name, Label::Transcript, &transcript.to_bytes());
    }
}

/// By the service's clock: just now.
fn at(uptime_ms: u64) -> At {
    At { wall_ms: now_ms(), uptime_ms }
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn put(desk: &Desk, name: &str, label: Label, bytes: &[u8]) {
    fs::write(desk.dir().join(name), armour::write(label, bytes).unwrap()).unwrap();
}

fn write_log_key(desk: &Desk, name: &str, service: &Person) {
    fs::write(desk.dir().join(name), format!("{}\n", verifier_key(service))).unwrap();
}

fn verifier_key(service: &Person) -> VerifierKey {
    VerifierKey::new(LOG, service.verifying_key().point().try_into().unwrap()).unwrap()
}

#[test]
fn requests_and_policies_are_shown_as_they_are_signed() {
    let scene = Scene::new();
    let desk = &scene.desk;
    let request = Request::from_toml(&desk.read("request.toml")).unwrap();
    assert_eq!(desk.does("ceremony words request.toml"), request.words());
    scene.sign();
    assert_eq!(desk.does("ceremony words request"), request.words());
    let json = desk.does("ceremony words request --output json");
    assert!(json.contains(&format!("\"digest\": \"{}\"", request.digest())), "{json}");
    assert_eq!(desk.does("ceremony policy policy.toml"), scene.grounds.policy().words());
    let json = desk.does("ceremony policy policy.toml --output json");
    assert!(json.contains(&format!("\"hash\": \"{}\"", scene.grounds.policy_hash())), "{json}");
    desk.fails("ceremony words policy.toml", 2, "`policy.toml`: a request is malformed: line 6");
    desk.fails("ceremony words alice.entry", 2, "holds `CUSTODIAN`, not `REQUEST`");
    desk.fails("ceremony policy request.toml", 2, "`request.toml`: a policy is malformed");
}

#[test]
fn only_the_proposer_signs_a_request() {
    let scene = Scene::new();
    let desk = &scene.desk;
    let sign = "ceremony sign request.toml --out request --passphrase-file pass";
    desk.fails(&format!("{sign} --key alice.key"), 2, "add `--yes`");
    desk.fails(
        &format!("{sign} --key bob.key --yes"),
        3,
        "`bob` signed a statement of `alice` (CEREMONY_NOT_THE_SIGNER)",
    );
    desk.does("custodian roster new --deployment log.example --entry alice.entry --out other");
    let said = words(&desk.does("custodian roster show other --output json"));
    desk.does(&format!("custodian roster pin other --pin other.pin --words {said}"));
    desk.fails(&format!("{sign} --key alice.key --pin other.pin --yes"), 3, "(CEREMONY_OTHER_ROSTER)");
    assert!(!desk.dir().join("request").exists());
}

#[test]
fn an_approval_counts_where_it_was_given_for() {
    let scene = Scene::new();
    let desk = &scene.desk;
    let ceremony = scene.sign();
    let id = ceremony.id();
    let common = "--pin pin --passphrase-file pass";
    let by_id = format!("--request request --ceremony {id} --roster roster --policy policy.toml {common}");
    desk.fails(&format!("ceremony approve {by_id} --key bob.key --out b"), 2, "add `--yes`");
    let text = desk.does(&format!("ceremony approve {by_id} --key bob.key --out bob.approval --yes"));
    for part in [
        ceremony.request().words().as_str(),
        &format!("ceremony: {id}"),
        "you: bob (\"bob Example\") of north",
        "your approval counts as: 1 of 2 approvals, 1 of 1 organisations, 1 of 2 as officer",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let one = ceremony.apply(What::Approved(scene.signed("bob.approval", Label::Approval)), at(2)).unwrap();
    scene.write_transcript("so-far", &one);
    let by_transcript = format!("--transcript so-far --log-key log.pub {common} --yes");
    let json = desk.does(&format!(
        "ceremony approve {by_transcript} --key carol.key --reason It_is_old --lifetime 2d --out carol.approval --output json"
    ));
    assert!(json.contains("\"so_far\": \"1 of 2 approvals, 1 of 1 organisations, 1 of 2 as officer\""), "{json}");
    let two = one.apply(What::Approved(scene.signed("carol.approval", Label::Approval)), at(3)).unwrap();
    assert_eq!(two.state(), State::Delayed);
    desk.fails(&format!("ceremony approve {by_transcript} --key bob.key --out x"), 3, "(CEREMONY_ALREADY_APPROVED)");
    desk.fails(
        &format!("ceremony approve {by_transcript} --key alice.key --out x"),
        3,
        "(CEREMONY_PROPOSER_APPROVES)",
    );
    assert!(!desk.dir().join("x").exists());

    scene.write_transcript("so-far", &two);
    desk.does(&format!("ceremony veto {by_transcript} --key bob.key --reason Stop --out bob.veto"));
    let rejected = two.apply(What::Vetoed(scene.signed("bob.veto", Label::Veto)), at(4)).unwrap();
    assert_eq!(rejected.state(), State::Rejected);
    scene.write_transcript("vetoed", &rejected);
    // Whoever hides the veto from someone who has seen it is found out.
    let hidden = format!("ceremony veto {by_transcript} --before vetoed --key bob.key --out x");
    desk.fails(&hidden, 3, "(CEREMONY_ROLLED_BACK)");
    scene.write_transcript("so-far", &rejected);
    desk.fails(&format!("ceremony approve {by_transcript} --key carol.key --out x"), 3, "(CEREMONY_WRONG_STATE)");
}

#[test]
fn what_is_not_as_pinned_is_not_decided() {
    let scene = Scene::new();
    let desk = &scene.desk;
    let ceremony = scene.sign();
    let line = |request: &str, policy: &str| {
        let (id, common) = (ceremony.id(), "--pin pin --passphrase-file pass --key bob.key --out x --yes");
        format!("--request {request} --ceremony {id} --roster roster --policy {policy} {common}")
    };
    fs::write(desk.dir().join("other.toml"), desk.read("policy.toml").replace("approvals = 2", "approvals = 1"))
        .unwrap();
    // Fewer approvals than roles: no policy at all.
    desk.fails(&format!("ceremony approve {}", line("request", "other.toml")), 2, "a policy is malformed");
    fs::write(desk.dir().join("other.toml"), desk.read("policy.toml").replace("number = 1", "number = 2")).unwrap();
    desk.fails(&format!("ceremony approve {}", line("request", "other.toml")), 3, "(CEREMONY_OTHER_POLICY)");
    let proposal = scene.signed("request", Label::Request);
    let forged = Signed { signer: "bob".parse().unwrap(), ..proposal };
    put(desk, "forged", Label::Request, &forged.to_bytes());
    desk.fails(&format!("ceremony approve {}", line("forged", "policy.toml")), 3, "(CEREMONY_BAD_SIGNATURE)");
    desk.does("custodian roster new --after roster --entry alice.entry --entry bob.entry --out next");
    let next = line("request", "policy.toml").replace("--roster roster", "--roster next");
    desk.fails(&format!("ceremony approve {next}"), 3, "(CEREMONY_OTHER_ROSTER)");
    scene.write_request("rotate.toml", "alice", "[act.rotate-key]\nkey = \"tenants/acme/keys/k\"\nversion = 1\n");
    desk.does("ceremony sign rotate.toml --key alice.key --out rotate --passphrase-file pass --yes");
    desk.fails(&format!("ceremony veto {}", line("rotate", "policy.toml")), 3, "the policy lets nobody veto");
    // Somebody's keys under bob's name are not those of the roster.
    desk.does("custodian new bob --full-name B --organisation north --role officer --memory-mib 64 --passphrase-file pass --out b2");
    let stranger = line("request", "policy.toml").replace("--key bob.key", "--key b2");
    desk.fails(&format!("ceremony approve {stranger}"), 3, "the roster has other keys");
    assert!(!desk.dir().join("x").exists());
}

#[test]
fn a_transcript_is_verified_with_pins_alone() {
    let scene = Scene::new();
    let desk = &scene.desk;
    let begun = scene.sign();
    scene.write_transcript("before", &begun);
    let by = "--transcript before --log-key log.pub --pin pin --passphrase-file pass --yes";
    desk.does(&format!("ceremony approve {by} --key bob.key --out bob.approval"));
    let one = begun.apply(What::Approved(scene.signed("bob.approval", Label::Approval)), at(2)).unwrap();
    scene.write_transcript("after", &one);
    let verify = "--pin pin --log-key log.pub";
    let elsewhere = Ceremony::propose(scene.grounds.clone(), scene.signed("request", Label::Request), at(0)).unwrap();
    for false_receipt in [b"receipt".to_vec(), scene.receipt(&elsewhere, [9; 32]), scene.receipt(&begun, [9; 32])] {
        let logged = elsewhere.apply(What::Logged(false_receipt.into()), at(1)).unwrap();
        scene.write_transcript("unlogged", &logged);
        desk.fails(&format!("ceremony verify unlogged {verify}"), 1, "(CEREMONY_RECEIPT_FALSE)");
        desk.fails(
            &format!("ceremony approve {} --key bob.key --out x", by.replace("before", "unlogged")),
            3,
            "(CEREMONY_RECEIPT_FALSE)",
        );
    }
    let text = desk.does(&format!("ceremony verify after {verify} --policy policy.toml --before before"));
    for part in [
        "The transcript verifies.",
        "state: collecting",
        "it is leaf 0, proven",
        "approved by bob (\"bob Example\") of north",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = desk.does(&format!("ceremony verify after {verify} --output json"));
    for part in ["\"verified\": true", "\"state\": \"collecting\"", "\"organisation\": \"north\"", "\"by\": \"bob\""]
    {
        assert!(json.contains(part), "{part}: {json}");
    }
    desk.fails(&format!("ceremony verify before {verify} --before after"), 1, "(CEREMONY_ROLLED_BACK)");
    write_log_key(desk, "other.pub", &Person::new("other", "hufu"));
    desk.fails("ceremony verify after --pin pin --log-key other.pub", 1, "(CEREMONY_SERVICE_SIGNATURE)");
    fs::write(desk.dir().join("other.toml"), desk.read("policy.toml").replace("number = 1", "number = 2")).unwrap();
    desk.fails(&format!("ceremony verify after {verify} --policy other.toml"), 1, "(CEREMONY_OTHER_POLICY)");
    let mut bytes = armour::read_as(Label::Transcript, &desk.read("after")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    put(desk, "changed", Label::Transcript, &bytes);
    desk.fails(&format!("ceremony verify changed {verify}"), 1, "the transcript `changed` does not verify");
    desk.fails(&format!("ceremony verify request {verify}"), 2, "holds `REQUEST`, not `TRANSCRIPT`");
}
