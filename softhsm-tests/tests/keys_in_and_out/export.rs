//! Keys leave for a receiver, and OpenSSL opens what it was sent.

use hufu_softhsm_tests::{Cli, Daemon, openssl_ok};

use super::outside::{open, pair};

const KINDS: [(&str, &str); 6] = [
    ("p256", "--algorithm p256"),
    ("p384", "--algorithm p384"),
    ("secp256k1", "--algorithm secp256k1"),
    ("ed25519", "--algorithm ed25519"),
    ("rsa", "--algorithm rsa3072"),
    ("sm2", "--algorithm sm2"),
];

fn receiver(cli: &Cli) {
    pair(cli, "receiver", "-algorithm RSA -pkeyopt rsa_keygen_bits:3072");
}

#[test]
fn openssl_opens_what_was_exported_to_it() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    receiver(&cli);
    for (name, create) in KINDS {
        cli.ok(&format!("key create {name} {create} --protection software --exit exportable"));
        cli.ok(&format!("key export {name} --to receiver.pub --out {name}.wrapped --yes"));
        open(&cli, "receiver.key", &format!("{name}.wrapped"), &format!("{name}.der"));
        let public = openssl_ok(cli.dir(), &format!("pkey -inform DER -in {name}.der -pubout"));
        let ours = cli.ok(&format!("key public {name}"));
        cli.write("ours.pub", ours.as_bytes());
        cli.write("theirs.pub", public.as_bytes());
        let text = |file: &str| openssl_ok(cli.dir(), &format!("pkey -pubin -in {file} -text -noout"));
        assert_eq!(text("ours.pub"), text("theirs.pub"), "{name}");
        // Our own helper opens the same bytes, without a service.
        let apart = Cli::new(cli.dir(), &cli.path("no-profile"));
        apart.ok(&format!("key unwrap-export --in {name}.wrapped --with receiver.key --out {name}.opened"));
        assert_eq!(cli.read(&format!("{name}.opened")), cli.read(&format!("{name}.der")));
    }
    cli.ok("key create mac --algorithm hmac-sha256 --protection software --exit exportable");
    cli.ok("key export mac --to receiver.pub --out mac.wrapped --yes");
    open(&cli, "receiver.key", "mac.wrapped", "mac.bin");
    cli.write("message", b"a message");
    let key = hex::encode(cli.read("mac.bin"));
    let expected = openssl_ok(cli.dir(), &format!("dgst -sha256 -mac HMAC -macopt hexkey:{key} message"));
    assert!(cli.ok("mac mac --in message").contains(expected.trim().rsplit(' ').next().unwrap()));
}

/// What was exported here comes into another deployment, and signs there under the same public key.
#[test]
fn a_key_moves_to_another_deployment() {
    let (from, to) = (Daemon::start_dev(), Daemon::start_dev());
    let (from, to) = (from.cli("admin"), to.cli("admin"));
    receiver(&from);
    from.ok("key create k --algorithm p256 --protection software --exit exportable");
    from.ok("key export k --to receiver.pub --out k.wrapped --yes");
    from.ok("key unwrap-export --in k.wrapped --with receiver.key --out k.der");
    std::fs::copy(from.path("k.der"), to.path("k.der")).unwrap();
    to.ok("key import k --algorithm p256 --protection software --in k.der");
    assert_eq!(from.ok("key public k"), to.ok("key public k"));
}

/// Only what was made to leave leaves, only by an administrator, only to a strong key, and the audit tells to which.
#[test]
fn an_export_has_its_conditions() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    receiver(&cli);
    cli.ok("key create stays --algorithm p256 --protection software");
    cli.ok("key create leaves --algorithm p256 --protection software --exit exportable");
    cli.refused("NOT_EXPORTABLE", "key export stays --to receiver.pub --out x --yes");
    // Without a terminal nobody can be asked.
    assert!(cli.fails(2, "key export leaves --to receiver.pub --out x").contains("--yes"));
    for weak in ["-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"] {
        pair(&cli, "weak", weak);
        let error = cli.fails(2, "key export leaves --to weak.pub --out x --yes");
        assert!(error.contains("(INVALID_ARGUMENT) [recipient]"), "{error}");
    }
    for other in ["operator", "app", "auditor"] {
        let theirs = daemon.cli(other);
        theirs.write("receiver.pub", &cli.read("receiver.pub"));
        theirs.refused("PERMISSION_DENIED", "key export leaves --to receiver.pub --out x --yes");
    }
    for other in ["app", "auditor"] {
        let theirs = daemon.cli(other);
        let job = "key import-job create k --algorithm hmac-sha256 --protection software --out x";
        for line in [job, "key wrap leaves --by leaves --out x"] {
            theirs.refused("PERMISSION_DENIED", line);
        }
    }
    // What a token could let out, whoever knows its PIN could take: it makes no such keys.
    let error = cli.fails(3, "key create t --algorithm p256 --protection hsm --exit exportable");
    assert!(error.contains("(UNSUPPORTED_BY_BACKEND)") && error.contains("software"), "{error}");
    let exported = cli.json("key export leaves --to receiver.pub --out x --yes");
    let fingerprint = exported["recipient_sha256"].as_str().unwrap();
    let audit = cli.ok("audit list --key leaves --limit 50");
    assert!(audit.contains(fingerprint) || cli.ok("--output json audit list --key leaves").contains(fingerprint));
    cli.ok("key revoke leaves --reason superseded --yes");
    cli.refused("WRONG_STATE", "key export leaves --to receiver.pub --out x --yes");
}
