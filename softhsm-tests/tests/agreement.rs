//! Keys derived from shared secrets through the command: OpenSSL is the other side.

use hufu_softhsm_tests::{Cli, Daemon, ForeignKey, openssl_ok};

const INFO: &[u8] = b"alice and bob, to seal letters";
const SALT: &[u8] = b"a salt";

/// What OpenSSL derives from what it shares with a public key of ours.
fn theirs(cli: &Cli, public: &str, kdf: &str, len: usize) -> String {
    let dir = cli.dir();
    openssl_ok(dir, &format!("pkeyutl -derive -inkey peer.key -peerkey {public} -out z"));
    let secret = hex::encode(cli.read("z"));
    derived_by_openssl(cli, &secret, kdf, len)
}

fn derived_by_openssl(cli: &Cli, secret: &str, kdf: &str, len: usize) -> String {
    let (info, salt) = (hex::encode(INFO), hex::encode(SALT));
    let options = match kdf {
        "hkdf-sha256" => format!("-kdfopt digest:SHA2-256 -kdfopt hexsalt:{salt} -kdfopt hexinfo:{info}"),
        "x963-sha256" => format!("-kdfopt digest:SHA2-256 -kdfopt hexinfo:{info}"),
        _ => format!("-kdfopt digest:SM3 -kdfopt hexinfo:{info}"),
    };
    let name = if kdf == "hkdf-sha256" { "HKDF" } else { "X963KDF" };
    let shown = openssl_ok(cli.dir(), &format!("kdf -keylen {len} -kdfopt hexkey:{secret} {options} {name}"));
    shown.trim().replace(':', "").to_lowercase()
}

fn ours(cli: &Cli, key: &str, peer: &str, kdf: &str, len: usize) -> String {
    let salt = if kdf == "hkdf-sha256" { "--salt salt" } else { "" };
    cli.ok(&format!("derive {key} --peer {peer} --kdf {kdf} {salt} --info info --bytes {len} --out derived"));
    hex::encode(cli.read("derived"))
}

fn files(cli: &Cli) {
    cli.write("info", INFO);
    cli.write("salt", SALT);
    cli.write("message", b"message");
}

#[test]
fn openssl_derives_the_same_keys() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    files(&cli);
    for (algorithm, genpkey, protections) in [
        ("p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", &["software", "hsm"][..]),
        ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", &["software", "hsm"]),
        ("x25519", "-algorithm X25519", &["software"]),
    ] {
        ForeignKey::generate(cli.dir(), "peer", genpkey);
        for protection in protections {
            let key = format!("{algorithm}-{protection}");
            cli.ok(&format!("key create {key} --algorithm {algorithm} --purpose agree --protection {protection}"));
            cli.ok(&format!("key public {key} --out ours.pub"));
            for (kdf, len) in [("hkdf-sha256", 32), ("x963-sha256", 100), ("x963-sm3", 1024)] {
                let (ours, theirs) = (ours(&cli, &key, "peer.pub", kdf, len), theirs(&cli, "ours.pub", kdf, len));
                assert_eq!(ours, theirs, "{key} {kdf}");
                assert_ne!(ours, hex::encode(cli.read("z")), "never the secret itself");
            }
            cli.refused("WRONG_PURPOSE", &format!("sign {key} --in message --out nothing"));
            cli.refused("WRONG_PURPOSE", &format!("kem encapsulate {key} --out nothing --secret nothing"));
        }
    }
    let mode = std::fs::metadata(cli.path("derived")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    let error = cli.fails(3, "key create x --algorithm x25519 --protection hsm");
    assert!(error.contains("the token offers no CKM_EC_MONTGOMERY_KEY_PAIR_GEN"), "{error}");
    assert!(!cli.path("nothing").exists());
    let records = cli.json("audit list --key p256-hsm --limit 100");
    let records = records["records"].as_array().unwrap();
    assert!(records.iter().any(|record| record["operation"] == "DeriveSharedSecret"), "{records:?}");
}

/// OpenSSL 3.0 has no key agreement with SM2, so two keys of ours meet; the derivation is OpenSSL's, and the agreement itself is
/// tested against the standard's example.
#[test]
fn two_keys_of_sm2_derive_one_key() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    files(&cli);
    for key in ["alice", "bob", "eve"] {
        cli.ok(&format!("key create {key} --algorithm sm2 --purpose agree --protection software"));
        cli.ok(&format!("key public {key} --out {key}.pub"));
    }
    let one = ours(&cli, "alice", "bob.pub", "x963-sm3", 48);
    assert_eq!(one, ours(&cli, "bob", "alice.pub", "x963-sm3", 48));
    assert_ne!(one, ours(&cli, "alice", "eve.pub", "x963-sm3", 48));
    let error = cli.fails(
        2,
        "key create mallory --algorithm sm2 --purpose agree --protection software --sm2-id MALLORY@EXAMPLE.COM",
    );
    assert!(error.contains("(UNSUPPORTED_ALGORITHM)"), "{error}");
}

#[test]
fn rotated_versions_agree_and_revoked_ones_do_not() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    files(&cli);
    ForeignKey::generate(cli.dir(), "peer", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    cli.ok("key create k --algorithm p256 --purpose agree --protection hsm");
    let before = ours(&cli, "k", "peer.pub", "hkdf-sha256", 32);
    cli.ok("key rotate k");
    assert_eq!(ours(&cli, "k@1", "peer.pub", "hkdf-sha256", 32), before);
    assert_ne!(ours(&cli, "k", "peer.pub", "hkdf-sha256", 32), before);
    cli.ok("key revoke k@1 --reason superseded");
    cli.refused("WRONG_STATE", "derive k@1 --peer peer.pub --kdf hkdf-sha256 --out nothing");
    ForeignKey::generate(cli.dir(), "other", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384");
    let error = cli.fails(2, "derive k --peer other.pub --kdf hkdf-sha256 --out nothing");
    assert!(error.contains("(INVALID_ARGUMENT)") && error.contains("peer_public_key"), "{error}");
    cli.fails(2, "derive k --peer message --kdf hkdf-sha256 --out nothing");
    let error = cli.fails(2, "derive k --peer peer.pub --kdf x963-sha256 --salt salt --out nothing");
    assert!(error.contains("(INVALID_ARGUMENT)") && error.contains("salt"), "{error}");
    assert!(!cli.path("nothing").exists());
}
