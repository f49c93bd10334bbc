//! Secret keys wrapped under a key of the service, and the attacks on that. Each is named by who published it.

use hufu_softhsm_tests::{Cli, Daemon};

fn scene(cli: &Cli) {
    cli.write("message", b"a message");
    cli.ok("key create kek --algorithm aes256-kwp --protection software");
    cli.ok("key create mac --algorithm hmac-sha256 --protection software --exit exportable");
}

#[test]
fn a_wrapped_key_comes_back_as_what_it_was() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    scene(&cli);
    cli.ok("key wrap mac --by kek --out mac.blob");
    let back = cli.json("key unwrap mac2 --by kek --in mac.blob");
    let first = cli.json("key show mac");
    for attribute in ["algorithm", "scheme", "purpose", "protection", "exit", "digest_allowed"] {
        assert_eq!(back[attribute], first[attribute], "{attribute}");
    }
    assert_eq!(back["latest_version"]["origin"], "unwrapped");
    assert_eq!(cli.ok("mac mac --in message"), cli.ok("mac mac2 --in message"));
    // Rotating the wrapping key leaves what it wrapped.
    cli.ok("key rotate kek");
    cli.ok("key unwrap mac3 --by kek --in mac.blob");
    // A key that was revoked does not come back under another name.
    cli.ok("key revoke mac --reason key-compromise --yes");
    cli.refused("WRONG_STATE", "key unwrap mac4 --by kek --in mac.blob");
    // The copies live on, and the audit names what each was: the one way to find and to revoke them.
    let audit = cli.json("audit list --operation UnwrapKey --outcome allowed");
    let copies = audit["records"].as_array().unwrap();
    let of_mac = |record: &&serde_json::Value| {
        record["detail"].as_str().unwrap().contains("was tenants/dev/keys/mac/versions/1,")
    };
    assert_eq!(copies.iter().filter(of_mac).count(), 2, "{copies:?}");
    assert!(cli.ok("key show mac2").contains("active"));
}

/// Clulow 2003, §3.2: a key that both wraps and decrypts gives out what it wrapped; one that unwraps and encrypts takes in what the
/// attacker chose. Here a key has one purpose, and the operations of the other refuse it.
#[test]
fn clulow_2003_wrap_and_decrypt_unwrap_and_encrypt() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    scene(&cli);
    cli.ok("key create cipher --algorithm aes256-gcm --protection software");
    cli.ok("key wrap mac --by kek --out mac.blob");
    cli.refused("WRONG_PURPOSE", "encrypt kek --in message --out x");
    cli.fails(3, "decrypt kek --in mac.blob --out x");
    cli.refused("WRONG_PURPOSE", "key wrap mac --by cipher --out x");
    let error = cli.fails(1, "key unwrap x --by cipher --in mac.blob");
    assert!(error.contains("(KEY_REJECTED)"), "{error}");
    // No purpose but the one of the algorithm, and no key of two.
    for purpose in ["encrypt", "sign", "mac", "import"] {
        cli.fails(2, &format!("key create two --algorithm aes256-kwp --protection software --purpose {purpose}"));
    }
    cli.fails(2, "key create two --algorithm aes256-gcm --protection software --purpose wrap");
    // A key of the caller's knowledge would open all that it wraps: none comes in.
    cli.write("known.bin", &[7; 32]);
    super::outside::private(&cli, "known.bin");
    cli.fails(2, "key import known --algorithm aes256-kwp --protection software --in known.bin");
    // And the import key of RSA decrypts nothing that is no import.
    cli.fails(2, "key create i --algorithm rsa3072 --protection software --purpose import");
}

/// Clulow 2003, §3.3 (key conjuring), and Bond 2001: garbage does not become a key of unknown value.
#[test]
fn clulow_2003_key_conjuring() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    scene(&cli);
    cli.ok("key wrap mac --by kek --out mac.blob");
    let blob = cli.read("mac.blob");
    for at in (0..blob.len()).step_by(7) {
        let mut spoilt = blob.clone();
        spoilt[at] ^= 1;
        cli.write("spoilt", &spoilt);
        let error = cli.fails(1, "key unwrap conjured --by kek --in spoilt");
        assert!(error.contains("(KEY_REJECTED)"), "byte {at}: {error}");
    }
    for garbage in [&b"x"[..], &[0; 40], &[0xff; 4000]] {
        cli.write("spoilt", garbage);
        assert!(cli.fails(1, "key unwrap conjured --by kek --in spoilt").contains("(KEY_REJECTED)"));
    }
    cli.fails(4, "key show conjured");
}

/// Delaune, Kremer and Steel 2008: the same key, imported twice with attributes that exclude each other, or made extractable on the
/// way. The envelope carries the attributes; there is nothing to ask for.
#[test]
fn delaune_kremer_steel_2008_reimport_with_other_attributes() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    scene(&cli);
    cli.ok("key wrap mac --by kek --out mac.blob");
    for further in ["--purpose wrap", "--exit exportable", "--algorithm aes256-gcm", "--scheme aes-gcm"] {
        cli.fails(2, &format!("key unwrap other --by kek --in mac.blob {further}"));
    }
    // Twice is twice the same.
    let first = cli.json("key unwrap a --by kek --in mac.blob");
    let second = cli.json("key unwrap b --by kek --in mac.blob");
    for attribute in ["algorithm", "scheme", "purpose", "protection", "exit"] {
        assert_eq!(first[attribute], second[attribute]);
    }
    // Another wrapping key, and another tenant's, do not open it.
    cli.ok("key create kek2 --algorithm aes256-kwp --protection software");
    assert!(cli.fails(1, "key unwrap other --by kek2 --in mac.blob").contains("(KEY_REJECTED)"));
}

/// Bortolozzo, Centenaro, Focardi and Steel 2010 (Tookan), a2 and a4: a sensitive key under a key that the attacker can use or
/// knows, wrapping keys under each other, and a key under itself.
#[test]
fn bortolozzo_2010_sensitive_keys_under_other_wrapping_keys() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    scene(&cli);
    cli.ok("key create stays --algorithm hmac-sha256 --protection software");
    cli.refused("NOT_EXPORTABLE", "key wrap stays --by kek --out x");
    cli.ok("key create kek2 --algorithm aes256-kwp --protection software");
    cli.refused("NOT_EXPORTABLE", "key wrap kek --by kek --out x");
    cli.refused("NOT_EXPORTABLE", "key wrap kek --by kek2 --out x");
    // Nor can one be made that might.
    let error = cli.fails(2, "key create kek3 --algorithm aes256-kwp --protection software --exit exportable");
    assert!(error.contains("(UNSUPPORTED_ALGORITHM)"), "{error}");
    // No key of the service wraps keys on a token, and none is there that could.
    let error = cli.fails(3, "key create kek4 --algorithm aes256-kwp --protection hsm");
    assert!(error.contains("none wraps there"), "{error}");
    cli.ok("key create tmac --algorithm hmac-sha256 --protection hsm");
    cli.refused("NOT_EXPORTABLE", "key wrap tmac --by kek --out x");
    // Nor by attributes that change afterwards: there is no call that changes one.
    cli.fails(2, "key update stays --exit exportable");
}

/// Clulow 2003, §3.1: a strong key under a weaker one. The wrapping key is of 256 bits, and RSA below 128 bits of strength
/// receives nothing.
#[test]
fn clulow_2003_weaker_key_for_a_stronger_one() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    scene(&cli);
    super::outside::pair(&cli, "weak", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    assert!(cli.fails(2, "key export mac --to weak.pub --out x --yes").contains("[recipient]"));
    let job = "key import-job create k --algorithm hmac-sha256 --protection software --out x";
    cli.fails(3, &format!("{job} --import-algorithm rsa2048"));
    // Related keys: a key is unwrapped whole or not at all, so no half of it is searched for alone.
    cli.ok("key wrap mac --by kek --out mac.blob");
    let blob = cli.read("mac.blob");
    cli.write("half", &blob[..blob.len() - 16]);
    assert!(cli.fails(1, "key unwrap half --by kek --in half").contains("(KEY_REJECTED)"));
}

/// A pair has one history on the ledger: a second key that holds it would outlive its revocation.
#[test]
fn pairs_are_exported_and_not_wrapped() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    scene(&cli);
    cli.ok("key create pair --algorithm p256 --protection software --exit exportable");
    let error = cli.fails(2, "key wrap pair --by kek --out x");
    assert!(error.contains("(UNSUPPORTED_ALGORITHM)") && error.contains("one history"), "{error}");
}
