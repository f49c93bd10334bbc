//! A key's whole life through the command, as a script sees it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use hufu_softhsm_tests::{Cli, ConfigBuilder, Daemon, Storage, Tool, scratch_postgres, token_objects, wait_until};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

fn state(cli: &Cli, version: &str) -> String {
    cli.json(&format!("key show {version}"))["state"].as_str().unwrap().to_owned()
}

/// Create, sign, rotate, revoke: what every database must carry.
fn walk(cli: &Cli) {
    cli.write("message", b"a real file");
    let created = cli.json("key create release --algorithm p256 --protection hsm --label team=release");
    assert_eq!(created["primary_version"], "tenants/dev/keys/release/versions/1");
    assert_eq!(created["labels"]["team"], "release");
    assert_eq!(created["latest_version"]["state"], "active");
    assert_eq!(created["latest_version"]["simulated"], true, "SoftHSM never passes for a real device");
    cli.ok("sign release --in message --out old.sig");
    let rotated = cli.json("key rotate release");
    assert_eq!(rotated["primary_version"], "tenants/dev/keys/release/versions/2");
    assert_eq!(state(cli, "release@1"), "deactivated");
    let versions = cli.json("key show release")["versions"].clone();
    assert_eq!(
        (&versions[0]["version"], &versions[1]["version"]),
        (&Value::from(2), &Value::from(1)),
        "newest first"
    );
    cli.ok("sign release --in message --out new.sig");
    for signature in ["old.sig", "new.sig"] {
        cli.ok(&format!("verify release --in message --sig {signature}"));
    }
    cli.fails(1, "verify release@2 --in message --sig old.sig");
    cli.refused("WRONG_STATE", "sign release@1 --in message --out refused.sig");
    let revoked = cli.json("key revoke release@2 --reason key-compromise --compromised-at 2025-01-31T12:00:00Z");
    assert_eq!(revoked["state"], "compromised");
    assert_eq!(revoked["revocation"]["reason"], "key-compromise");
    assert_eq!(revoked["revocation"]["compromise_time"], "2025-01-31T12:00:00.000Z");
    cli.refused("WRONG_STATE", "sign release --in message --out refused.sig");
    cli.refused("WRONG_STATE", "sign release@2 --in message --out refused.sig");
    cli.refused("WRONG_STATE", "key resume release@2");
    cli.fails(3, "verify release@2 --in message --sig new.sig");
    let checked = cli.json("verify release@2 --in message --sig new.sig --allow-compromised");
    assert_eq!((&checked["valid"], &checked["state"]), (&Value::Bool(true), &Value::from("compromised")));
    assert!(!cli.path("refused.sig").exists());
}

#[test]
fn the_whole_life_and_its_proof_with_the_server_stopped() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.ok("ledger key --out log.pub");
    walk(&cli);
    cli.ok("ledger checkpoint --out first.note");
    cli.ok("ledger prove release@2 --out release.bundle");
    cli.ok("key public release@2 --out release.pem");
    cli.ok("key public release@1 --out other.pem");
    cli.ok("audit export --out audit.jsonl");
    cli.ok("key create later --algorithm ed25519 --protection hsm");
    cli.ok("ledger prove later --out later.bundle");
    cli.ok("ledger consistency first.note --key log.pub");
    let stopped = daemon.terminate();
    assert_eq!(stopped.status.unwrap().code(), Some(0), "SIGTERM ends in order");

    let cli = stopped.cli("admin");
    let report = cli.json("ledger verify release.bundle --key log.pub");
    assert_eq!(report["revocation"]["reason"], "key-compromise");
    assert_eq!(report["revocation"]["compromise_time"], "2025-01-31T12:00:00.000Z");
    assert_eq!(report["last_event"], "revoke");
    let events: Vec<&str> =
        report["events"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["register", "activate", "revoke"]);
    cli.ok("ledger verify later.bundle --key log.pub");
    cli.ok("ledger verify release.bundle --key log.pub --public release.pem --public-out from-bundle.pem");
    assert_eq!(cli.read("from-bundle.pem"), cli.read("release.pem"));
    let error = cli.fails(3, "ledger verify release.bundle --key log.pub --public other.pem");
    assert!(error.contains("of another public key"), "{error}");
    the_export_verifies_and_any_gap_is_found(&cli);
    let mut spoiled = cli.read("release.bundle");
    *spoiled.last_mut().unwrap() ^= 1;
    cli.write("spoiled.bundle", &spoiled);
    cli.fails(1, "ledger verify spoiled.bundle --key log.pub");
    cli.fails(5, "--timeout 5s status");
}

fn the_export_verifies_and_any_gap_is_found(cli: &Cli) {
    let checked = cli.json("audit check audit.jsonl");
    let export = String::from_utf8(cli.read("audit.jsonl")).unwrap();
    assert_eq!(checked["segment_count"], export.lines().count());
    let without_second: Vec<&str> = export.lines().take(1).chain(export.lines().skip(2)).collect();
    cli.write("gap.jsonl", without_second.join("\n").as_bytes());
    let error = cli.fails(1, "audit check gap.jsonl");
    assert!(error.contains("line 2: the segment does not continue its writer's chain"), "{error}");
}

#[test]
fn the_whole_life_on_postgresql() {
    let Some(schema) = scratch_postgres("the whole life") else { return };
    let daemon = Daemon::start_config(&ConfigBuilder::new(Storage::from(&schema)));
    let cli = daemon.cli("admin");
    walk(&cli);
    let before = cli.json("key show release");
    let daemon = daemon.kill().start();
    ConfigBuilder::new(Storage::from(&schema)).write_profiles(&daemon);
    let cli = daemon.cli("admin");
    assert_eq!(cli.json("key show release"), before);
    cli.ok("audit verify");
}

#[test]
fn production_refuses_everything_simulated() {
    let builder = ConfigBuilder::new(Storage::Sqlite).production();
    let stopped = Daemon::try_start_config(&builder).expect_err("SoftHSM in production");
    assert_eq!(stopped.status.unwrap().code(), Some(3));
    assert!(stopped.log().contains("refused in production"), "{}", stopped.log());
}

#[test]
fn a_restart_goes_on_with_the_same_keys_after_any_end() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    for (key, rest) in
        [("hsm", "--algorithm p256 --protection hsm"), ("soft", "--algorithm sm2 --protection software")]
    {
        cli.ok(&format!("key create {key} {rest}"));
        cli.ok(&format!("sign {key} --in message --out {key}.sig"));
    }
    cli.ok("ledger key --out log.pub");
    cli.ok("ledger checkpoint --out before.note");
    let before = cli.json("key list");
    let mut daemon = daemon.terminate().start();
    for _ in 0..2 {
        let cli = daemon.cli("admin");
        assert_eq!(cli.json("key list"), before);
        for key in ["hsm", "soft"] {
            cli.ok(&format!("verify {key} --in message --sig {key}.sig"));
            cli.ok(&format!("sign {key} --in message --out again.sig"));
        }
        cli.ok("ledger key --out log-again.pub");
        assert_eq!(cli.read("log.pub"), cli.read("log-again.pub"));
        cli.ok("ledger consistency before.note --key log.pub");
        let report = cli.json("audit verify");
        assert_eq!(report["intact"], true, "{report}");
        daemon = daemon.kill().start();
    }
}

#[test]
fn suspended_versions_rest_until_they_are_resumed() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("operator");
    let app = daemon.cli("app");
    app.write("message", b"message");
    cli.ok("key create k --algorithm p256 --protection hsm --pre-active");
    app.refused("WRONG_STATE", "sign k --in message --out sig");
    cli.refused("WRONG_STATE", "key suspend k@1");
    assert_eq!(cli.json("key activate k@1")["state"], "active");
    cli.refused("WRONG_STATE", "key activate k@1");
    app.ok("sign k --in message --out sig");
    assert_eq!(cli.json("key suspend k@1")["state"], "suspended");
    app.refused("WRONG_STATE", "sign k --in message --out refused");
    assert_eq!(cli.json("key resume k@1")["state"], "active");
    app.ok("sign k --in message --out sig");
    assert_eq!(cli.json("key revoke k --reason certificateHold")["state"], "suspended");
    cli.ok("key resume k@1");
    cli.refused("WRONG_STATE", "key resume k@1");
}

#[test]
fn each_reason_of_revocation_leads_where_rfc_5280_says() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("operator");
    for (reason, expected) in [
        ("key-compromise", "compromised"),
        ("ca-compromise", "compromised"),
        ("aa-compromise", "compromised"),
        ("affiliation-changed", "deactivated"),
        ("superseded", "deactivated"),
        ("cessation-of-operation", "deactivated"),
        ("privilege-withdrawn", "deactivated"),
        ("certificate-hold", "suspended"),
    ] {
        cli.ok(&format!("key create {reason} --algorithm ed25519 --protection software"));
        let revoked = cli.json(&format!("key revoke {reason} --reason {reason}"));
        assert_eq!(revoked["state"], expected, "{reason}");
    }
    cli.refused("WRONG_STATE", "key revoke superseded --reason superseded");
    assert_eq!(cli.json("key revoke superseded --reason key-compromise")["state"], "compromised");
    cli.fails(2, "key revoke affiliation-changed --reason superseded --compromised-at 2025-01-31T12:00:00Z");
    cli.fails(2, "key revoke affiliation-changed --reason key-compromise --compromised-at 2999-01-31T12:00:00Z");
    assert_eq!(state(&cli, "affiliation-changed@1"), "deactivated");
}

#[test]
fn destroyed_keys_are_gone_from_the_token() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    let before = token_objects(&daemon, "privkey");
    cli.ok("key create doomed --algorithm p256 --protection hsm");
    cli.ok("key create spared --algorithm p256 --protection hsm");
    assert_eq!(token_objects(&daemon, "privkey"), before + 2);
    cli.refused("WRONG_STATE", "key schedule-destroy doomed@1 --after 2s --yes");
    for key in ["doomed", "spared"] {
        cli.ok(&format!("key revoke {key} --reason superseded"));
        let scheduled = cli.json(&format!("key schedule-destroy {key}@1 --after 2s --yes"));
        assert!(scheduled["scheduled_destroy_time"].is_string(), "{scheduled}");
    }
    let cancelled = cli.json("key cancel-destroy spared@1");
    assert!(cancelled["scheduled_destroy_time"].is_null(), "{cancelled}");
    cli.refused("WRONG_STATE", "key cancel-destroy spared@1");
    let destroyed = wait_until(PATIENCE, || (state(&cli, "doomed@1") == "destroyed").then_some(()));
    assert!(destroyed.is_some(), "{}", state(&cli, "doomed@1"));
    assert_eq!(token_objects(&daemon, "privkey"), before + 1);
    assert_eq!(state(&cli, "spared@1"), "deactivated");
    cli.refused("WRONG_STATE", "key cancel-destroy doomed@1");
    cli.refused("ALREADY_EXISTS", "key create doomed --algorithm p256 --protection hsm");
    // A destroyed version can still be reported as compromised, and the ledger tells so.
    cli.ok("key revoke doomed@1 --reason key-compromise");
    assert_eq!(state(&cli, "doomed@1"), "destroyed");
    cli.ok("ledger key --out log.pub");
    cli.ok("ledger prove doomed@1 --out doomed.bundle");
    let report = cli.json("ledger verify doomed.bundle --key log.pub");
    let events = report["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap());
    // What was scheduled and begun is there too, as policy.
    let events: Vec<&str> = events.filter(|event| *event != "policy").collect();
    assert_eq!(events, ["register", "activate", "revoke", "destroy", "revoke"]);
}

#[test]
fn the_audit_tells_who_did_what_and_holds_together() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    cli.ok("key create k --algorithm p256 --protection hsm");
    daemon.cli("app").ok("sign k --in message --out sig");
    daemon.cli("operator").refused("PERMISSION_DENIED", "sign k --in message --out refused");
    let auditor = daemon.cli("auditor");
    let listed = auditor.json("audit list --key k");
    let records = listed["records"].as_array().unwrap();
    let told = |principal: &str, operation: &str, outcome: &str| {
        records.iter().any(|r| r["principal"] == principal && r["operation"] == operation && r["outcome"] == outcome)
    };
    assert!(told("admin", "CreateKey", "allowed"), "{listed}");
    assert!(told("app", "Sign", "allowed"), "{listed}");
    assert!(told("operator", "Sign", "refused"), "{listed}");
    let times: Vec<&str> = records.iter().map(|record| record["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "the newest first: {times:?}");
    let refused = auditor.json("audit list --outcome refused");
    let refusals = refused["records"].as_array().unwrap();
    assert!(refusals.iter().all(|record| record["outcome"] == "refused") && !refusals.is_empty());
    assert_eq!(auditor.json("audit list --limit 1")["records"].as_array().map(Vec::len), Some(1));
    let report = auditor.json("audit verify");
    assert_eq!((&report["intact"], report["findings"].as_array().map(Vec::len)), (&Value::Bool(true), Some(0)));
    auditor.ok("audit export --out audit.jsonl");
    let exported = String::from_utf8(auditor.read("audit.jsonl")).unwrap();
    let lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let total: u64 = lines.iter().map(|line| line["record_count"].as_u64().unwrap()).sum();
    assert!(total >= u64::try_from(records.len()).unwrap(), "{total}");
    for pair in lines.windows(2) {
        let [first, second] = pair else { continue };
        if first["writer"] == second["writer"] {
            assert_eq!(first["head"], second["previous_head"], "segments form a chain");
        }
    }
}

#[test]
fn each_role_is_refused_what_it_must_not_do() {
    let daemon = Daemon::start_dev();
    let admin = daemon.cli("admin");
    admin.write("message", b"message");
    admin.ok("key create k --algorithm p256 --protection hsm");
    admin.ok("key create c --algorithm aes256-gcm --protection software");
    let manage = [
        "key create mine --algorithm p256 --protection hsm",
        "key rotate k",
        "key update k --description mine",
        "key activate k@1",
        "key suspend k@1",
        "key resume k@1",
        "key revoke k@1 --reason superseded",
        "key schedule-destroy k@1 --after 1d --yes",
        "key cancel-destroy k@1",
    ];
    let using = [
        "sign k --in message --out refused",
        "verify k --in message --sig message",
        "encrypt c --in message --out refused",
        "decrypt c --in message --out refused",
        "random --bytes 8 --out refused",
    ];
    let audit = ["audit list", "audit verify", "audit export --out refused"];
    let refused: [(&str, &[&str], &[&str]); 3] =
        [("operator", &using, &audit), ("app", &manage, &audit), ("auditor", &manage, &using)];
    let before = admin.json("key list");
    for (role, first, second) in refused {
        let cli = daemon.cli(role);
        for line in first.iter().chain(second) {
            cli.refused("PERMISSION_DENIED", line);
        }
        cli.ok("key show k");
        cli.ok("status");
        cli.ok("ledger checkpoint --out checkpoint");
    }
    assert_eq!(admin.json("key list"), before);
    assert!(!admin.path("refused").exists());
}

#[test]
fn exit_codes_are_as_documented() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    cli.write("signature", b"no signature");
    cli.ok("key create k --algorithm p256 --protection software");
    cli.fails(1, "verify k --in message --sig signature");
    cli.fails(2, "key create k");
    cli.fails(2, "sign k --in missing --out sig");
    cli.fails(2, "--profile missing.toml status");
    cli.fails(3, "key create k --algorithm p256 --protection software");
    cli.fails(4, "key show nobody");
    cli.fails(4, "key show k@9");
    cli.fails(4, "sign nobody --in message --out sig");
    let killed = daemon.kill();
    killed.cli("admin").fails(5, "--timeout 3s status");
}

#[test]
fn destruction_asks_before_it_is_scheduled() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.ok("key create k --algorithm p256 --protection software --pre-active");
    let error = cli.fails(2, "key schedule-destroy k@1 --after 1d");
    assert!(error.contains("--yes"), "{error}");
    // `script` gives the command a terminal to ask on.
    let asked = |answer: &str| {
        let hufu = hufu_softhsm_tests::hufu().display();
        let line = format!("{hufu} key schedule-destroy k@1 --after 1d");
        let script = format!("printf '{answer}\\n' | script -qec '{line}' /dev/null");
        let output = Tool::new("sh").args(["-c", &script]).env("HUFU_PROFILE", daemon.profile_file("admin")).output();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    if Tool::new("sh").args(["-c", "command -v script"]).output().status.success() {
        assert!(asked("n").contains("nothing was done"));
        assert!(cli.json("key show k@1")["scheduled_destroy_time"].is_null());
        assert!(asked("y").contains("Destroy `k@1` for ever"));
        assert!(cli.json("key show k@1")["scheduled_destroy_time"].is_string());
    }
}

#[test]
fn json_is_one_value_with_the_same_fields_each_time() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let first = cli.json("key create a --algorithm p256 --protection hsm");
    let second = cli.json("key create b --algorithm hmac-sm3 --protection software --pre-active --description text");
    assert_eq!(names(&first), names(&second));
    assert_eq!(names(&cli.json("key show a@1")), names(&cli.json("key show b@1")));
    assert_eq!(cli.json("key list"), cli.json("key list"));
    for line in ["status", "key show a", "ledger checkpoint", "ledger key", "audit list", "audit verify"] {
        assert!(cli.json(line).is_object(), "{line}");
    }
    for line in ["sign a --in message --out sig", "verify a --in message --sig sig", "key public a --out pem"] {
        assert!(cli.json(line)["key_version"].is_string(), "{line}");
    }
}
