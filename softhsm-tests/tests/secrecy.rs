//! What is secret is nowhere but where it belongs: not in logs, errors, metrics, the audit or the database.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hufu_sdk::{Client, Data, Derivation, KeyRef, NewKey, v1};
use hufu_softhsm_tests::{Daemon, Tool};

/// Bytes that nobody but the caller may see, and what they are.
struct Known {
    what: &'static str,
    bytes: Vec<u8>,
}

impl Known {
    fn new(what: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        Self { what, bytes: bytes.as_ref().to_vec() }
    }

    /// The ways in which the bytes could be written. Half of them is enough to be recognized.
    fn forms(&self) -> Vec<Vec<u8>> {
        let part = &self.bytes[..(self.bytes.len() / 2).max(12)];
        let decimal = part.iter().map(u8::to_string).collect::<Vec<_>>();
        let mut forms = vec![
            part.to_vec(),
            hex::encode(part).into_bytes(),
            hex::encode_upper(part).into_bytes(),
            decimal.join(", ").into_bytes(),
            decimal.join(",").into_bytes(),
            part.escape_ascii().to_string().into_bytes(),
        ];
        // In base64 the letters depend on where the bytes begin within their group of three.
        for skip in 0..3 {
            let aligned = &part[skip..skip + (part.len() - skip) / 3 * 3];
            forms.extend(
                [STANDARD.encode(aligned), STANDARD_NO_PAD.encode(aligned), URL_SAFE_NO_PAD.encode(aligned)]
                    .map(String::into_bytes),
            );
        }
        forms.sort();
        forms.dedup();
        forms
    }
}

/// Finds any of many secrets in one pass over what somebody can read.
#[derive(Default)]
struct Detector {
    /// What each form is, by its first bytes.
    forms: HashMap<[u8; PREFIX_LEN], Vec<(Vec<u8>, &'static str)>>,
}

/// No form is shorter.
const PREFIX_LEN: usize = 8;

impl Detector {
    fn add(&mut self, secrets: impl IntoIterator<Item = Known>) {
        for secret in secrets {
            for form in secret.forms() {
                let prefix = *form.first_chunk().unwrap();
                self.forms.entry(prefix).or_default().push((form, secret.what));
            }
        }
    }

    /// What is in the content, and where.
    fn find(&self, content: &[u8]) -> Option<(&'static str, usize)> {
        content.windows(PREFIX_LEN).enumerate().find_map(|(at, window)| {
            let candidates = self.forms.get(window)?;
            let found = candidates.iter().find(|(form, _)| content[at..].starts_with(form))?;
            Some((found.1, at))
        })
    }

    /// Fails when one of the secrets is in what somebody can read.
    fn nothing_in(&self, place: &str, content: &[u8]) {
        let found = self.find(content);
        assert_eq!(found, None, "a secret is in {place}");
    }
}

#[test]
fn secrets_are_found_where_they_are() {
    let secret = || Known::new("a secret", b"a secret of thirty-two bytes....");
    let mut detector = Detector::default();
    detector.add([secret()]);
    for form in secret().forms() {
        let content = [b"before".as_slice(), &form, b"after"].concat();
        assert_eq!(detector.find(&content), Some(("a secret", 6)));
    }
    detector.nothing_in("harmless text", b"nothing to be seen here, only a secret of another kind");
}

fn key(id: &str) -> KeyRef {
    id.parse().unwrap()
}

/// Uses keys in every way, and answers with all that must stay between the service and its caller.
async fn use_secrets(client: &Client) -> Vec<Known> {
    let mut secrets = Vec::new();
    let ciphers = [
        ("aes-hsm", v1::Algorithm::Aes256Gcm, v1::Protection::Hsm),
        ("aes-soft", v1::Algorithm::Aes256Gcm, v1::Protection::Software),
        ("sm4-soft", v1::Algorithm::Sm4Gcm, v1::Protection::Software),
    ];
    for (id, algorithm, protection) in ciphers {
        client.create_key(NewKey::new(id, algorithm, protection)).await.unwrap();
        for number in 0..20 {
            let plaintext = format!("plaintext marker {number} under {id}");
            let aad = format!("associated marker {number} under {id}");
            let sealed = client.encrypt(&key(id), plaintext.as_bytes(), aad.as_bytes()).await.unwrap();
            let opened = client.decrypt(&key(id), &sealed.ciphertext, aad.as_bytes()).await.unwrap();
            assert_eq!(opened.plaintext.as_slice(), plaintext.as_bytes());
            client.decrypt(&key(id), &sealed.ciphertext, b"other").await.unwrap_err();
            let data_key = client.generate_data_key(&key(id), 32, b"").await.unwrap();
            secrets.extend([
                Known::new("a plaintext", plaintext),
                Known::new("additional data", aad),
                Known::new("a ciphertext", &sealed.ciphertext[20..]),
                Known::new("a data key", data_key.plaintext.as_slice()),
            ]);
        }
    }
    secrets.extend(use_signers(client).await);
    client.create_key(NewKey::new("kem", v1::Algorithm::MlKem768, v1::Protection::Software)).await.unwrap();
    for _ in 0..20 {
        let made = client.encapsulate(&key("kem")).await.unwrap();
        let found = client.decapsulate(&key("kem"), &made.ciphertext).await.unwrap();
        assert_eq!(made.shared_secret, found.shared_secret);
        secrets.push(Known::new("a shared secret", made.shared_secret.as_slice()));
    }
    secrets.extend(derive_secrets(client).await);
    for source in [v1::Protection::Hsm, v1::Protection::Software] {
        let random = client.generate_random(64, source).await.unwrap();
        secrets.push(Known::new("random bytes", random.data.as_slice()));
    }
    secrets
}

async fn derive_secrets(client: &Client) -> Vec<Known> {
    let mut secrets = Vec::new();
    for (id, protection) in [("agree-hsm", v1::Protection::Hsm), ("agree-soft", v1::Protection::Software)] {
        let new = NewKey::new(id, v1::Algorithm::P256, protection);
        client.create_key(NewKey { purpose: Some(v1::Purpose::Agree), ..new }).await.unwrap();
        let peer = client.public_key(&key(id)).await.unwrap().spki_der;
        let (kdf, info) = (v1::Kdf::HkdfSha256, b"info marker of a derivation");
        let derivation = Derivation { kdf, salt: b"", info, length_bytes: 32 };
        let derived = client.derive_shared_secret(&key(id), &peer, derivation).await.unwrap();
        secrets.extend([Known::new("a derived key", derived.secret.as_slice()), Known::new("an info", info)]);
    }
    secrets
}

async fn use_signers(client: &Client) -> Vec<Known> {
    let mut secrets = Vec::new();
    let signers = [
        ("p256-hsm", v1::Algorithm::P256, v1::Protection::Hsm),
        ("sm2-soft", v1::Algorithm::Sm2, v1::Protection::Software),
        ("ed-soft", v1::Algorithm::Ed25519, v1::Protection::Software),
    ];
    for (id, algorithm, protection) in signers {
        client.create_key(NewKey::new(id, algorithm, protection)).await.unwrap();
        let message = format!("signed message marker under {id}");
        let signed =
            client.sign(&key(id), Data::Message(message.as_bytes()), v1::SignatureFormat::Raw).await.unwrap();
        client.sign(&key(id), Data::Digest(&[7; 32]), v1::SignatureFormat::Raw).await.unwrap_err();
        secrets.extend([Known::new("a message", message), Known::new("a signature", signed.signature)]);
    }
    client.create_key(NewKey::new("hmac", v1::Algorithm::HmacSha256, v1::Protection::Software)).await.unwrap();
    let code = client.mac(&key("hmac"), b"data marker under a key for codes").await.unwrap().mac;
    secrets.extend([Known::new("data", b"data marker under a key for codes"), Known::new("a code", code)]);
    secrets
}

/// The PIN of the token and the private keys of TLS and the authority.
fn service_secrets(daemon: &Daemon) -> Vec<Known> {
    /// Where the private scalar of a P-256 key is in PKCS#8 (RFC 5208, RFC 5915).
    const SCALAR: std::ops::Range<usize> = 36..68;
    let mut secrets = vec![Known::new("the PIN", fs::read_to_string(daemon.dir().join("pin")).unwrap().trim())];
    for file in ["ca/ca.key", "ca/server.key", "profiles/admin.key"] {
        let pem = fs::read_to_string(daemon.dir().join(file)).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        secrets.push(Known::new("a private key of TLS", &STANDARD.decode(base64).unwrap()[SCALAR]));
    }
    secrets
}

/// Everything in the data directory but the token and what is secret by itself.
fn files_of(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["softhsm", "ca", "profiles"].contains(&name.as_str()) {
            files.extend(files_of(&path));
        } else if path.is_file() && name != "pin" {
            files.push((name, fs::read(&path).unwrap()));
        }
    }
    files
}

fn http_body(address: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut body = Vec::new();
    stream.read_to_end(&mut body).unwrap();
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_output_file_or_row() {
    let daemon = Daemon::start_dev_with(&["--log", "debug"]);
    let client = daemon.client("admin");
    let mut secrets = Detector::default();
    secrets.add(use_secrets(&client).await);
    secrets.add(service_secrets(&daemon));
    let cli = daemon.cli("admin");
    cli.write("marker", b"plaintext marker that cannot be decrypted");
    secrets.add([Known::new("a refused ciphertext", b"plaintext marker that cannot be decrypted")]);
    let refused = cli.run("decrypt aes-hsm --in marker --out nothing");
    secrets.nothing_in("an error", refused.stderr.as_bytes());
    cli.ok("audit export --out export.jsonl");
    let exported = String::from_utf8(cli.read("export.jsonl")).unwrap();
    for line in exported.lines() {
        let segment: serde_json::Value = serde_json::from_str(line).unwrap();
        let records = STANDARD.decode(segment["records_base64"].as_str().unwrap()).unwrap();
        secrets.nothing_in("the exported audit", &records);
    }
    secrets.nothing_in("the listed audit", cli.ok("--output json audit list --limit 1000").as_bytes());
    secrets.nothing_in("the status", cli.ok("--output json status").as_bytes());
    secrets.nothing_in("the metrics", &http_body(daemon.http("metrics"), "/metrics"));
    assert!(daemon.log().contains("\"DEBUG\""), "it was logged in detail");
    let files = files_of(&daemon.dir());
    for name in ["hufu.db", "hufu.db-wal"] {
        assert!(files.iter().any(|(file, _)| file == name), "{name} was not searched");
    }
    let stopped = daemon.terminate();
    for (name, content) in files.iter().chain(&files_of(&stopped.dir())) {
        secrets.nothing_in(name, content);
    }
    secrets.nothing_in("the log", stopped.log().as_bytes());
}

#[test]
fn secret_files_are_for_their_owner_alone() {
    let daemon = Daemon::start_dev();
    let dir = daemon.dir();
    for file in [
        "",
        "pin",
        "ca/ca.key",
        "ca/server.key",
        "profiles/admin.key",
        "profiles/app.key",
        "hufu.db",
        "softhsm/tokens",
    ] {
        let mode = fs::metadata(dir.join(file)).unwrap().mode();
        assert_eq!(mode & 0o077, 0, "`{file}`: {mode:o}");
    }
    let cli = daemon.cli("admin");
    cli.write("plain", b"plain");
    cli.ok("key create k --algorithm aes256-gcm --protection software");
    cli.ok("encrypt k --in plain --out sealed");
    cli.ok("decrypt k --in sealed --out opened");
    cli.ok("random --bytes 8 --out random");
    for file in ["opened", "random"] {
        assert_eq!(fs::metadata(cli.path(file)).unwrap().mode() & 0o777, 0o600, "{file}");
    }
}

/// A number of `/proc/PID/status`, in KiB.
fn status_kib(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn secret_memory_is_locked_and_no_core_is_written() {
    let daemon = Daemon::start_dev();
    assert!(status_kib(daemon.pid(), "VmLck:") > 0);
    assert_eq!(status_kib(daemon.pid(), "VmSwap:"), 0);
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

/// The files of a process that may not be dumped belong to root (proc(5)), even against its own user.
#[test]
fn even_its_own_user_cannot_read_its_memory() {
    const NOBODY: u32 = 65_534;
    if fs::metadata("/proc/self/mem").unwrap().uid() != 0 {
        println!("skipped: memory of a server of another user: this test needs root");
        return;
    }
    let Ok(daemon) = Daemon::try_start_dev_as(NOBODY) else {
        println!("skipped: memory of a server of another user: that user cannot run `hufud` here");
        return;
    };
    let pid = daemon.pid();
    assert_eq!(fs::metadata(format!("/proc/{pid}")).unwrap().uid(), NOBODY, "it runs as that user");
    assert_eq!(fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid(), 0, "it may not be dumped");
    let read = |file: &str| {
        Tool::new("setpriv")
            .args([
                &format!("--reuid={NOBODY}"),
                &format!("--regid={NOBODY}"),
                "--clear-groups",
                "head",
                "-c",
                "1",
                file,
            ])
            .output()
    };
    assert!(read("/proc/self/environ").status.success(), "that user can read what is its own");
    for file in ["mem", "environ", "maps"] {
        let output = read(&format!("/proc/{pid}/{file}"));
        assert!(!output.status.success(), "`{file}` can be read");
    }
}
