//! What is served over HTTP: the public ledger, and metrics.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{scene, serves};

/// Length of a hash in a tile, in bytes.
const HASH_LEN: usize = 32;

/// An answer of HTTP/1.1.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path)
}

fn request(address: SocketAddr, method: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes).unwrap();
    Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), body }
}

#[tokio::test(flavor = "multi_thread")]
async fn anyone_can_read_checkpoint_and_tiles() {
    let (daemon, client) = scene().await;
    client.prove_key_version(&"k".parse().unwrap()).await.unwrap();
    let address = daemon.http("ledger");
    let answer = get(address, "/checkpoint");
    assert_eq!(answer.status, 200);
    let note = String::from_utf8(answer.body).unwrap();
    let told = client.checkpoint().await.unwrap();
    let mut lines = note.lines();
    assert_eq!(lines.next(), Some(told.origin.as_str()));
    let size: usize = lines.next().unwrap().parse().unwrap();
    let key = hufu_sdk::offline::verifier_key(&client.log_key().await.unwrap().verifier_key).unwrap();
    assert_eq!(hufu_sdk::offline::tree_size(note.as_bytes(), &key).unwrap(), u64::try_from(size).unwrap());
    let hashes = get(address, &format!("/tile/0/000.p/{size}"));
    assert_eq!((hashes.status, hashes.body.len()), (200, size * HASH_LEN));
    let entries = get(address, &format!("/tile/entries/000.p/{size}"));
    assert_eq!(entries.status, 200);
    assert!(entries.body.len() > size, "{}", entries.body.len());
    serves(&daemon, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_paths_are_not_found_and_tell_nothing() {
    let (daemon, client) = scene().await;
    client.prove_key_version(&"k".parse().unwrap()).await.unwrap();
    let address = daemon.http("ledger");
    let long = format!("/tile/0/{}", "x001/".repeat(1_000));
    let paths = [
        "/",
        "/nothing",
        "/checkpoint/",
        "/tile",
        "/tile/",
        "/tile/0",
        "/tile/0/",
        "/tile/0/0",
        "/tile/0/000",
        "/tile/0/999",
        "/tile/0/000.p/0",
        "/tile/0/000.p/255",
        "/tile/0/000.p/256",
        "/tile/0/000.p/01",
        "/tile/0/-01",
        "/tile/64/000",
        "/tile/00/000",
        "/tile/entries/001",
        "/tile/0/x001",
        "/tile/0/000.p/1/../../../checkpoint",
        "/tile/../../../../etc/passwd",
        "/tile/%2e%2e/%2e%2e/etc/passwd",
        "/tile/0/%00",
        "/tile/0/%ff",
        long.as_str(),
    ];
    for path in paths {
        let answer = get(address, path);
        let shown: String = path.chars().take(60).collect();
        assert!(matches!(answer.status, 400 | 404), "{shown}: {}", answer.status);
        assert!(answer.body.len() < 100, "{shown}: {}", String::from_utf8_lossy(&answer.body));
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(request(address, method, "/checkpoint").status, 405, "{method}");
    }
    serves(&daemon, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_was_done_and_health_tells_the_state() {
    let (daemon, client) = scene().await;
    let address = daemon.http("metrics");
    let count = || {
        let text = String::from_utf8(get(address, "/metrics").body).unwrap();
        assert!(text.ends_with("# EOF\n"), "OpenMetrics text ends so");
        let line =
            text.lines().find(|line| line.contains("rpc=\"Sign\"") && !line.contains("bucket")).map(str::to_owned);
        line.and_then(|line| line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok())).unwrap_or_default()
    };
    let before = count();
    serves(&daemon, &client).await;
    assert!(count() > before, "{before}");
    let health = get(address, "/healthz");
    assert_eq!((health.status, health.body.as_slice()), (200, &b"serving\n"[..]));
    assert_eq!(get(address, "/checkpoint").status, 404, "each listener serves its own");
}
