//! The command without a service: exit codes, and how errors read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

fn hufu(dir: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hufu"))
        .args(line.split_whitespace())
        .current_dir(dir)
        .env_remove("HUFU_PROFILE")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the line, checks the exit code and that nothing was written to standard output; returns standard error.
fn fails(dir: &Path, line: &str, code: i32) -> String {
    let output = hufu(dir, line);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}: {error}");
    assert!(output.stdout.is_empty(), "{line}");
    error
}

#[test]
fn without_a_profile_it_says_where_profiles_come_from() {
    let dir = tempfile::tempdir().unwrap();
    let error = fails(dir.path(), "status", 2);
    assert!(error.starts_with("error: no profile: "), "{error}");
    assert!(error.contains("\nhelp: name one with `--profile FILE`"), "{error}");
}

#[test]
fn a_bad_profile_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = fails(dir.path(), "status --profile none.toml", 2);
    assert!(error.starts_with("error: cannot read profile `none.toml`: "), "{error}");
    fs::write(dir.path().join("p.toml"), "server = 1").unwrap();
    let error = fails(dir.path(), "status --profile p.toml", 2);
    assert!(error.contains("profile `p.toml`: "), "{error}");
}

#[test]
fn the_default_profile_is_used_when_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let profiles = dir.path().join("hufu-data/profiles");
    fs::create_dir_all(&profiles).unwrap();
    fs::write(profiles.join("admin.toml"), "rubbish").unwrap();
    let error = fails(dir.path(), "key list", 2);
    assert!(error.contains("`hufu-data/profiles/admin.toml`"), "{error}");
}

#[test]
fn destroying_without_a_terminal_needs_yes() {
    let dir = tempfile::tempdir().unwrap();
    profile(dir.path());
    let error = fails(dir.path(), "--profile p.toml key schedule-destroy k@1 --after 1h", 2);
    assert!(error.contains("help: add `--yes`"), "{error}");
}

#[test]
fn inputs_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("big"), vec![0; (1 << 20) + 1]).unwrap();
    let error = fails(dir.path(), "sign k --in big --out s", 2);
    assert!(error.contains("`big` is longer than 1048576 bytes") && error.contains("--allow-digest"), "{error}");
    let error = fails(dir.path(), "sign k --in big --digest --out s", 2);
    assert!(error.contains("the most for a digest"), "{error}");
    assert!(!dir.path().join("s").exists());
}

#[test]
fn a_bundle_is_checked_without_profile_and_service() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bundle"), "rubbish").unwrap();
    fs::write(dir.path().join("bad.key"), "rubbish").unwrap();
    let error = fails(dir.path(), "ledger verify bundle --key bad.key", 2);
    assert!(error.starts_with("error: no verifier key of a log: "), "{error}");

    let key = hufu_sdk::offline::VerifierKey::new("example.org/log", [0; 32]).unwrap();
    fs::write(dir.path().join("log.key"), format!("{key}\n")).unwrap();
    let error = fails(dir.path(), "ledger verify bundle --key log.key", 1);
    assert!(error.starts_with("error: does not verify: "), "{error}");
}

#[test]
fn an_attestation_is_checked_without_profile_and_service() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["s", "r"] {
        fs::write(dir.path().join(name), "rubbish").unwrap();
    }
    let key = rcgen::KeyPair::generate().unwrap();
    fs::write(dir.path().join("k.pem"), key.public_key_pem()).unwrap();
    let root = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    fs::write(dir.path().join("root.pem"), root.pem()).unwrap();
    let error = fails(dir.path(), "hsm verify-attestation s --key s --anchor root.pem", 2);
    assert!(error.starts_with("error: key is not attested: public key is neither"), "{error}");
    let error = fails(dir.path(), "hsm verify-attestation s --key k.pem --anchor r", 2);
    assert!(error.contains("trust anchor: neither DER nor PEM"), "{error}");
    let error = fails(dir.path(), "hsm verify-attestation s --key k.pem --anchor root.pem", 1);
    assert!(error.contains("statement: neither DER nor PEM"), "{error}");
    let error = fails(dir.path(), "hsm verify-attestation root.pem --key k.pem --anchor root.pem", 1);
    assert!(error.contains("neither a YubiKey PIV attestation nor a Luna confirmation"), "{error}");
}

#[test]
fn genuine_attestations_are_told() {
    let Some(fixtures) = std::env::var_os("HUFU_FIXTURES") else {
        println!("skipped: HUFU_FIXTURES not set");
        return;
    };
    let dir = Path::new(&fixtures).join("hsm-attestation");
    let line =
        "hsm verify-attestation luna-rsa-pkc.p7b --key luna-rsa.csr --anchor luna-root.pem --at 2025-06-19T12:00:00Z";
    let told = |line: &str| {
        let output = hufu(&dir, line);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = told(line);
    for part in ["attested by  Thales\n", "serial       521174\n", "stays there  yes\n", "Chrysalis-ITS Root"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = told(&format!("{line} --output json"));
    assert!(json.contains("\"generated_on_device\": true") && json.contains("\"model\": \"Luna K7\""), "{json}");
    let error = fails(&dir, &line.replace("2025", "2033"), 1);
    assert!(error.ends_with("expired\n"), "{error}");
    let error = fails(&dir, &line.replace("luna-root", "yubikey-piv-root"), 1);
    assert!(error.contains("no trust anchor"), "{error}");
}

#[test]
fn a_service_that_is_not_there_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    profile(dir.path());
    let error = fails(dir.path(), "--profile p.toml --timeout 300ms status", 5);
    assert!(error.contains("nothing listens there") && error.contains("is `hufud` running"), "{error}");
}

#[test]
fn clap_refuses_with_the_code_for_usage() {
    let dir = tempfile::tempdir().unwrap();
    fails(dir.path(), "key create k --algorithm p999 --protection hsm", 2);
    let help = hufu(dir.path(), "--help");
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("Exit codes:"));
}

#[test]
fn completion_scripts_are_printed() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = hufu(dir.path(), &format!("completion {shell}"));
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains("schedule-destroy"), "{shell}");
    }
}

/// A profile whose certificates are good and whose server is not there.
fn profile(dir: &Path) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["admin".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(dir.join("c.pem"), certificate.pem()).unwrap();
    fs::write(dir.join("k.pem"), key.serialize_pem()).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    let text = format!(
        "server = 'https://127.0.0.1:{port}'\ntenant = 'dev'\nca_file = 'c.pem'\n\
         certificate_file = 'c.pem'\nkey_file = 'k.pem'\n"
    );
    fs::write(dir.join("p.toml"), text).unwrap();
}
