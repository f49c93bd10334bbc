//! Keys made by OpenSSL come in; what they sign, OpenSSL verifies under the public key that it made.

use hufu_softhsm_tests::{Cli, Daemon, openssl_ok};

use super::outside::{import_key, pair, private, verifies, wrap};

struct Kind {
    name: &'static str,
    genpkey: &'static str,
    create: &'static str,
    verify: &'static str,
    /// Whether SoftHSM takes it in.
    hsm: bool,
}

const PSS: &str =
    "-digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32 -pkeyopt rsa_mgf1_md:sha256";

const KINDS: [Kind; 6] = [
    Kind {
        name: "p256",
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        create: "--algorithm p256",
        verify: "-digest sha256",
        hsm: true,
    },
    Kind {
        name: "p384",
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        create: "--algorithm p384",
        verify: "-digest sha384",
        hsm: true,
    },
    Kind {
        name: "secp256k1",
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        create: "--algorithm secp256k1",
        verify: "-digest sha256",
        hsm: true,
    },
    Kind { name: "ed25519", genpkey: "-algorithm ed25519", create: "--algorithm ed25519", verify: "", hsm: false },
    Kind {
        name: "rsa",
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        create: "--algorithm rsa3072",
        verify: PSS,
        hsm: true,
    },
    Kind {
        name: "sm2",
        genpkey: "-algorithm SM2",
        create: "--algorithm sm2",
        verify: "-digest sm3 -pkeyopt distid:1234567812345678",
        hsm: false,
    },
];

fn protections(kind: &Kind) -> &'static [&'static str] {
    if kind.hsm { &["software", "hsm"] } else { &["software"] }
}

/// In one step by `hufu key import`, and in two with OpenSSL as the one who wraps.
#[test]
fn keys_of_openssl_come_in_and_sign() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"a message");
    cli.ok("ledger key --out log.pub");
    for kind in &KINDS {
        for protection in protections(kind) {
            let Kind { name, genpkey, create, verify, .. } = kind;
            let (whole, split) = (format!("{name}-{protection}"), format!("{name}-{protection}-split"));
            pair(&cli, &whole, genpkey);
            let file = format!("--in {whole}.key --public {whole}.pub");
            cli.ok(&format!("key import {whole} {create} --protection {protection} {file}"));
            signs(&cli, &whole, verify);
            pair(&cli, &split, genpkey);
            in_two_steps(&cli, &split, &format!("{create} --protection {protection}"), &format!("{split}.der"));
            signs(&cli, &split, verify);
            let shown = cli.json(&format!("key show {split}@1"));
            assert_eq!(shown["origin"], "imported");
        }
    }
}

fn signs(cli: &Cli, name: &str, verify: &str) {
    cli.ok(&format!("sign {name} --in message --out {name}.sig"));
    assert!(verifies(cli, &format!("{name}.pub"), verify, &format!("{name}.sig")), "{name}");
    let public = cli.ok(&format!("key public {name}"));
    assert_eq!(
        openssl_der(cli, &public),
        openssl_der(cli, &String::from_utf8_lossy(&cli.read(&format!("{name}.pub"))))
    );
    let line = format!("ledger prove {name} --out {name}.bundle");
    cli.ok(&line);
    cli.ok(&format!("ledger verify {name}.bundle --key log.pub --public {name}.pub"));
}

fn openssl_der(cli: &Cli, pem: &str) -> String {
    cli.write("any.pub", pem.as_bytes());
    openssl_ok(cli.dir(), "pkey -pubin -in any.pub -text -noout")
}

fn in_two_steps(cli: &Cli, name: &str, attributes: &str, material: &str) {
    let job = format!("job-{name}");
    let public = if material.ends_with(".der") { format!("--public {name}.pub") } else { String::new() };
    cli.ok(&format!("key import-job create {name} {attributes} {public} --job {job} --out {name}.offer"));
    let offer = cli.json(&format!("key import-job verify {name}.offer --log-key log.pub"));
    assert_eq!(offer["key"], format!("tenants/dev/keys/{name}"));
    assert_eq!((&offer["digest_allowed"], &offer["activate"]), (&false.into(), &true.into()));
    let id = attributes.contains("--algorithm sm2").then_some("1234567812345678");
    assert_eq!(offer["sm2_distinguishing_id"].as_str(), id);
    let hash = if offer["wrapping"] == "rsa-aes-kwp-sha1" { "sha1" } else { "sha256" };
    import_key(cli, &format!("{name}.offer"));
    wrap(cli, hash, material, &format!("{name}.wrapped"));
    cli.ok(&format!("key import-job finish {job} --in {name}.wrapped"));
    assert_eq!(cli.json(&format!("key import-job show {job}"))["state"], "done");
    // One job, one key.
    cli.refused("IMPORT_JOB_CLOSED", &format!("key import-job finish {job} --in {name}.wrapped"));
}

#[test]
fn secret_keys_of_openssl_come_in() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"a message");
    cli.ok("ledger key --out log.pub");
    for protection in ["software", "hsm"] {
        let (mac, aes) = (format!("mac-{protection}"), format!("aes-{protection}"));
        openssl_ok(cli.dir(), &format!("rand -out {mac}.bin 32"));
        private(&cli, &format!("{mac}.bin"));
        let attributes = format!("--algorithm hmac-sha256 --protection {protection}");
        in_two_steps(&cli, &mac, &attributes, &format!("{mac}.bin"));
        let code = cli.ok(&format!("mac {mac} --in message"));
        let key = hex::encode(cli.read(&format!("{mac}.bin")));
        let expected = openssl_ok(cli.dir(), &format!("dgst -sha256 -mac HMAC -macopt hexkey:{key} message"));
        let expected = expected.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(code.contains(&expected), "{code}: {expected}");

        openssl_ok(cli.dir(), &format!("rand -out {aes}.bin 32"));
        private(&cli, &format!("{aes}.bin"));
        cli.ok(&format!("key import {aes} --algorithm aes256-gcm --protection {protection} --in {aes}.bin"));
        cli.ok(&format!("encrypt {aes} --in message --out {aes}.enc"));
        cli.ok(&format!("decrypt {aes} --in {aes}.enc --out {aes}.dec"));
        assert_eq!(cli.read(&format!("{aes}.dec")), b"a message");
    }
}

/// Two people and a machine without a network: the sender needs the offer and the log's key, nothing else.
#[test]
fn a_sender_without_a_service_checks_before_it_wraps() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.ok("ledger key --out log.pub");
    pair(&cli, "k", "-algorithm ed25519");
    pair(&cli, "other", "-algorithm ed25519");
    cli.ok("key import-job create k --algorithm ed25519 --protection software --public k.pub --job j --out offer");
    let apart = Cli::new(cli.dir(), &cli.path("no-profile"));
    let line = "key wrap-for-import --offer offer --log-key log.pub --out wrapped";
    apart.ok(&format!("{line} --in k.key"));
    // Another private key is refused before anything is wrapped, and so is a file that others may read.
    assert!(apart.fails(2, &format!("{line} --in other.key")).contains("not of the public key"));
    std::fs::copy(cli.path("k.key"), cli.path("open.key")).unwrap();
    openssl_ok(cli.dir(), "pkey -in k.key -out open.key");
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(cli.path("open.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(apart.fails(2, &format!("{line} --in open.key")).contains("others may read"));
    spoilt_offers_are_refused(&apart, line);
    cli.ok("key import-job finish j --in wrapped");
    // Its public key has its history now: it does not come in a second time, under no name.
    let again = "key import-job create k2 --algorithm ed25519 --protection software --public k.pub --out offer2";
    cli.refused("ALREADY_EXISTS", again);
    cli.ok("key revoke k --reason key-compromise --yes");
    cli.refused("ALREADY_EXISTS", again);
}

fn spoilt_offers_are_refused(apart: &Cli, line: &str) {
    let offer = String::from_utf8(apart.read("offer")).unwrap();
    let spoils: [(&str, &str); 9] = [
        ("keys/k\n", "keys/l\n"),
        ("importJobs/j\n", "importJobs/i\n"),
        ("wrapping rsa-aes-kwp\n", "wrapping rsa-aes-kwp-sha1\n"),
        ("protection software", "protection hsm"),
        ("exit never", "exit exportable"),
        ("digest-allowed false", "digest-allowed true"),
        ("sm2-id-hex none", "sm2-id-hex 6a"),
        ("activate true", "activate false"),
        ("hufu-import-job/v2", "hufu-import-job/v1"),
    ];
    for (from, to) in spoils {
        assert!(offer.contains(from), "{from}");
        apart.write("spoilt", offer.replace(from, to).as_bytes());
        let line = line.replace("offer offer", "offer spoilt");
        apart.fails(1, &format!("{line} --in k.key"));
    }
    // The right statement beside an import key of somebody else: who is in the middle would read the key.
    openssl_ok(apart.dir(), "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out mallory.key");
    openssl_ok(apart.dir(), "pkey -in mallory.key -pubout -out mallory.pub");
    let end = "-----END PUBLIC KEY-----\n";
    let note = &offer[offer.find(end).unwrap() + end.len()..];
    let mixed = String::from_utf8(apart.read("mallory.pub")).unwrap() + note;
    apart.write("spoilt", mixed.as_bytes());
    let line = line.replace("offer offer", "offer spoilt");
    assert!(apart.fails(2, &format!("{line} --in k.key")).contains("another import key"));
}

/// Whatever is wrong gets one answer, and the fifth time ends the job.
#[test]
fn what_is_not_the_key_is_rejected_and_ends_the_job() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.ok("ledger key --out log.pub");
    for protection in ["software", "hsm"] {
        let name = format!("k-{protection}");
        pair(&cli, &name, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
        pair(&cli, "stranger", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
        let create = format!("key import-job create {name} --algorithm p256 --protection {protection}");
        cli.ok(&format!("{create} --public {name}.pub --job {name} --out offer"));
        let offer = cli.json("key import-job verify offer --log-key log.pub");
        let hash = if offer["wrapping"] == "rsa-aes-kwp-sha1" { "sha1" } else { "sha256" };
        import_key(&cli, "offer");
        wrap(&cli, hash, &format!("{name}.der"), "good");
        let good = cli.read("good");
        wrap(&cli, hash, "stranger.der", "of-another");
        cli.write("noise.bin", &[0x5a; 138]);
        wrap(&cli, hash, "noise.bin", "noise");
        let spoilt = |at: usize| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        };
        cli.write("bad-oaep", &spoilt(5));
        cli.write("bad-kwp", &spoilt(good.len() - 1));
        let mut answers = std::collections::BTreeSet::new();
        for wrong in ["of-another", "noise", "bad-oaep", "bad-kwp", "bad-kwp"] {
            let error = cli.fails(1, &format!("key import-job finish {name} --in {wrong}"));
            assert!(error.contains("(KEY_REJECTED)"), "{wrong}: {error}");
            answers.insert(error);
        }
        assert_eq!(answers.len(), 1, "one answer for everything: {answers:?}");
        cli.refused("IMPORT_JOB_CLOSED", &format!("key import-job finish {name} --in good"));
        assert_eq!(cli.json(&format!("key import-job show {name}"))["state"], "failed");
        cli.fails(4, &format!("key show {name}"));
        let status = cli.json("status");
        assert!(!status.to_string().contains("unknown-object"), "{status}");
    }
}
