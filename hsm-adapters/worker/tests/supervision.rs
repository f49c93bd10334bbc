//! Workers that are killed, stopped or replaced by something else cost nobody but themselves.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{BackendError, Health, KeyBackend, Operation, Outcome, Template};
use hufu_core::record::VersionUid;
use hufu_worker::{Config, OpenError, WorkerBackend};
use support::{
    OsRng, assert_signs, config, open, p256, runs, sign, signal, software, soon, until, verifies, with_softhsm,
};

const CALLERS: usize = 16;

/// What callers saw: message and signature, and refusals.
#[derive(Default)]
struct Seen {
    signatures: Vec<(Vec<u8>, Vec<u8>)>,
    refusals: Vec<BackendError>,
}

async fn call_until(over: Arc<AtomicBool>, backend: Arc<WorkerBackend>, key: hufu_core::backend::KeyHandle) -> Seen {
    let mut seen = Seen::default();
    for number in 0u64.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let message = number.to_le_bytes().to_vec();
        match sign(&*backend, &key, &message, Instant::now() + Duration::from_secs(5)).await {
            Ok(signature) => seen.signatures.push((message, signature)),
            Err(error) => {
                seen.refusals.push(error);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
    seen
}

#[test]
fn a_killed_worker_is_replaced_under_load() {
    with_softhsm("a_killed_worker_is_replaced_under_load", async {
        let backend = Arc::new(open());
        let key = p256(&*backend).await;
        let over = Arc::new(AtomicBool::new(false));
        let callers = (0..CALLERS).map(|_| tokio::spawn(call_until(over.clone(), backend.clone(), key.clone())));
        let callers: Vec<_> = callers.collect();
        let mut generation = backend.generation();
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            let old = backend.worker_pid().unwrap();
            signal("-KILL", old);
            let is_new = || backend.worker_pid().is_some_and(|pid| pid != old);
            let back = until("a new worker", Duration::from_secs(20), is_new).await;
            println!("a new worker after {back:?}");
            assert_signs(&*backend, &key).await;
            assert!(backend.generation() > generation, "what was known of the device is lost");
            generation = backend.generation();
        }
        over.store(true, Ordering::Relaxed);
        let verifier = software();
        let (mut signatures, mut refusals) = (0, 0);
        for caller in callers {
            let seen = caller.await.unwrap();
            signatures += seen.signatures.len();
            refusals += seen.refusals.len();
            for (message, signature) in seen.signatures.iter().step_by(7) {
                assert!(verifies(&verifier, &key, message, signature).await);
            }
            for refusal in seen.refusals {
                assert!(matches!(refusal, BackendError::Unavailable(_)), "{refusal:?}");
            }
        }
        println!("{signatures} signatures, {refusals} refusals");
        assert!(signatures > 100 && refusals > 0, "{signatures} {refusals}");
        assert_eq!(backend.health(), Health::Serving);
    });
}

/// Looking for a key twice does no harm, so callers do not learn that a worker was lost.
#[test]
fn what_can_be_repeated_is_repeated() {
    with_softhsm("what_can_be_repeated_is_repeated", async {
        let backend = Arc::new(open());
        let key = p256(&*backend).await;
        let pid = backend.worker_pid().unwrap();
        signal("-STOP", pid);
        let asking = {
            let (backend, uid) = (backend.clone(), key.uid);
            tokio::spawn(async move { backend.perform(Operation::Find(uid), soon()).await })
        };
        let signing = {
            let (backend, key) = (backend.clone(), key.clone());
            tokio::spawn(async move { sign(&*backend, &key, b"message", soon()).await })
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
        signal("-KILL", pid);
        let found = asking.await.unwrap();
        assert!(matches!(found, Ok(Outcome::Found(true))), "{found:?}");
        let signed = signing.await.unwrap();
        assert!(matches!(&signed, Err(BackendError::Unavailable(why)) if why.contains("effect")), "{signed:?}");
        assert_signs(&*backend, &key).await;
    });
}

#[test]
fn a_worker_that_hangs_is_replaced() {
    with_softhsm("a_worker_that_hangs_is_replaced", async {
        let backend = open();
        let key = p256(&backend).await;
        let old = backend.worker_pid().unwrap();
        signal("-STOP", old);
        let began = Instant::now();
        let answer = sign(&backend, &key, b"x", Instant::now() + Duration::from_millis(300)).await;
        assert!(matches!(answer, Err(BackendError::DeadlineExceeded)), "{answer:?}");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        let is_new = || backend.worker_pid().is_some_and(|pid| pid != old);
        let back = until("a new worker", Duration::from_secs(20), is_new).await;
        println!("replaced after {back:?}");
        assert!(!runs(old), "the old one was killed");
        assert_signs(&backend, &key).await;
    });
}

/// Making a modulus of 3072 bits takes longer than anybody waits here, and longer than the worker is given.
#[test]
fn a_call_that_hangs_costs_the_worker() {
    with_softhsm("a_call_that_hangs_costs_the_worker", async {
        let mut config = Config { hang_margin: Duration::from_millis(30), ..config() };
        // Making an RSA key takes longer than ten times this.
        config.token.hang_after = Duration::from_millis(15);
        let backend = WorkerBackend::open(config).unwrap();
        let old = backend.worker_pid().unwrap();
        let give_up = Instant::now() + Duration::from_secs(30);
        while backend.worker_pid() == Some(old) {
            assert!(Instant::now() < give_up, "a call that hangs is noticed");
            let template = Template {
                uid: VersionUid(hufu_core::ambient::random_array(&OsRng).unwrap()),
                algorithm: Algorithm::Rsa3072,
                purpose: Purpose::Sign,
                scheme: Scheme::RsaPssSha256,
                binding: Arc::from([]),
                wrapping_key: None,
                exit: hufu_core::record::Exit::Never,
            };
            let deadline = Instant::now() + Duration::from_millis(5);
            let _ = backend.perform(Operation::Generate(&template), deadline).await;
        }
        until("a new worker", Duration::from_secs(20), || backend.worker_pid().is_some()).await;
        assert!(!runs(old), "the old one was killed");
        assert_signs(&backend, &p256(&backend).await).await;
    });
}

#[test]
fn without_a_worker_callers_are_answered_at_once() {
    with_softhsm("without_a_worker_callers_are_answered_at_once", async {
        let scratch = tempfile::TempDir::new().unwrap();
        let program = scratch.path().join("worker");
        std::fs::copy(support::PROGRAM, &program).unwrap();
        let backend = WorkerBackend::open(Config { program: Some(program.clone()), ..config() }).unwrap();
        let key = p256(&backend).await;
        std::fs::remove_file(&program).unwrap();
        signal("-KILL", backend.worker_pid().unwrap());
        until("the loss", Duration::from_secs(5), || backend.worker_pid().is_none()).await;
        let began = Instant::now();
        let refused = sign(&backend, &key, b"x", soon()).await;
        assert!(matches!(refused, Err(BackendError::Unavailable(_))), "{refused:?}");
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
        assert!(matches!(backend.health(), Health::Down(_)));
        std::fs::copy(support::PROGRAM, &program).unwrap();
        until("a worker", Duration::from_secs(20), || backend.worker_pid().is_some()).await;
        assert_signs(&backend, &key).await;
    });
}

#[test]
fn a_dropped_backend_leaves_no_worker() {
    with_softhsm("a_dropped_backend_leaves_no_worker", async {
        let backend = open();
        let pid = backend.worker_pid().unwrap();
        assert!(runs(pid));
        drop(backend);
        assert!(!runs(pid));
    });
}

#[test]
fn a_missing_program_is_told_with_its_path() {
    with_softhsm("a_missing_program_is_told_with_its_path", async {
        let error = WorkerBackend::open(Config { program: Some("/nonexistent/worker".into()), ..config() });
        let error = error.err().unwrap().to_string();
        assert!(error.contains("`/nonexistent/worker`") && error.contains("No such file"), "{error}");
    });
}

/// A program that speaks otherwise than a worker, in place of one.
fn impostor(scratch: &tempfile::TempDir, script: &str) -> Config {
    let program: PathBuf = scratch.path().join("worker");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    Config { program: Some(program), open_wait: Duration::from_millis(500), ..config() }
}

#[test]
fn garbage_on_the_socket_ends_the_worker_not_the_service() {
    with_softhsm("garbage_on_the_socket_ends_the_worker_not_the_service", async {
        let scripts = [
            (r"printf '\377\377\377\377garbage' >&0; sleep 60", "a frame of 4294967295 bytes"),
            (r"printf '\003\000\000\000abc' >&0; sleep 60", "a malformed frame"),
            // A well-formed pong (CBOR [6, 0, null, false, 0]) before any greeting.
            (r"printf '\006\000\000\000\205\006\000\366\364\000' >&0; sleep 60", "broke the protocol"),
            ("exit 7", "exit code 7"),
            ("kill -SEGV $$", "signal 11"),
            ("sleep 60", "did not open the token in time"),
        ];
        for (script, expected) in scripts {
            let scratch = tempfile::TempDir::new().unwrap();
            let error = WorkerBackend::open(impostor(&scratch, script)).err().unwrap();
            assert!(matches!(error, OpenError::Worker(_)), "{error:?}");
            assert!(error.to_string().contains(expected), "{script}: {error}");
        }
    });
}

#[test]
fn the_worker_started_by_hand_says_who_starts_it() {
    let output = std::process::Command::new(support::PROGRAM).stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("is started by hufud"), "{said}");
    assert!(output.stdout.is_empty());
}
