//! A server without an HSM: its root is split among custodians, and it starts sealed.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use hufu_custodian::testing::{self, Person};
use hufu_custodian::{Label, Roster, Signed, VerifyingKey, armour};
use hufu_sdk::v1::seal_status::State;
use hufu_sdk::{Client, KeyRef, NewKey, v1};
use hufu_shares::{HandedOver, HandoverRequest, Share, SignedManifest};
use hufu_softhsm_tests::{Cli, ConfigBuilder, Council, Daemon, Stopped, Storage, Tool, hufud, wait_until};
use tokio::runtime::Runtime;

/// Nothing here depends on how fast it is.
const LONG: Duration = Duration::from_secs(180);

/// Five custodians, of whom three open the server.
fn begun() -> (Stopped, Vec<Person>, ConfigBuilder) {
    let people = testing::people(5);
    let roster = armour::write(Label::Roster, &roster_of(&people).to_bytes()).unwrap();
    let builder = ConfigBuilder::new(Storage::Sqlite).with_custodians(roster);
    let prepared = Daemon::prepare(&builder);
    let said = init(&prepared).ok();
    assert!(said.contains("any 3 of 5 shares open the server"), "{said}");
    (prepared, people, builder)
}

fn roster_of(people: &[Person]) -> Roster {
    Roster::first(LOG, people.iter().map(Person::custodian).collect()).unwrap()
}

fn init(prepared: &Stopped) -> Tool {
    let file = |name: &str| prepared.scratch().join(name).into_os_string();
    let text = fs::read_to_string(prepared.scratch().join("roster.hufu")).unwrap();
    let roster = Roster::from_bytes(&armour::read_as(Label::Roster, &text).unwrap()).unwrap();
    let words = OsString::from(hufu_custodian::words(&roster.hash().0));
    let arguments = ["init", "--threshold", "3", "--config"];
    let rest = [file("hufu.toml"), OsString::from("--out"), file("shares"), OsString::from("--words"), words];
    Tool::new(hufud()).args(arguments).args(rest)
}

fn signer() -> KeyRef {
    "signer".parse().unwrap()
}

/// What a custodian's tool does with a share.
fn handover(scratch: &Path, person: &Person, status: &v1::SealStatus) -> Vec<u8> {
    let share = first_share(scratch, person);
    let request = HandoverRequest::from_bytes(&status.request).unwrap();
    assert_eq!(request.manifest, share.manifest().digest());
    hand_over(&share, person, status)
}

/// A custodian's share as `hufud init` wrote it.
fn first_share(scratch: &Path, person: &Person) -> Share {
    let text = fs::read_to_string(scratch.join(format!("shares/{}.share", person.name()))).unwrap();
    Share::from_bytes(&armour::read_as(Label::Share, &text).unwrap()).unwrap()
}

/// What a custodian's tool does with a share that is not looked at before.
fn hand_over(share: &Share, person: &Person, status: &v1::SealStatus) -> Vec<u8> {
    let manifest = SignedManifest::from_bytes(&status.manifest).unwrap();
    let dealer: VerifyingKey = manifest.unverified().dealer().clone();
    let request = HandoverRequest::from_bytes(&status.request).unwrap();
    let opened = share.open(&dealer, person).unwrap();
    let resealed = opened.reseal(&request.target, &request.digest()).unwrap();
    let signed = person.sign(resealed.statement());
    resealed.signed(signed).to_bytes()
}

async fn submit(client: &Client, daemon: &Daemon, person: &Person) -> v1::SealStatus {
    let status = client.seal_status().await.unwrap();
    client.submit_share(handover(daemon.scratch(), person, &status)).await.unwrap()
}

async fn refused(client: &Client, handover: Vec<u8>, reason: &str, words: &str) {
    let error = client.submit_share(handover).await.unwrap_err();
    assert_eq!(error.reason(), Some(reason), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn three_of_five_open_it_and_every_start_needs_them() {
    let (prepared, people, builder) = begun();
    let daemon = prepared.start();
    builder.write_profiles(&daemon);
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let client = daemon.client("admin");
        let error = client.status().await.unwrap_err();
        assert_eq!(error.reason(), Some("SEALED"), "{error}");
        for person in &people[..2] {
            let status = submit(&client, &daemon, person).await;
            assert_eq!(status.state(), State::Sealed);
        }
        // Brought again, as after an answer that was lost: it counts once.
        let status = submit(&client, &daemon, &people[1]).await;
        assert_eq!((status.state(), status.seats.iter().filter(|seat| seat.submitted).count()), (State::Sealed, 2));
        assert_eq!(submit(&client, &daemon, &people[4]).await.state(), State::Unsealed);
    });
    daemon.wait_unsealed();
    let made = runtime.block_on(async {
        let client = daemon.client("admin");
        client.create_key(NewKey::new("signer", v1::Algorithm::P256, v1::Protection::Software)).await.unwrap();
        let hsm = NewKey::new("elsewhere", v1::Algorithm::P256, v1::Protection::Hsm);
        let error = client.create_key(hsm).await.unwrap_err();
        assert!(error.to_string().contains("there is no HSM"), "{error}");
        assert_eq!(client.seal_status().await.unwrap().state(), State::Unsealed);
        refused(&client, b"late".to_vec(), "NOT_SEALED", "not sealed").await;
        client.public_key(&signer()).await.unwrap()
    });
    let daemon = daemon.kill().start();
    builder.write_profiles(&daemon);
    runtime.block_on(async {
        let client = daemon.client("admin");
        for person in &people[2..] {
            submit(&client, &daemon, person).await;
        }
    });
    daemon.wait_unsealed();
    let again = runtime.block_on(async { daemon.client("admin").public_key(&signer()).await.unwrap() });
    assert_eq!(made, again);
}

#[test]
fn what_is_no_share_of_this_start_is_refused_with_its_custodian() {
    let (prepared, people, builder) = begun();
    let daemon = prepared.start();
    builder.write_profiles(&daemon);
    let runtime = Runtime::new().unwrap();
    let earlier = runtime.block_on(async {
        let client = daemon.client("admin");
        let status = client.seal_status().await.unwrap();
        let good = handover(daemon.scratch(), &people[0], &status);
        refused(&client, Vec::new(), "MISSING_FIELD", "no share").await;
        refused(&client, b"rubbish".to_vec(), "SHARE_REFUSED", "refused").await;
        refused(&client, vec![7; 100 << 10], "TOO_LARGE", "longer").await;
        let HandedOver { signed, sealed } = HandedOver::from_bytes(&good).unwrap();
        let with = |signed| HandedOver { signed, sealed: sealed.clone() }.to_bytes();
        let stranger = Signed { signer: people[1].name(), ..signed.clone() };
        refused(&client, with(stranger), "SHARE_REFUSED", "custodian-2").await;
        let of_another = people[1].sign(signed.statement.clone());
        refused(&client, with(of_another), "SHARE_REFUSED", "custodian-2").await;
        let swapped = HandedOver { signed, sealed: vec![7; 80] };
        refused(&client, swapped.to_bytes(), "SHARE_REFUSED", "not what was signed for").await;
        assert!(client.seal_status().await.unwrap().seats.iter().all(|seat| !seat.submitted));
        good
    });
    let daemon = daemon.kill().start();
    builder.write_profiles(&daemon);
    runtime.block_on(async {
        // A handover that someone kept opens nothing at the next start.
        refused(&daemon.client("admin"), earlier, "SHARE_REFUSED", "custodian-1").await;
    });
}

#[test]
fn an_installation_is_begun_once_and_never_over_shares() {
    let (prepared, ..) = begun();
    let error = init(&prepared).fails();
    assert!(error.contains("installation already"), "{error}");
    fs::remove_file(prepared.scratch().join("e2e.db")).unwrap();
    let error = init(&prepared).fails();
    assert!(error.contains("root.set` is there"), "{error}");
}

/// Who changes the roster in the server's directory gets no share: the words come from somebody who has it pinned.
#[test]
fn a_root_is_split_among_those_whose_words_were_said() {
    let people = testing::people(5);
    let roster = armour::write(Label::Roster, &roster_of(&people).to_bytes()).unwrap();
    let prepared = Daemon::prepare(&ConfigBuilder::new(Storage::Sqlite).with_custodians(roster));
    let begin = init(&prepared);
    let others = armour::write(Label::Roster, &roster_of(&people[1..]).to_bytes()).unwrap();
    fs::write(prepared.scratch().join("roster.hufu"), others).unwrap();
    let error = begin.fails();
    assert!(error.contains("the words are not those of the roster"), "{error}");
    assert!(!prepared.scratch().join("shares").exists());
}

#[test]
fn whoever_is_no_principal_learns_nothing_from_a_sealed_server() {
    let (prepared, _, builder) = begun();
    let daemon = prepared.start();
    builder.write_profiles(&daemon);
    let profile = daemon.profile_file("admin");
    let text = fs::read_to_string(&profile).unwrap();
    // The server's own certificate is of the same authority, and of no principal.
    let other = text.replace("admin.pem", "../ca/server.pem").replace("admin.key", "../ca/server.key");
    fs::write(&profile, other).unwrap();
    Runtime::new().unwrap().block_on(async {
        let error = daemon.client("admin").seal_status().await.unwrap_err();
        assert!(error.reason().is_none_or(|reason| reason == "UNAUTHENTICATED"), "{error}");
    });
}

/// Starts it again, sealed.
fn again(stopped: Stopped, builder: &ConfigBuilder) -> Daemon {
    let daemon = stopped.start();
    builder.write_profiles(&daemon);
    daemon
}

/// The machine of a custodian, without network: the command, and keys that are enrolled.
struct Desk(Cli);

impl Desk {
    /// With the key file `NAME.key`, and the entry `NAME.enrolled`.
    fn new(dir: &Path, name: &str) -> Self {
        let desk = Self(Cli::new(dir, Path::new("there-is-none")));
        let pass = desk.0.write("pass", b"nine words that nobody else would ever think of");
        fs::set_permissions(pass, fs::Permissions::from_mode(0o600)).unwrap();
        let veto = if name == "dave" { " --role auditor" } else { "" };
        let who = format!("{name} --full-name {name} --organisation north --role custodian{veto}");
        desk.0.ok(&format!("custodian new {who} --memory-mib 64 --out {name}.key --passphrase-file pass"));
        desk.0.ok(&format!("custodian show {name}.key --entry-out {name}.entry"));
        let challenge = format!("{name}.entry --deployment {LOG} --out challenge --awaited awaited");
        desk.0.ok(&format!("custodian enrol challenge {challenge}"));
        let answer = format!("--key {name}.key --deployment {LOG} --out answer --passphrase-file pass");
        desk.0.ok(&format!("custodian enrol answer challenge {answer}"));
        desk.0.ok(&format!("custodian enrol accept answer --awaited awaited --out {name}.enrolled"));
        desk
    }

    /// The options for the own share.
    fn share(name: &str) -> String {
        format!("--share {name}.share --key {name}.key --passphrase-file pass")
    }
}

const LOG: &str = "e2e.hufu.invalid/log";
/// Longest wait for the ledger's sequencer.
const LOGGED_WITHIN: Duration = Duration::from_secs(60);
const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// A server whose root four custodians hold, three of whom open it; all that they did, they did with the command.
fn begun_by_command(dir: &Path) -> (Daemon, ConfigBuilder, Desk) {
    let desk = NAMES.map(|name| Desk::new(dir, name)).into_iter().next().unwrap();
    let entries = NAMES.map(|name| format!("--entry {name}.enrolled")).join(" ");
    desk.0.ok(&format!("custodian roster new --deployment {LOG} {entries} --out roster"));
    let words = desk.0.json("custodian roster show roster")["words"].as_str().unwrap().replace(' ', "-");
    desk.0.ok(&format!("custodian roster pin roster --pin pin --words {words}"));
    let roster = String::from_utf8(desk.0.read("roster")).unwrap();
    let builder = ConfigBuilder::new(Storage::Sqlite).with_custodians(roster);
    let prepared = Daemon::prepare(&builder);
    let said = init(&prepared).ok();
    let log_key = String::from_utf8(fs::read(prepared.scratch().join("shares/log.pub")).unwrap()).unwrap();
    assert!(said.contains(&format!("log key {log_key}")), "{said}");
    for file in fs::read_dir(prepared.scratch().join("shares")).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), dir.join(file.file_name())).unwrap();
    }
    for name in NAMES {
        let checked =
            desk.0.json(&format!("custodian share check {} --log-key log.pub --pin pin", Desk::share(name)));
        assert!(said.contains(checked["manifest"].as_str().unwrap()), "{said}");
        assert_eq!((&checked["custodian"], &checked["threshold"]), (&name.into(), &3.into()));
    }
    let daemon = prepared.start();
    builder.write_profiles(&daemon);
    (daemon, builder, desk)
}

#[test]
fn custodians_open_it_with_the_command_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (daemon, builder, desk) = begun_by_command(dir.path());
    let online = |daemon: &Daemon| Cli::new(dir.path(), &daemon.profile_file("app"));
    let app = online(&daemon);
    let error = app.fails(5, "key list");
    assert!(error.contains("(SEALED)") && error.contains("hufu unseal status"), "{error}");
    let status = app.ok("unseal status");
    for part in ["sealed", "0 of 3 shares are here; 4 hold one", "alice, bob, carol, dave"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    for (at, name) in NAMES[..2].iter().enumerate() {
        let status = app.json(&format!("unseal share {} --log-key log.pub --yes", Desk::share(name)));
        assert_eq!((&status["state"], &status["submitted"][at]), (&"sealed".into(), &(*name).into()));
    }
    // Dave has no network: a file goes to him, and one comes back.
    let asked = app.json("unseal request --out request");
    let line = format!("--request request --out handover {} --yes", Desk::share("dave"));
    let answered = desk.0.json(&format!("custodian hand-over {line}"));
    assert_eq!(asked["request"]["request_words"], answered["request_words"]);
    assert_eq!(app.json("unseal submit --handover handover")["state"], "unsealed");
    daemon.wait_unsealed();
    let admin = Cli::new(dir.path(), &daemon.profile_file("admin"));
    admin.ok("key create signer --algorithm p256 --protection software");
    assert!(admin.ok("unseal status").contains("unsealed"));
    let audit = Cli::new(dir.path(), &daemon.profile_file("auditor")).ok("audit list --output json");
    assert!(audit.contains("unsealed by the shares of alice, bob, dave"), "no such record: {audit}");
    assert!(admin.fails(3, "unseal request --out none").contains("not sealed"));
    admin.refused("NOT_SEALED", "unseal submit --handover handover");

    check_transcripts(&desk, &daemon, dir.path());

    let daemon = daemon.kill().start();
    builder.write_profiles(&daemon);
    let app = online(&daemon);
    app.fails(5, "unseal transcripts");
    let error = app.fails(1, "unseal submit --handover handover");
    assert!(error.contains("(SHARE_REFUSED)") && error.contains("`dave`"), "{error}");
    // The request of the start before is answered in vain, and it is the server that says so.
    app.ok("unseal request --out again");
    assert_ne!(app.read("request"), app.read("again"));
}

const TO_THREE: &str = "[act.rotate-root]\nslot = \"custodians\"\n[act.rotate-root.shares]\nthreshold = 3\n\
                        custodians = [\"bob\", \"carol\", \"dave\"]\n";
const RULES: &str = "[rules.rotate-root]\napprovals = 1\norganisations = 1\nlifetime_max_s = 604800\n\
                     [rules.recovery]\napprovals = 2\norganisations = 1\nveto = \"auditor\"\ndelay_s = 1\n\
                     lifetime_max_s = 604800\nshares = 3\n";

/// Four hold the root, three of whom open it; by a ceremony it goes to three of them, who open it together.
#[test]
fn who_has_left_opens_nothing_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let (daemon, builder, desk) = begun_by_command(dir.path());
    let at = |daemon: &Daemon| Cli::new(dir.path(), &daemon.profile_file("admin"));
    let open = |daemon: &Daemon, which: &str, names: &[&str]| {
        for name in names {
            let own = format!("--share {name}.{which} --key {name}.key --passphrase-file pass");
            at(daemon).ok(&format!("unseal share {own} --log-key log.pub --yes"));
        }
        daemon.wait_unsealed();
    };
    open(&daemon, "share", &["alice", "bob", "carol"]);
    at(&daemon).ok("key create signer --algorithm p256 --protection software");
    let made = at(&daemon).ok("key public signer");
    let log_key = at(&daemon).ok("ledger key");
    let council = Council::seated(&at(&daemon), RULES, "alice");
    let stopped = daemon.terminate();
    council.join(&stopped);
    let daemon = again(stopped, &builder);
    open(&daemon, "share", &["alice", "bob", "dave"]);

    let cli = at(&daemon);
    let wait_for = |state: &str| {
        let seen = wait_until(LONG, || (cli.json("ceremony show 1")["state"] == state).then_some(()));
        seen.unwrap_or_else(|| panic!("it is not {state}: {}", daemon.log()));
    };
    council.propose(&cli, 1, TO_THREE, "");
    // It takes what a recovery takes: in the ledger first, and a delay.
    wait_for("collecting");
    for who in ["bob", "carol"] {
        council.approve(&cli, 1, who);
    }
    wait_for("ready");
    assert_eq!(cli.json("ceremony execute 1 --yes")["state"], "executing");
    let set = cli.json("share-set list --root")["share_sets"][0]["name"].as_str().unwrap().to_owned();
    for who in ["bob", "carol", "dave"] {
        cli.ok(&format!("custodian share fetch --set {set} --name {who} --log-key log.pub --out {who}.new"));
        let own = format!("--share {who}.new --key {who}.key --passphrase-file pass");
        cli.ok(&format!("custodian share confirm {own} --log-key log.pub"));
    }
    let executed = || cli.ok("ceremony show 1").contains("executed").then_some(());
    wait_until(LONG, executed).unwrap_or_else(|| panic!("it is not executed: {}", daemon.log()));
    assert!(cli.ok("share-set list --root").contains("3/3"));
    assert_eq!(cli.ok("key public signer"), made);

    let daemon = again(daemon.kill(), &builder);
    let cli = at(&daemon);
    assert!(cli.ok("unseal status").contains("0 of 3 shares are here; 3 hold one"));
    for name in ["alice", "bob"] {
        let error = cli.run(&format!("unseal share {} --log-key log.pub --yes", Desk::share(name)));
        assert_ne!(error.code, 0, "{name}'s share of before: {}", error.text());
    }
    open(&daemon, "new", &["bob", "carol", "dave"]);
    assert_eq!(cli.ok("key public signer"), made);
    assert_eq!(cli.ok("ledger key"), log_key);
    cli.ok("key create later --algorithm p256 --protection software");
    cli.ok("ceremony transcript 1 --out transcript");
    let words = desk.0.ok("ceremony verify transcript --pin pin --log-key log.pub --policy policy.toml");
    assert!(words.contains("epoch 2 counts, 3 of 3"), "{words}");
}

/// What was written down of the root and of this start, verified by the command on a machine without network.
fn check_transcripts(desk: &Desk, daemon: &Daemon, dir: &Path) {
    let auditor = Cli::new(dir, &daemon.profile_file("auditor"));
    let listed = auditor.json("unseal transcripts");
    assert_eq!((&listed[0]["what"], &listed[1]["what"]), (&"root-split".into(), &"root-opened".into()));
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    // The words of the audit trail name the record.
    let digest = listed[1]["digest"].as_str().unwrap();
    let audit = auditor.ok("audit list --output json");
    assert!(audit.contains(&format!("rootTranscripts/1 {digest}")), "no such record: {audit}");

    // As it lies beside the shares: of the same record, and before the ledger has it.
    let begun = verified(desk, "root.transcript");
    assert_eq!((&begun["what"], &begun["logged_at"]), (&"root-split".into(), &serde_json::Value::Null));
    assert_eq!((&begun["digest"], begun["others"].as_array().unwrap().len()), (&listed[0]["digest"], 4));

    // Two custodians confirm, one with the service and one by a file.
    let admin = Cli::new(dir, &daemon.profile_file("admin"));
    let confirmed = admin.json(&format!("custodian share confirm {} --log-key log.pub", Desk::share("alice")));
    assert_eq!(confirmed["custodians"][0], "alice");
    desk.0.ok(&format!("custodian share confirm {} --log-key log.pub --out confirmation", Desk::share("carol")));
    for _ in 0..2 {
        assert_eq!(admin.json("unseal confirm confirmation")["custodians"].as_array().unwrap().len(), 2);
    }
    let forged = confirmation_in_the_name_of(desk, "bob");
    desk.0.write("forged", forged.as_bytes());
    assert!(admin.fails(1, "unseal confirm forged").contains("(SHARE_REFUSED)"));

    for (number, what, people) in [(0, "root-split", "alice, carol"), (1, "root-opened", "alice, bob, dave")] {
        // The ledger has the leaf when its sequencer has come by.
        let told = wait_until(LOGGED_WITHIN, || {
            auditor.ok(&format!("unseal transcript {number} --out transcript-{number}"));
            let told = verified(desk, &format!("transcript-{number}"));
            told["logged_at"].is_u64().then_some(told)
        });
        let told = told.expect("the ledger has it by then");
        let names: Vec<_> = told["by"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!((&told["what"], names.join(", ").as_str()), (&what.into(), people));
        assert_eq!(told["digest"], listed[number]["digest"]);
        check_spoilt(desk, &format!("transcript-{number}"));
    }
    let text = desk.0.ok("ceremony verify transcript-1 --pin pin --log-key log.pub");
    for part in
        ["enough custodians opened a server", "opened by    alice of north, bob of north, dave of north", "proven"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(auditor.fails(4, "unseal transcript 2 --out none").contains("CEREMONY_NOT_FOUND"));
}

/// What an auditor without a server says.
fn verified(desk: &Desk, transcript: &str) -> serde_json::Value {
    desk.0.json(&format!("ceremony verify {transcript} --pin pin --log-key log.pub"))
}

/// Some bytes changed, one at a time; another roster; another log's key.
fn check_spoilt(desk: &Desk, transcript: &str) {
    let bytes = armour::read_as(Label::RootTranscript, str::from_utf8(&desk.0.read(transcript)).unwrap()).unwrap();
    for at in (0..bytes.len()).step_by(bytes.len() / 7) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 1;
        desk.0.write("spoilt", armour::write(Label::RootTranscript, &spoilt).unwrap().as_bytes());
        let error = desk.0.fails(1, "ceremony verify spoilt --pin pin --log-key log.pub");
        assert!(error.contains("does not verify"), "byte {at}: {error}");
    }
    let other = desk.0.path("other.pub");
    let key = String::from_utf8(desk.0.read("log.pub")).unwrap();
    let (origin, _) = key.trim().split_once('+').unwrap();
    fs::write(other, format!("{}\n", hufu_sdk::offline::VerifierKey::new(origin, [7; 32]).unwrap())).unwrap();
    let line = format!("ceremony verify {transcript} --pin pin --log-key other.pub");
    assert!(desk.0.fails(1, &line).contains("did not close it"));
}

/// Carol's confirmation, as if somebody else had signed it.
fn confirmation_in_the_name_of(desk: &Desk, name: &str) -> String {
    let text = String::from_utf8(desk.0.read("confirmation")).unwrap();
    let signed = Signed::from_bytes(&armour::read_as(Label::Confirmation, &text).unwrap()).unwrap();
    let forged = Signed { signer: name.parse().unwrap(), ..signed };
    armour::write(Label::Confirmation, &forged.to_bytes()).unwrap()
}

/// Between the last share and the first answer of the open server anything may end it: either its start is written down with the opening, or
/// neither is. The next start has its own.
#[test]
fn a_server_that_is_killed_while_it_opens_tells_all_or_nothing() {
    let (prepared, people, builder) = begun();
    let runtime = Runtime::new().unwrap();
    let mut daemon = prepared.start();
    for pause in [0, 40, 160].map(Duration::from_millis) {
        builder.write_profiles(&daemon);
        runtime.block_on(open_with(&daemon, &people[1..4]));
        // Any moment will do: what is asserted holds at all of them.
        std::thread::sleep(pause);
        daemon = daemon.kill().start();
    }
    builder.write_profiles(&daemon);
    runtime.block_on(open_with(&daemon, &people[..3]));
    daemon.wait_unsealed();
    let dir = tempfile::tempdir().unwrap();
    let auditor = Cli::new(dir.path(), &daemon.profile_file("auditor"));
    let listed = auditor.json("unseal transcripts");
    let opened: Vec<_> = listed.as_array().unwrap().iter().filter(|one| one["what"] == "root-opened").collect();
    let audit = auditor.json("audit list");
    let details: Vec<_> =
        audit["records"].as_array().unwrap().iter().filter_map(|one| one["detail"].as_str()).collect();
    let count = |part: &str| details.iter().filter(|detail| detail.starts_with(part)).count();
    println!("{} of 4 openings were written down", opened.len());
    assert_eq!((count("unsealed by the shares of"), count("started")), (opened.len(), opened.len()));
    for one in &opened {
        let named =
            format!("rootTranscripts/{} {}", one["number"].as_str().unwrap(), one["digest"].as_str().unwrap());
        assert!(details.iter().any(|detail| detail.ends_with(&named)), "{named}: {details:?}");
    }
    let last = opened.last().unwrap();
    assert_eq!(last["custodians"], serde_json::json!(["custodian-1", "custodian-2", "custodian-3"]));
}

async fn open_with(daemon: &Daemon, people: &[Person]) {
    let client = daemon.client("admin");
    for person in people {
        submit(&client, daemon, person).await;
    }
}
