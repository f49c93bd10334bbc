//! An application's own key: deposited, its shares carried and confirmed, shared anew among others, lost and given back; by the commands that
//! people use. And what is refused at the edge.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hufu_sdk::v1;
use hufu_softhsm_tests::{Cli, Tool, wait_until};
use tokio::runtime::Runtime;

use desk::{CUSTODIANS, Scene};

mod desk;

const PEOPLE: &str = "--threshold 2 --custodian ann --custodian ben --custodian cho";
const PINS: &str = "--pin pin --log-key log.pub";

/// The part of a request about a share set as it is now.
fn shares(scene: &Scene, set: &str) -> String {
    let runtime = Runtime::new().unwrap();
    let found = runtime.block_on(async { scene.daemon.client("admin").share_set(set).await });
    let found = found.unwrap().current.unwrap();
    let signed = hufu_shares::SignedManifest::from_bytes(&found.manifest).unwrap();
    let (of, digest) = (signed.unverified(), signed.digest());
    format!("{{ set = \"{}\", epoch = {}, manifest = \"{digest}\" }}", of.set(), of.epoch())
}

fn give(number: u64, who: &str) -> String {
    format!(
        "ceremony submit-share {number} --as {who}.key --share {who}.share --passphrase-file pass --yes {PINS} --policy policy.toml"
    )
}

/// Brings a custodian the own share of an epoch.
fn fetch(cli: &Cli, set: &str, epoch: u32, who: &str) {
    cli.ok(&format!("custodian share fetch --set {set} --name {who} --epoch {epoch} {PINS} --out {who}.share"));
}

fn own(who: &str) -> String {
    format!("--share {who}.share --key {who}.key --passphrase-file pass --log-key log.pub")
}

/// The public half of a private key, by OpenSSL.
fn public(cli: &Cli, file: &str) -> String {
    Tool::new("openssl").args(["pkey", "-pubout", "-in"]).args([cli.path(file)]).ok()
}

/// Deposits a new key of P-256; its share set, and the fingerprint of its public key.
fn deposit(app: &Cli) -> (String, String) {
    Tool::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"])
        .args([app.path("lost.pem")])
        .ok();
    app.ok(&format!("deposit create payroll --secret-file lost.pem --curve p256 {PEOPLE} {PINS}"));
    assert!(app.ok("deposit list").contains("payroll"));
    let shown = app.json("deposit show payroll");
    let (set, fingerprint) = (shown["share_set"].as_str().unwrap(), shown["fingerprint"].as_str().unwrap());
    (format!("tenants/dev/shareSets/{set}"), fingerprint.to_owned())
}

/// Everyone has the own share; one confirms over the network, one on files.
fn confirm(cli: &Cli, set: &str) {
    for (who, _) in CUSTODIANS {
        fetch(cli, set, 1, who);
    }
    cli.ok(&format!("custodian share confirm {}", own("ann")));
    cli.ok(&format!("custodian share confirm {} --out confirmation", own("ben")));
    let told = cli.json("share-set confirm confirmation");
    assert_eq!(told["current"]["confirmed"], serde_json::json!(["ann", "ben"]));
    cli.ok("share-set confirm confirmation");
    // Ann's share under Ben's key.
    cli.fails(
        3,
        "custodian share check --share ann.share --key ben.key --passphrase-file pass --log-key log.pub --pin pin",
    );
}

/// Cho leaves, and Eve comes.
fn reshare(scene: &Scene, cli: &Cli, set: &str) {
    cli.ok("key create stand-in --algorithm aes256-gcm --protection software");
    let target = Runtime::new().unwrap().block_on(async {
        let client = scene.daemon.client("admin");
        let kind = v1::share_target::Kind::Process;
        client.create_share_target("tenants/dev/keys/stand-in", kind).await.unwrap()
    });
    let sealing_key = target.name.rsplit('/').next().unwrap();
    let act = format!(
        "[act.reshare]\nsubject = \"tenants/dev/deposits/payroll\"\nfrom = {}\nconfirmations = 2\nto = {{ threshold = 2, custodians = [\"ann\", \"ben\", \"eve\"] }}\n\
         [act.reshare.target]\nkind = \"process\"\nsealing_key = \"{sealing_key}\"\n",
        shares(scene, set)
    );
    scene.ready(1, &act, "");
    for who in ["ann", "cho"] {
        cli.ok(&give(1, who));
    }
    assert_eq!(cli.json("ceremony execute 1 --yes")["state"], "executing", "{}", scene.daemon.log());
    fs::rename(cli.path("ann.share"), cli.path("old.share")).unwrap();
    for who in ["ann", "eve"] {
        fetch(cli, set, 2, who);
        cli.ok(&format!("custodian share confirm {}", own(who)));
    }
    scene.wait_for(1, "executed");
    let old = "--share old.share --key ann.key --passphrase-file pass --log-key log.pub";
    assert!(cli.fails(1, &format!("custodian share confirm {old}")).contains("dead"));
    cli.fails(4, &format!("custodian share fetch --set {set} --name cho --epoch 1 {PINS} --out gone.share"));
}

/// The owner asks for the key, with a key of its own.
fn ask_back(scene: &Scene, cli: &Cli, set: &str, fingerprint: &str) {
    cli.ok(
        "custodian new owner --full-name Owner --organisation north --role applicant --suite p256 --memory-mib 64 \
            --passphrase-file pass --out owner.key",
    );
    cli.ok("custodian show owner.key --entry-out owner.entry");
    let entry = cli.json("custodian show owner.key");
    let sealing_key = entry["sealing_fingerprint"].as_str().unwrap_or_else(|| panic!("{entry}"));
    let act = format!(
        "[act.recovery]\nkey = \"tenants/dev/deposits/payroll\"\nversion = 1\npublic_key = \"{fingerprint}\"\nshares = {}\n\
         [act.recovery.target]\nkind = \"process\"\nsealing_key = \"{sealing_key}\"\n",
        shares(scene, set)
    );
    scene.ready(2, &act, "--next owner.entry");
}

#[test]
fn a_deposited_key_is_shared_anew_lost_and_given_back() {
    let scene = Scene::new();
    let (cli, app) = (scene.cli(), scene.daemon.cli("app"));
    let (set, fingerprint) = deposit(&app);
    let before = public(&cli, "lost.pem");
    confirm(&cli, &set);
    reshare(&scene, &cli, &set);
    ask_back(&scene, &cli, &set, &fingerprint);
    let recover = |key: &str| {
        format!("deposit recover payroll --ceremony 2 --as {key} --passphrase-file pass {PINS} --out found.pem")
    };
    app.refused("WRONG_STATE", &recover("owner.key"));
    for who in ["ann", "eve"] {
        cli.ok(&give(2, who));
    }
    assert_eq!(cli.json("ceremony execute 2 --yes")["state"], "executed", "{}", scene.daemon.log());
    app.fails(3, &recover("ben.key"));
    let told = app.json(&recover("owner.key"));
    assert_eq!(told["shares_of"], serde_json::json!(["ann", "eve"]));
    assert_eq!(fs::metadata(cli.path("found.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(public(&cli, "found.pem"), before, "OpenSSL reads the same key");

    // The delay is none in this configuration; what was released stays nevertheless.
    cli.ok("deposit delete payroll --yes");
    let gone = || cli.run("deposit show payroll").code.eq(&4).then_some(());
    wait_until(std::time::Duration::from_secs(60), gone).unwrap();
    cli.fails(4, "deposit cancel-delete payroll");
    fs::remove_file(cli.path("found.pem")).unwrap();
    app.ok(&recover("owner.key"));
    assert_eq!(public(&cli, "found.pem"), before);
    wait_until(std::time::Duration::from_secs(60), || cli.run("audit verify").code.eq(&0).then_some(())).unwrap();
}

#[test]
fn bytes_come_from_standard_input_and_nothing_is_sealed_to_strangers() {
    let scene = Scene::new();
    let cli = scene.cli();
    cli.write("secret", &[7; 4096]);
    cli.ok(&format!("deposit create most --secret-file secret {PEOPLE} {PINS}"));
    cli.write("longer", &[7; 4097]);
    cli.fails(2, &format!("deposit create more --secret-file longer {PEOPLE} {PINS}"));
    assert!(
        cli.fails(1, &format!("deposit create one --secret-file secret --threshold 1 --custodian ann {PINS}"))
            .contains("SHARE_REFUSED")
    );
    cli.refused("ALREADY_EXISTS", &format!("deposit create most --secret-file secret {PEOPLE} {PINS}"));
    // Another roster than the one that is pinned here: nothing leaves.
    let entries = "--entry ann.entry --entry ben.entry --entry cho.entry";
    cli.ok(&format!("custodian roster new --deployment elsewhere.example {entries} --out other"));
    let shown = cli.json("custodian roster show other");
    let words = shown["words"].as_str().unwrap().replace(' ', "-");
    cli.ok(&format!("custodian roster pin other --pin other.pin --words {words}"));
    let error = cli
        .fails(3, &format!("deposit create stray --secret-file secret {PEOPLE} --pin other.pin --log-key log.pub"));
    assert!(error.contains("is not the one that is pinned here"), "{error}");
    cli.fails(4, "deposit show stray");
    scene.daemon.cli("auditor").refused("PERMISSION_DENIED", "deposit delete most --yes");
}

/// What is no name, no dealing and no confirmation is refused with its reason.
#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let scene = Scene::new();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let client = scene.daemon.client("admin");
        for (name, reason) in [
            ("", "MISSING_FIELD"),
            ("shareSets/1", "INVALID_NAME"),
            ("tenants/dev/shareSets/12", "INVALID_NAME"),
            ("tenants/dev/shareSets/00112233445566778899AABBCCDDEEFF", "INVALID_NAME"),
            ("tenants/dev/shareSets/00112233445566778899aabbccddeeff", "SHARE_SET_NOT_FOUND"),
            ("tenants/other/shareSets/00112233445566778899aabbccddeeff", "PERMISSION_DENIED"),
        ] {
            for error in [
                client.share_set(name).await.map(drop).unwrap_err(),
                client.fetch_share(name, "ann", None).await.map(drop).unwrap_err(),
            ] {
                assert_eq!(error.reason(), Some(reason), "{name}: {error}");
            }
        }
        let set = "tenants/dev/shareSets/00112233445566778899aabbccddeeff";
        for (confirmation, reason) in [(Vec::new(), "MISSING_FIELD"), (b"rubbish".to_vec(), "INVALID_ARGUMENT")] {
            let error = client.confirm_share(set, confirmation).await.unwrap_err();
            assert_eq!(error.reason(), Some(reason), "{error}");
        }
        let error = client.fetch_share(set, "", None).await.unwrap_err();
        assert_eq!(error.reason(), Some("MISSING_FIELD"), "{error}");
        for (ceremony, reason) in
            [("", "MISSING_FIELD"), ("7", "INVALID_NAME"), ("ceremonies/7", "CEREMONY_NOT_FOUND")]
        {
            let error = client.fetch_handovers(ceremony).await.unwrap_err();
            assert_eq!(error.reason(), Some(reason), "{error}");
        }
        for (id, reason) in [("", "INVALID_NAME"), ("A", "INVALID_NAME"), ("none", "DEPOSIT_NOT_FOUND")] {
            assert_eq!(client.deposit(id).await.unwrap_err().reason(), Some(reason), "{id}");
            assert_eq!(client.delete_deposit(id).await.unwrap_err().reason(), Some(reason), "{id}");
            assert_eq!(client.cancel_delete_deposit(id).await.unwrap_err().reason(), Some(reason), "{id}");
        }
        assert!(client.deposits().next().await.unwrap().unwrap().is_empty());
        assert!(client.share_sets().next().await.unwrap().unwrap().is_empty());
    });
}
