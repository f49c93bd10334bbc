//! What the client makes of connections that fail, and when it repeats a call.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod support;

use std::{collections::HashMap, fs, time::Duration};

use hufu_sdk::{Client, Data, Error, KeyRef, NewKey, v1};
use support::{Authority, Script, profile, serve};
use tokio::io::AsyncWriteExt as _;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

fn unavailable(retry: bool) -> Status {
    let mut details = ErrorDetails::with_error_info("OVERLOADED", "hufu", HashMap::new());
    if retry {
        details.set_retry_info(Some(Duration::from_millis(1)));
    }
    Status::with_error_details(Code::Unavailable, "busy", details)
}

fn key() -> KeyRef {
    "k".parse().unwrap()
}

async fn client(script: Script) -> (Client, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let port = serve(script, &authority).await;
    let profile = profile(dir.path(), port, &authority, &authority);
    (Client::new(&profile).unwrap(), dir)
}

async fn sign(client: &Client) -> Result<v1::SignResponse, Error> {
    client.sign(&key(), Data::Message(b"m"), v1::SignatureFormat::Der).await
}

#[tokio::test]
async fn a_change_is_repeated_under_one_request_id() {
    let script = Script::fails_with([unavailable(false), unavailable(true)]);
    let (client, _dir) = client(script.clone()).await;
    let key = NewKey::new("k", v1::Algorithm::P256, v1::Protection::Hsm);
    client.create_key(key.clone()).await.unwrap();
    let seen = script.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|id| *id == seen[0] && id.len() == 36), "{seen:?}");

    client.create_key(key).await.unwrap();
    assert_ne!(script.seen().last(), seen.last());
}

#[tokio::test]
async fn attempts_are_bounded() {
    let script = Script::fails_with(std::iter::repeat_with(|| unavailable(true)).take(50));
    let (client, _dir) = client(script.clone()).await;
    let error = client.rotate_key(&key()).await.unwrap_err();
    assert_eq!(error.reason(), Some("OVERLOADED"));
    assert_eq!(script.seen().len(), 5);
}

#[tokio::test]
async fn a_use_of_a_key_is_repeated_only_when_asked() {
    let script = Script::fails_with([unavailable(true), unavailable(false)]);
    let (client, _dir) = client(script.clone()).await;
    assert!(matches!(sign(&client).await, Err(Error::Unavailable { .. })));
    assert_eq!(script.seen(), ["tenants/dev/keys/k"; 2]);
    sign(&client).await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let details = ErrorDetails::with_error_info("WRONG_STATE", "hufu", HashMap::new());
    let status = Status::with_error_details(Code::FailedPrecondition, "the version is revoked", details);
    let script = Script::fails_with([status]);
    let (client, _dir) = client(script.clone()).await;
    let error = client.rotate_key(&key()).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }));
    assert_eq!(error.to_string(), "the version is revoked");
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test]
async fn a_refused_client_certificate_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, other) = (Authority::new(), Authority::new());
    let port = serve(Script::default(), &authority).await;
    let client = Client::new(&profile(dir.path(), port, &authority, &other)).unwrap();
    let error = sign(&client).await.unwrap_err();
    assert!(matches!(error, Error::CertificateRefused { .. }), "{error:?}");
    assert!(error.help().unwrap().contains("certificate_file"), "{error:?}");
}

#[tokio::test]
async fn an_expired_certificate_is_told_without_a_connection() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let profile = profile(dir.path(), 1, &authority, &authority);
    let (certificate, key) = authority.issue_expired("admin");
    fs::write(dir.path().join("c.pem"), certificate + &authority.pem()).unwrap();
    fs::write(dir.path().join("k.pem"), key).unwrap();
    let error = Client::new(&profile).unwrap_err();
    assert!(matches!(error, Error::CertificateRefused { .. }), "{error:?}");
    assert!(error.to_string().ends_with("has expired (not after 2020-01-01T00:00:00Z)"), "{error}");
}

#[tokio::test]
async fn a_port_without_tls_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The client may hang up in the middle.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let client = Client::new(&profile(dir.path(), port, &authority, &authority)).unwrap();
    let error = sign(&client).await.unwrap_err();
    assert!(error.to_string().starts_with("what listens there does not speak TLS"), "{error}");
    assert!(!error.help().unwrap().contains("certificate"), "{error:?}");
}

#[tokio::test]
async fn an_untrusted_service_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, other) = (Authority::new(), Authority::new());
    let port = serve(Script::default(), &authority).await;
    let client = Client::new(&profile(dir.path(), port, &other, &authority)).unwrap();
    let error = sign(&client).await.unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
    assert!(error.help().unwrap().contains("ca_file"), "{error:?}");
}

#[tokio::test]
async fn nothing_that_listens_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let client = Client::new(&profile(dir.path(), port, &authority, &authority)).unwrap();
    let error = sign(&client).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the service cannot be reached: nothing listens there");
}

#[tokio::test]
async fn a_silent_service_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = Client::new(&profile(dir.path(), port, &authority, &authority))
        .unwrap()
        .with_timeout(Duration::from_millis(200));
    let error = client.status().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the service did not answer in time");
}

#[tokio::test]
async fn profiles_that_cannot_work_are_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let good = profile(dir.path(), 1, &authority, &authority);
    for server in ["http://localhost:1", "https://localhost", "https://h:1/path", "localhost:1", "https://"] {
        let mut bad = good.clone();
        bad.server = server.to_owned();
        let error = Client::new(&bad).unwrap_err().to_string();
        assert!(error.contains("is not of the form `https://HOST:PORT`"), "{server}: {error}");
    }
    fs::write(dir.path().join("k.pem"), "no key").unwrap();
    let error = Client::new(&good).unwrap_err().to_string();
    assert!(error.contains("cannot be used for TLS"), "{error}");
}
