//! Too many connections: open ones, and ones that say nothing.

use std::time::{Duration, Instant};

use hufu_server::limits::Limits;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::scene::{DISPLACED, PATIENCE, Scene, TIMEOUT};

const TIMEOUT_MS: u64 = 400;

fn limits() -> Limits {
    Limits {
        handshakes: 16,
        handshakes_per_peer: 8,
        handshake_timeout: Duration::from_millis(TIMEOUT_MS),
        connections: 3,
        connections_per_peer: 2,
        ..Limits::default()
    }
}

#[tokio::test]
async fn silent_connections_are_cut_off_in_time() {
    let mut scene = Scene::new(limits()).await;
    let started = Instant::now();
    let mut silent = TcpStream::connect(scene.address).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, silent.read_u8()).await.unwrap();
    assert!(read.is_err(), "the server said something");
    assert!(started.elapsed() >= Duration::from_millis(TIMEOUT_MS - 50));
    scene.refused(TIMEOUT, 1).await;
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let mut scene = Scene::new(limits()).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(scene.address).await.unwrap());
    }
    let identity = scene.authority.certify("client");
    let started = Instant::now();
    let _client = scene.connect(Some(&identity)).await.unwrap();
    scene.admitted().await;
    println!("let in beside 100 silent connections after {:?}", started.elapsed());
    scene.refused(DISPLACED, 92).await;
    scene.refused(TIMEOUT, 7).await;
    assert!(scene.count(DISPLACED) + scene.count(TIMEOUT) <= 100);
}

#[tokio::test]
async fn one_peer_has_its_share_of_connections_and_gets_it_back() {
    let mut scene = Scene::new(limits()).await;
    let identity = scene.authority.certify("client");
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push((scene.connect(Some(&identity)).await.unwrap(), scene.admitted().await));
    }
    assert_eq!(scene.count("hufu_connections "), 2);
    let mut third = scene.connect(Some(&identity)).await.unwrap();
    assert!(tokio::time::timeout(PATIENCE, third.read_u8()).await.unwrap().is_err());
    scene.refused("hufu_connections_refused_total ", 1).await;
    open.pop();
    assert_eq!(scene.count("hufu_connections "), 1);
    let _again = scene.connect(Some(&identity)).await.unwrap();
    scene.admitted().await;
}
