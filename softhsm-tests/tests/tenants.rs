//! Two tenants on one installation: neither learns anything of the other.

use hufu_softhsm_tests::{ConfigBuilder, Daemon, Storage};

#[test]
fn a_tenant_sees_neither_keys_nor_audit_of_another() {
    let daemon = Daemon::start_config(&ConfigBuilder::new(Storage::Sqlite).with_other_tenant("rival"));
    let (mine, rival) = (daemon.cli("admin"), daemon.cli("operator"));
    mine.write("message", b"message");
    rival.ok("key create treasure --algorithm p256 --protection hsm --label purpose=unspeakable");
    rival.ok("sign treasure --in message --out rival.sig");
    mine.ok("key create treasure --algorithm p256 --protection hsm");

    let mut answers = Vec::new();
    for key in ["treasure", "nothing"] {
        for line in [
            "key show tenants/rival/keys/KEY",
            "key public tenants/rival/keys/KEY",
            "key rotate tenants/rival/keys/KEY",
            "key revoke tenants/rival/keys/KEY/versions/1 --reason superseded",
            "key schedule-destroy tenants/rival/keys/KEY/versions/1 --after 1d --yes",
            "sign tenants/rival/keys/KEY --in message --out stolen",
            "verify tenants/rival/keys/KEY --in message --sig rival.sig",
            "ledger prove tenants/rival/keys/KEY --out stolen",
        ] {
            let error = mine.fails(3, &line.replace("KEY", key));
            assert!(error.contains("(PERMISSION_DENIED)"), "{line}: {error}");
            answers.push((line, error.replace(key, "KEY")));
        }
    }
    let (there, not_there) = answers.split_at(answers.len() / 2);
    assert_eq!(there, not_there, "whether a key is there is not told");
    assert!(!mine.path("stolen").exists());

    assert_eq!(mine.json("key list")["keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(rival.json("key show treasure@1")["state"], "active");
    mine.fails(1, "verify treasure --in message --sig rival.sig");
    let listed = mine.ok("--output json audit list --limit 1000 --outcome allowed");
    assert!(listed.contains("tenants/dev/keys/treasure") && !listed.contains("tenants/rival"), "{listed}");
    let status = mine.ok("--output json status");
    assert!(!status.contains("rival"), "{status}");
    for tenant in [&mine, &rival] {
        assert_eq!(tenant.json("audit verify")["intact"], true);
    }
}

#[test]
fn the_service_s_own_keys_are_out_of_reach() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"message");
    for line in [
        "key show tenants/system/keys/log",
        "key show tenants/system/keys/root",
        "sign tenants/system/keys/log --in message --out stolen",
        "decrypt tenants/system/keys/root --in message --out stolen",
        "key revoke tenants/system/keys/log/versions/1 --reason superseded",
    ] {
        cli.refused("PERMISSION_DENIED", line);
    }
    assert!(!cli.path("stolen").exists());
}
