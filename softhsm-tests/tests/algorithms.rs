//! Every algorithm through the command, judged by OpenSSL.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use hufu_softhsm_tests::{Cli, ConfigBuilder, Daemon, ForeignKey, Storage, openssl, openssl_ok};

/// A signing algorithm, and how OpenSSL verifies it.
struct Signing {
    name: &'static str,
    create: &'static str,
    /// Whether SoftHSM can hold it; else a creation is refused.
    hsm: bool,
    /// Options of `openssl pkeyutl -verify -rawin`.
    options: &'static str,
    /// Options of `openssl genpkey` for a key of the same kind.
    genpkey: &'static str,
    /// Length of one scalar of a raw signature; 0 where there is one form only.
    scalar_len: usize,
}

const PSS: &str =
    "-digest sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32 -pkeyopt rsa_mgf1_md:sha256";

const SIGNING: [Signing; 10] = [
    Signing {
        name: "p256",
        create: "--algorithm p256",
        hsm: true,
        options: "-digest sha256",
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        scalar_len: 32,
    },
    Signing {
        name: "p384",
        create: "--algorithm p384",
        hsm: true,
        options: "-digest sha384",
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        scalar_len: 48,
    },
    Signing {
        name: "secp256k1",
        create: "--algorithm secp256k1",
        hsm: true,
        options: "-digest sha256",
        genpkey: "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        scalar_len: 32,
    },
    Signing {
        name: "ed25519",
        create: "--algorithm ed25519",
        hsm: true,
        options: "",
        genpkey: "-algorithm ed25519",
        scalar_len: 0,
    },
    Signing {
        name: "rsa-pss",
        create: "--algorithm rsa3072",
        hsm: true,
        options: PSS,
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        scalar_len: 0,
    },
    Signing {
        name: "rsa-pkcs1",
        create: "--algorithm rsa3072 --scheme rsa-pkcs1-sha256",
        hsm: true,
        options: "-digest sha256",
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        scalar_len: 0,
    },
    Signing {
        name: "rsa2048-pss",
        create: "--algorithm rsa2048",
        hsm: true,
        options: PSS,
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        scalar_len: 0,
    },
    Signing {
        name: "rsa2048-pkcs1",
        create: "--algorithm rsa2048 --scheme rsa-pkcs1-sha256",
        hsm: true,
        options: "-digest sha256",
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        scalar_len: 0,
    },
    Signing {
        name: "rsa4096-pss",
        create: "--algorithm rsa4096",
        hsm: true,
        options: PSS,
        genpkey: "-algorithm RSA -pkeyopt rsa_keygen_bits:4096",
        scalar_len: 0,
    },
    Signing {
        name: "sm2",
        create: "--algorithm sm2",
        hsm: false,
        options: "-digest sm3 -pkeyopt distid:1234567812345678",
        genpkey: "-algorithm SM2",
        scalar_len: 32,
    },
];

/// The protections under which SoftHSM or software can hold a key.
fn protections(hsm: bool) -> &'static [&'static str] {
    if hsm { &["hsm", "software"] } else { &["software"] }
}

fn openssl_verifies(cli: &Cli, options: &str, public: &str, file: &str, signature: &str) -> bool {
    let line = format!("pkeyutl -verify -pubin -inkey {public} -rawin {options} -in {file} -sigfile {signature}");
    openssl(cli.dir(), &line).status.success()
}

#[test]
fn openssl_verifies_every_signature_and_hufu_rejects_foreign_ones() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"the tally is whole when its halves meet\n");
    cli.write("other", b"the tally is whole when its halves meat\n");
    for signing in &SIGNING {
        let foreign = ForeignKey::generate(cli.dir(), "foreign", signing.genpkey);
        foreign.sign(signing.options, "message", "foreign.sig");
        for protection in protections(signing.hsm) {
            let key = format!("{}-{protection}", signing.name);
            let created = cli.json(&format!("key create {key} {} --protection {protection}", signing.create));
            assert_eq!(created["protection"], *protection, "{created}");
            signs_as_openssl_expects(&cli, signing, &key);
            cli.fails(1, &format!("verify {key} --in message --sig foreign.sig"));
        }
    }
}

fn signs_as_openssl_expects(cli: &Cli, signing: &Signing, key: &str) {
    cli.ok(&format!("key public {key} --out {key}.pem"));
    cli.ok(&format!("sign {key} --in message --out {key}.sig"));
    assert!(openssl_verifies(cli, signing.options, &format!("{key}.pem"), "message", &format!("{key}.sig")), "{key}");
    assert!(!openssl_verifies(cli, signing.options, &format!("{key}.pem"), "other", &format!("{key}.sig")), "{key}");
    cli.ok(&format!("verify {key} --in message --sig {key}.sig"));
    cli.fails(1, &format!("verify {key} --in other --sig {key}.sig"));
    let mut spoiled = cli.read(&format!("{key}.sig"));
    *spoiled.last_mut().unwrap() ^= 1;
    cli.write("spoiled.sig", &spoiled);
    cli.fails(1, &format!("verify {key} --in message --sig spoiled.sig"));
    if signing.scalar_len > 0 {
        raw_signatures_are_the_same_scalars(cli, signing, key);
    }
}

/// A raw signature of r and s becomes one that OpenSSL verifies when it is written in DER.
fn raw_signatures_are_the_same_scalars(cli: &Cli, signing: &Signing, key: &str) {
    cli.ok(&format!("sign {key} --in message --out {key}.raw --format raw"));
    let raw = cli.read(&format!("{key}.raw"));
    assert_eq!(raw.len(), 2 * signing.scalar_len, "{key}");
    cli.ok(&format!("verify {key} --in message --sig {key}.raw --format raw"));
    cli.fails(1, &format!("verify {key} --in message --sig {key}.raw --format der"));
    let (r, s) = raw.split_at(signing.scalar_len);
    cli.write("from-raw.sig", &der_signature(r, s));
    assert!(openssl_verifies(cli, signing.options, &format!("{key}.pem"), "message", "from-raw.sig"), "{key}");
}

/// SEQUENCE { r INTEGER, s INTEGER }.
fn der_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    let content = [der_integer(r), der_integer(s)].concat();
    [&[0x30, u8::try_from(content.len()).unwrap()][..], &content].concat()
}

fn der_integer(scalar: &[u8]) -> Vec<u8> {
    let start = scalar.iter().position(|byte| *byte != 0).unwrap_or(scalar.len() - 1);
    let mut value = scalar[start..].to_vec();
    if value[0] & 0x80 != 0 {
        value.insert(0, 0);
    }
    [&[0x02, u8::try_from(value.len()).unwrap()][..], &value].concat()
}

#[test]
fn secp256k1_signatures_are_low_s() {
    /// Half of the group order n (SEC 2, section 2.4.1), rounded down.
    const HALF_ORDER: &str = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    for protection in ["hsm", "software"] {
        cli.ok(&format!("key create {protection} --algorithm secp256k1 --protection {protection}"));
        // Half of all signatures would be high-s by chance: one of sixteen being so by chance of 1 in 65,536.
        for number in 0..16u8 {
            cli.write("message", &[number]);
            cli.ok(&format!("sign {protection} --in message --out signature --format raw"));
            let s = hex::encode(&cli.read("signature")[32..]);
            assert!(s.as_str() <= HALF_ORDER, "{protection}: {s}");
        }
    }
}

#[test]
fn softhsm_refuses_what_it_cannot_hold_and_nothing_falls_back_to_software() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    for (algorithm, why) in [
        ("sm2", "no SM2 signature mechanism"),
        ("sm4-gcm", "no SM4-GCM mechanism"),
        ("hmac-sm3", "no HMAC-SM3 mechanism"),
        ("ml-dsa-44", "no CKM_ML_DSA_KEY_PAIR_GEN"),
        ("ml-dsa-65", "no CKM_ML_DSA_KEY_PAIR_GEN"),
        ("ml-dsa-87", "no CKM_ML_DSA_KEY_PAIR_GEN"),
        ("ml-kem-768", "no CKM_ML_KEM_KEY_PAIR_GEN"),
    ] {
        let error = cli.fails(3, &format!("key create refused --algorithm {algorithm} --protection hsm"));
        assert!(error.contains("(UNSUPPORTED_BY_BACKEND)"), "{algorithm}: {error}");
        assert!(error.contains(&format!("the token offers {why}")), "{algorithm}: {error}");
    }
    cli.fails(4, "key show refused");
    assert_eq!(cli.json("key list")["keys"].as_array().map(Vec::len), Some(0));
}

#[test]
fn sm2_signs_under_the_distinguishing_identifier_of_its_key() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"message digest");
    cli.ok("key create alice --algorithm sm2 --protection software --sm2-id ALICE123@YAHOO.COM");
    cli.ok("key public alice --out alice.pem");
    cli.ok("sign alice --in message --out alice.sig");
    let verifies = |id: &str| {
        openssl_verifies(&cli, &format!("-digest sm3 -pkeyopt distid:{id}"), "alice.pem", "message", "alice.sig")
    };
    assert!(verifies("ALICE123@YAHOO.COM"));
    assert!(!verifies("1234567812345678"));
    cli.ok("verify alice --in message --sig alice.sig");
}

#[test]
fn digests_are_signed_only_where_the_key_allows_it() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"a large file");
    for (algorithm, hash) in [("p256", "sha256"), ("p384", "sha384"), ("secp256k1", "sha256"), ("rsa3072", "sha256")]
    {
        openssl_ok(cli.dir(), &format!("dgst -{hash} -binary -out digest message"));
        let options = match algorithm {
            "rsa3072" => PSS.to_owned(),
            _ => format!("-digest {hash}"),
        };
        for protection in ["hsm", "software"] {
            let key = format!("{algorithm}-{protection}");
            cli.ok(&format!("key create {key} --algorithm {algorithm} --protection {protection} --allow-digest"));
            cli.ok(&format!("sign {key} --in digest --digest --out signature"));
            cli.ok(&format!("key public {key} --out {key}.pem"));
            assert!(openssl_verifies(&cli, &options, &format!("{key}.pem"), "message", "signature"), "{key}");
            cli.ok(&format!("verify {key} --in digest --digest --sig signature"));
            cli.ok(&format!("verify {key} --in message --sig signature"));
            cli.write("short", &[7; 31]);
            cli.fails(2, &format!("sign {key} --in short --digest --out signature"));
        }
    }
    cli.write("digest", &[7; 32]);
    cli.ok("key create strict --algorithm p256 --protection hsm");
    cli.refused("DIGEST_NOT_ALLOWED", "sign strict --in digest --digest --out signature");
    let error = cli.fails(2, "key create e --algorithm ed25519 --protection software --allow-digest");
    assert!(error.contains("(UNSUPPORTED_ALGORITHM)"), "{error}");
}

#[test]
fn oaep_decrypts_what_openssl_encrypts_to_the_public_key() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("secret", b"attack at dawn");
    let options = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";
    let create = |protection: &str| {
        cli.run(&format!("key create {protection} --algorithm rsa3072 --purpose encrypt --protection {protection}"))
    };
    // SoftHSM 2.6 has OAEP with SHA-1 alone, which this service does not offer.
    let on_token = create("hsm");
    assert_eq!(on_token.code, 3, "{}", on_token.stderr);
    assert!(on_token.stderr.contains("(UNSUPPORTED_BY_BACKEND)"), "{}", on_token.stderr);
    assert_eq!(create("software").code, 0);
    cli.ok("key public software --out public.pem");
    openssl_ok(cli.dir(), &format!("pkeyutl -encrypt -pubin -inkey public.pem {options} -in secret -out sealed"));
    cli.ok("decrypt software --in sealed --out opened");
    assert_eq!(cli.read("opened"), b"attack at dawn");
    cli.ok("encrypt software --in secret --out ours");
    cli.ok("decrypt software --in ours --out opened-ours");
    assert_eq!(cli.read("opened-ours"), b"attack at dawn");
    // k − 66 bytes fit, for each modulus of k bytes.
    for (algorithm, len_max) in [("rsa2048", 190), ("rsa4096", 446)] {
        cli.ok(&format!("key create {algorithm} --algorithm {algorithm} --purpose encrypt --protection software"));
        cli.write("longest", &vec![7; len_max]);
        cli.ok(&format!("encrypt {algorithm} --in longest --out sealed"));
        cli.ok(&format!("decrypt {algorithm} --in sealed --out opened"));
        assert_eq!(cli.read("opened"), cli.read("longest"), "{algorithm}");
        cli.write("longer", &vec![7; len_max + 1]);
        let error = cli.fails(2, &format!("encrypt {algorithm} --in longer --out nothing"));
        assert!(error.contains("(TOO_LARGE)"), "{algorithm}: {error}");
    }
    ForeignKey::generate(cli.dir(), "foreign", "-algorithm RSA -pkeyopt rsa_keygen_bits:3072");
    openssl_ok(cli.dir(), &format!("pkeyutl -encrypt -pubin -inkey foreign.pub {options} -in secret -out foreign"));
    let error = cli.fails(1, "decrypt software --in foreign --out nothing");
    assert!(error.contains("(DECRYPTION_FAILED)"), "{error}");
    cli.refused("WRONG_PURPOSE", "sign software --in secret --out nothing");
}

#[test]
fn ciphers_open_only_with_the_right_key_and_additional_data() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("plain", b"half of a tiger");
    cli.write("aad", b"context");
    cli.write("wrong", b"contexT");
    cli.write("empty", b"");
    for (algorithm, protection) in [
        ("aes128-gcm", "hsm"),
        ("aes128-gcm", "software"),
        ("aes256-gcm", "hsm"),
        ("aes256-gcm", "software"),
        ("sm4-gcm", "software"),
    ] {
        let key = format!("{algorithm}-{protection}");
        cli.ok(&format!("key create {key} --algorithm {algorithm} --protection {protection}"));
        cli.ok(&format!("key create {key}-other --algorithm {algorithm} --protection {protection}"));
        for plain in ["plain", "empty"] {
            cli.ok(&format!("encrypt {key} --in {plain} --out sealed --aad aad"));
            cli.ok(&format!("decrypt {key} --in sealed --out opened --aad aad"));
            assert_eq!(cli.read("opened"), cli.read(plain), "{key}");
        }
        cli.ok(&format!("encrypt {key} --in plain --out sealed --aad aad"));
        let sealed = cli.read("sealed");
        assert!(!sealed.windows(8).any(|window| b"half of a tiger".windows(8).any(|plain| plain == window)), "{key}");
        cli.ok(&format!("encrypt {key} --in plain --out again --aad aad"));
        assert_ne!(sealed, cli.read("again"), "{key}: a nonce was used twice");
        cannot_be_opened(&cli, &format!("decrypt {key} --in sealed --out nothing"));
        cannot_be_opened(&cli, &format!("decrypt {key} --in sealed --out nothing --aad wrong"));
        cannot_be_opened(&cli, &format!("decrypt {key}-other --in sealed --out nothing --aad aad"));
        // The first byte of each part, and the last of all: format, version, nonce, ciphertext, tag.
        for place in [0, 1, sealed.len() - 40, sealed.len() - 20, sealed.len() - 16, sealed.len() - 1] {
            let mut spoiled = sealed.clone();
            spoiled[place] ^= 0x80;
            cli.write("spoiled", &spoiled);
            cannot_be_opened(&cli, &format!("decrypt {key} --in spoiled --out nothing --aad aad"));
        }
        cli.refused("WRONG_PURPOSE", &format!("sign {key} --in plain --out nothing"));
        cli.refused("WRONG_PURPOSE", &format!("key public {key} --out nothing"));
    }
    assert!(!cli.path("nothing").exists());
}

fn cannot_be_opened(cli: &Cli, line: &str) {
    let error = cli.fails(1, line);
    assert!(error.contains("(DECRYPTION_FAILED)"), "{line}: {error}");
}

#[test]
fn codes_are_made_and_checked_by_their_own_key_alone() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("data", b"data");
    cli.write("other", b"datA");
    for (algorithm, protection, len) in [
        ("hmac-sha256", "hsm", 32),
        ("hmac-sha256", "software", 32),
        ("hmac-sha384", "hsm", 48),
        ("hmac-sha384", "software", 48),
        ("hmac-sm3", "software", 32),
    ] {
        let key = format!("{algorithm}-{protection}");
        cli.ok(&format!("key create {key} --algorithm {algorithm} --protection {protection}"));
        cli.ok(&format!("key create {key}-other --algorithm {algorithm} --protection {protection}"));
        cli.ok(&format!("mac {key} --in data --out code"));
        cli.ok(&format!("mac {key} --in data --out again"));
        cli.ok(&format!("mac {key}-other --in data --out code-other"));
        let code = cli.read("code");
        assert_eq!((code.len(), &code), (len, &cli.read("again")), "{key}");
        assert_ne!(code, cli.read("code-other"), "{key}");
        assert_eq!(cli.ok(&format!("mac {key} --in data")).trim(), hex::encode(&code), "{key}");
        cli.ok(&format!("mac {key} --in data --verify code"));
        cli.fails(1, &format!("mac {key} --in other --verify code"));
        cli.fails(1, &format!("mac {key} --in data --verify code-other"));
        cli.fails(1, &format!("mac {key}-other --in data --verify code"));
        cli.write("short", &code[..len - 1]);
        cli.fails(1, &format!("mac {key} --in data --verify short"));
    }
}

/// OpenSSL 3.0 knows no ML-DSA; the software backend's own tests cross it with another implementation.
#[test]
fn ml_dsa_signs_and_verifies_messages_alone() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.write("message", b"the tally is whole when its halves meet\n");
    cli.write("other", b"the tally is whole when its halves meat\n");
    for (algorithm, signature_len, public_len) in
        [("ml-dsa-44", 2420, 1312), ("ml-dsa-65", 3309, 1952), ("ml-dsa-87", 4627, 2592)]
    {
        let created = cli.json(&format!("key create {algorithm} --algorithm {algorithm} --protection software"));
        assert_eq!((&created["scheme"], &created["purpose"]), (&"ml-dsa".into(), &"sign".into()), "{created}");
        cli.ok(&format!("sign {algorithm} --in message --out one"));
        cli.ok(&format!("sign {algorithm} --in message --out two --format raw"));
        assert_eq!(cli.read("one").len(), signature_len);
        assert_ne!(cli.read("one"), cli.read("two"), "{algorithm}: signatures are hedged");
        cli.ok(&format!("verify {algorithm} --in message --sig one"));
        cli.ok(&format!("verify {algorithm} --in message --sig two"));
        cli.fails(1, &format!("verify {algorithm} --in other --sig one"));
        cli.ok(&format!("key public {algorithm} --out public.pem"));
        openssl_ok(cli.dir(), "asn1parse -in public.pem -out public.der -noout");
        assert_eq!(cli.read("public.der").len(), public_len + 22, "{algorithm}");
        cli.ok(&format!("ledger prove {algorithm}@1 --out bundle"));
        let error =
            cli.fails(2, &format!("key create digests --algorithm {algorithm} --protection software --allow-digest"));
        assert!(error.contains("(UNSUPPORTED_ALGORITHM)"), "{error}");
    }
}

#[test]
fn both_sides_of_an_encapsulation_hold_one_secret() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    cli.ok("key create kem --algorithm ml-kem-768 --protection software");
    cli.ok("key create other --algorithm ml-kem-768 --protection software");
    cli.ok("kem encapsulate kem --out c --secret ours");
    cli.ok("kem decapsulate kem --in c --out theirs");
    let (ciphertext, ours) = (cli.read("c"), cli.read("ours"));
    assert_eq!((ciphertext.len(), ours.len()), (1088, 32));
    assert_eq!(ours, cli.read("theirs"));
    let mode = std::fs::metadata(cli.path("ours")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    // Implicit rejection: no error tells a good ciphertext from a bad one.
    cli.ok("kem decapsulate other --in c --out strange");
    assert_ne!(ours, cli.read("strange"));
    let mut changed = ciphertext.clone();
    changed[500] ^= 1;
    cli.write("changed", &changed);
    cli.ok("kem decapsulate kem --in changed --out strange");
    assert_ne!(ours, cli.read("strange"));
    cli.write("short", &ciphertext[..1087]);
    let error = cli.fails(2, "kem decapsulate kem --in short --out nothing");
    assert!(error.contains("(INVALID_ARGUMENT)"), "{error}");
    // A rotated key takes over for new secrets; the old version still recovers its own, until it is revoked.
    cli.ok("key rotate kem");
    cli.ok("kem decapsulate kem@1 --in c --out theirs");
    assert_eq!(ours, cli.read("theirs"));
    cli.refused("WRONG_STATE", "kem encapsulate kem@1 --out nothing --secret nothing");
    cli.ok("key revoke kem@1 --reason superseded");
    cli.refused("WRONG_STATE", "kem decapsulate kem@1 --in c --out nothing");
    cli.refused("WRONG_PURPOSE", "sign kem --in c --out nothing");
    cli.refused("WRONG_PURPOSE", "encrypt kem --in c --out nothing");
    assert!(!cli.path("nothing").exists());
    let records = cli.json("audit list --key kem --limit 100");
    let operations: Vec<_> = records["records"].as_array().unwrap().iter().map(|r| r["operation"].clone()).collect();
    assert!(operations.contains(&"Encapsulate".into()) && operations.contains(&"Decapsulate".into()), "{records}");
}

#[test]
fn a_retired_algorithm_makes_no_keys_and_old_ones_go_on() {
    let builder = ConfigBuilder::new(Storage::Sqlite);
    let daemon = Daemon::start_config(&builder);
    builder.write_profiles(&daemon);
    let cli = daemon.cli("admin");
    cli.write("message", b"old and gone");
    cli.ok("key create old --algorithm rsa2048 --protection software");
    let stopped = daemon.terminate();
    let file = stopped.scratch().join("hufu.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "[retire]\nrsa2048 = \"2020-01-01\"\nrsa3072 = \"2999-12-31\"\n").unwrap();
    let daemon = stopped.start();
    builder.write_profiles(&daemon);
    let cli = daemon.cli("admin");
    for line in ["key create new --algorithm rsa2048 --protection hsm", "key rotate old"] {
        let error = cli.fails(2, line);
        assert!(error.contains("(UNSUPPORTED_ALGORITHM)") && error.contains("rsa2048 is retired"), "{line}: {error}");
    }
    cli.ok("sign old --in message --out signature");
    cli.ok("verify old --in message --sig signature");
    cli.ok("key create new --algorithm rsa3072 --protection software");
}

#[test]
fn random_bytes_come_from_either_source_and_never_twice() {
    let daemon = Daemon::start_dev();
    let cli = daemon.cli("admin");
    for source in ["hsm", "software"] {
        cli.ok(&format!("random --bytes 32 --source {source} --out first"));
        cli.ok(&format!("random --bytes 32 --source {source} --out second"));
        assert_eq!(cli.read("first").len(), 32);
        assert_ne!(cli.read("first"), cli.read("second"), "{source}");
    }
    cli.ok("random --bytes 65536 --out large");
    assert_eq!(cli.read("large").len(), 65_536);
}
