//! A token that dies or hangs: what callers are told meanwhile, and that it is back by itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

mod support;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use cryptoki::context::Pkcs11;
use hufu_core::backend::{BackendError, Health, KeyBackend, KeyHandle, Operation, SignInput};
use hufu_pkcs11::{Config, Pkcs11Backend, TokenSelector};
use support::remote::{CLIENT, Server};
use support::{MODULE, PIN, assert_signs, p256, provision, secret, sign, token, with_softhsm};

/// Everything is over long before this, except on a machine that stands still.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[test]
fn handles_die_with_a_restart_by_another_backend() {
    with_softhsm("handles_die_with_a_restart_by_another_backend", async {
        let (first, second) = (token(), token());
        let key = p256(&first).await;
        assert_signs(&first, &key).await;
        let generation = first.generation();
        Pkcs11::new(MODULE).unwrap().finalize().unwrap();
        // This one finds out, and starts the module anew.
        assert_signs(&second, &key).await;
        assert!(first.generation() > generation);
        assert_signs(&first, &key).await;
    });
}

#[test]
fn a_token_is_back_when_its_killed_server_is() {
    const TEST: &str = "a_token_is_back_when_its_killed_server_is";
    if !Server::is_here(TEST) {
        return;
    }
    with_softhsm(TEST, async {
        let serial = provision();
        let mut server = Server::start();
        let backend = remote(&serial, Duration::from_secs(3));
        let key = p256(&backend).await;
        assert_signs(&backend, &key).await;
        for _ in 0..3 {
            let generation = backend.generation();
            drop(server);
            must_refuse_at_once(&backend, &key).await;
            server = Server::start();
            println!("back after {:?}", must_be_back(&backend, &key).await);
            assert_signs(&backend, &key).await;
            assert!(backend.generation() > generation, "what was known is void");
        }
        drop(backend);
        drop(server);
    });
}

#[test]
fn sessions_that_all_hang_are_told_at_once() {
    const TEST: &str = "sessions_that_all_hang_are_told_at_once";
    if !Server::is_here(TEST) {
        return;
    }
    with_softhsm(TEST, async {
        let serial = provision();
        let server = Server::start();
        let backend = remote(&serial, Duration::from_millis(200));
        let key = p256(&backend).await;
        assert_signs(&backend, &key).await;
        for _ in 0..2 {
            server.freeze();
            must_refuse_at_once(&backend, &key).await;
            server.thaw();
            println!("back after {:?}", must_be_back(&backend, &key).await);
            assert_signs(&backend, &key).await;
        }
        // Those who waited in the queue were answered, too, and nothing of theirs is left to be done.
        assert_eq!(backend.health(), Health::Serving);
        drop(backend);
        drop(server);
    });
}

fn remote(serial: &str, hang_after: Duration) -> Pkcs11Backend {
    let selector = TokenSelector::Serial(serial.to_owned());
    let sessions = NonZeroUsize::new(3).unwrap();
    Pkcs11Backend::open(Config { sessions, hang_after, ..Config::new(CLIENT, selector, secret(PIN)) }).unwrap()
}

/// Callers who have all the time in the world are told `Unavailable` long before it has passed.
async fn must_refuse_at_once(backend: &Pkcs11Backend, key: &KeyHandle) {
    let began = Instant::now();
    let mut at_once = 0;
    while at_once < 20 {
        let asked = Instant::now();
        // Some calls find out first: they may wait for as long as they like, so they are given little.
        let found_out = at_once > 0;
        let patience = if found_out { WAIT_MAX } else { Duration::from_millis(300) };
        let operation = Operation::Sign(key, SignInput::Message(b"message"));
        match backend.perform(operation, asked + patience).await {
            Err(BackendError::Unavailable(_)) => at_once += 1,
            Err(BackendError::DeadlineExceeded) => at_once = 0,
            answer => panic!("{answer:?}"),
        }
        assert!(began.elapsed() < WAIT_MAX, "callers still wait");
    }
    assert!(matches!(backend.health(), Health::Down(_)), "health tells");
}

/// Waits until the key signs again, and answers for how long.
async fn must_be_back(backend: &Pkcs11Backend, key: &KeyHandle) -> Duration {
    let began = Instant::now();
    loop {
        match sign(backend, key).await {
            Ok(_) => return began.elapsed(),
            Err(BackendError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error:?}"),
        }
        assert!(began.elapsed() < WAIT_MAX, "it is not back");
    }
}
