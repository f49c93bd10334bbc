//! Who is let in, and who is not.

use std::process::{Command, Stdio};

use hufu_server::limits::Limits;
use rcgen::PublicKeyData as _;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::server::Connected as _;

use super::pki::Authority;
use super::scene::{REFUSED, Scene};

#[tokio::test]
async fn a_certified_client_is_let_in_and_known_by_its_public_key() {
    let mut scene = Scene::new(Limits::default()).await;
    let identity = scene.authority.certify("client");
    let _client = scene.connect(Some(&identity)).await.unwrap();
    let peer = scene.admitted().await.connect_info();
    let pin: [u8; 32] = Sha256::digest(identity.key.subject_public_key_info()).into();
    assert_eq!(peer.pin, pin);
    assert!(peer.address.ip().is_loopback());
}

#[tokio::test]
async fn a_client_gets_no_ticket_to_come_back_with() {
    let mut scene = Scene::new(Limits::default()).await;
    let identity = scene.authority.certify("client");
    for _ in 0..2 {
        let client = scene.connect(Some(&identity)).await.unwrap();
        drop(scene.admitted().await);
        let kind = client.get_ref().1.handshake_kind();
        assert_eq!(kind, Some(rustls::HandshakeKind::Full));
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let mut scene = Scene::new(Limits::default()).await;
    if let Ok(mut client) = scene.connect(None).await {
        assert!(client.read_u8().await.is_err());
    }
    scene.refused(REFUSED, 1).await;
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused() {
    let mut scene = Scene::new(Limits::default()).await;
    let stranger = Authority::new().certify("client");
    if let Ok(mut client) = scene.connect(Some(&stranger)).await {
        assert!(client.read_u8().await.is_err());
    }
    scene.refused(REFUSED, 1).await;
}

#[tokio::test]
async fn a_client_that_does_not_speak_http2_is_refused() {
    let mut scene = Scene::new(Limits::default()).await;
    let identity = scene.authority.certify("client");
    let _ = scene.connect_with(Some(&identity), &[b"http/1.1"]).await;
    scene.refused(REFUSED, 1).await;
    let _ = scene.connect_with(Some(&identity), &[]).await;
    scene.refused(REFUSED, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_is_let_in_with_tls_1_3_and_refused_with_tls_1_2() {
    let mut scene = Scene::new(Limits::default()).await;
    let directory = tempfile::tempdir().unwrap();
    scene.authority.certify("client").write(directory.path());
    let s_client = |version: &str| {
        Command::new("openssl")
            .args(["s_client", "-connect", &scene.address.to_string(), "-alpn", "h2", version])
            .args(["-cert", "client.pem", "-key", "client.key"])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let new = String::from_utf8_lossy(&s_client("-tls1_3").stdout).into_owned();
    assert!(new.contains("TLSv1.3") && new.contains("ALPN protocol: h2"), "{new}");
    let old = s_client("-tls1_2");
    assert!(!old.status.success(), "{old:?}");
    drop(scene.admitted().await);
    scene.refused(REFUSED, 1).await;
}

#[tokio::test]
async fn noise_harms_nobody() {
    let mut scene = Scene::new(Limits::default()).await;
    let noises: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0; 4_096],
        &[0xff; 4_096],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[22, 3, 1, 0xff, 0xff],
    ];
    for noise in noises {
        let mut stream = TcpStream::connect(scene.address).await.unwrap();
        // The server may hang up in the middle.
        let _ = stream.write_all(noise).await;
        let _ = stream.shutdown().await;
    }
    scene.refused(REFUSED, noises.len() as u64).await;
    let identity = scene.authority.certify("client");
    let _client = scene.connect(Some(&identity)).await.unwrap();
    scene.admitted().await;
}
