//! Whoever can reach the ports: noise, silence, wrong certificates. Nobody who has a right to be served notices.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificates;
mod http;
mod memory;
mod services;
mod strangers;

use std::time::{Duration, Instant};

use hufu_sdk::{Client, Data, KeyRef, NewKey, v1};
use hufu_softhsm_tests::Daemon;

/// Longest time that one signature may take while somebody misbehaves, on a busy machine.
const LATENCY_MAX: Duration = Duration::from_secs(3);

/// A server with a key, and a client that is to be served whatever happens.
async fn scene() -> (Daemon, Client) {
    let daemon = Daemon::start_dev();
    let client = daemon.client("admin");
    client.create_key(NewKey::new("k", v1::Algorithm::P256, v1::Protection::Hsm)).await.unwrap();
    (daemon, client)
}

/// Somebody who was connected before, and somebody who connects now, have their signatures in time.
async fn serves(daemon: &Daemon, connected: &Client) {
    let key: KeyRef = "k".parse().unwrap();
    for client in [connected.clone(), daemon.client("app")] {
        for _ in 0..10 {
            let begin = Instant::now();
            client.sign(&key, Data::Message(b"message"), v1::SignatureFormat::Der).await.unwrap();
            assert!(begin.elapsed() < LATENCY_MAX, "a signature took {:?}", begin.elapsed());
        }
    }
}
