//! The PIN: presented once when it is wrong, and shown to nobody.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hufu_core::backend::{BackendError, Health, KeyBackend};
use hufu_worker::{Config, OpenError, WorkerBackend};
use support::{MODULE, PIN, PROGRAM, assert_signs, open, p256, sign, signal, soon, until, with_pin, with_softhsm};

#[test]
fn a_wrong_pin_is_refused_at_the_start() {
    with_softhsm("a_wrong_pin_is_refused_at_the_start", async {
        let error = WorkerBackend::open(with_pin("0000000")).err().unwrap();
        let credentials = matches!(
            &error,
            OpenError::Token(hufu_pkcs11::OpenError::Backend(BackendError::Credentials(why))) if why.contains("PinIncorrect")
        );
        assert!(credentials, "{error:?}");
        assert_signs(&open(), &p256(&open()).await).await;
    });
}

/// Another program changes the PIN; the next worker presents the old one, is refused, and is the last.
#[test]
fn a_pin_that_became_wrong_is_presented_once() {
    with_softhsm("a_pin_that_became_wrong_is_presented_once", async {
        let backend = open();
        let key = p256(&backend).await;
        if !change_pin(PIN, "7654321") {
            return println!("skipped: a_pin_that_became_wrong_is_presented_once: no pkcs11-tool");
        }
        signal("-KILL", backend.worker_pid().unwrap());
        let refused = || matches!(backend.health(), Health::Down(why) if why.contains("PinIncorrect"));
        until("the refusal", Duration::from_secs(10), refused).await;
        assert!(change_pin("7654321", PIN));
        // Were it presented again, it would be accepted now.
        for _ in 0..20 {
            assert_eq!(backend.worker_pid(), None);
            let answer = sign(&backend, &key, b"x", soon()).await;
            assert!(matches!(answer, Err(BackendError::Credentials(_))), "{answer:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        drop(backend);
        assert_signs(&open(), &key).await;
    });
}

fn change_pin(old: &str, new: &str) -> bool {
    let changed = Command::new("pkcs11-tool")
        .args(["--module", MODULE, "--login", "--pin", old, "--change-pin", "--new-pin", new])
        .output();
    changed.is_ok_and(|output| output.status.success())
}

#[test]
fn nobody_sees_the_pin_and_the_worker_sees_little() {
    with_softhsm("nobody_sees_the_pin_and_the_worker_sees_little", async {
        let backend = open();
        let process = format!("/proc/{}", backend.worker_pid().unwrap());
        let shown = std::fs::read(format!("{process}/cmdline")).unwrap();
        assert!(!contains(&shown, PIN), "in the arguments");
        // A process that cannot be dumped shows these to root alone.
        let (environ, fds) =
            (std::fs::read(format!("{process}/environ")), std::fs::read_dir(format!("{process}/fd")));
        let (Ok(environ), Ok(fds)) = (environ, fds) else {
            return println!("skipped: nobody_sees_the_pin_and_the_worker_sees_little: only root can look");
        };
        assert!(!contains(&environ, PIN), "in the environment");
        assert!(contains(&environ, "SOFTHSM2_CONF=") && !contains(&environ, "CARGO"), "what drivers need");
        let mut sockets = 0;
        for fd in fds.flatten() {
            let target = std::fs::read_link(fd.path()).unwrap_or_default().display().to_string();
            sockets += usize::from(target.starts_with("socket:"));
            let expected = ["socket:", "anon_inode:", "pipe:"].iter().any(|kind| target.starts_with(kind));
            let tokens = target.contains("/tokens") || target.ends_with(".lock");
            assert!(expected || tokens, "an open {target}");
        }
        // Standard input, output and error, two copies of the first.
        assert!(sockets <= 5, "{sockets}");
    });
}

/// Our own descriptors are closed at exec; one of a library that forgot to say so must not reach the driver either.
#[test]
fn a_descriptor_left_open_does_not_reach_the_driver() {
    with_softhsm("a_descriptor_left_open_does_not_reach_the_driver", async {
        let scratch = tempfile::TempDir::new().unwrap();
        let program = scratch.path().join("worker");
        let script = format!("#!/bin/sh\nexec 9</etc/passwd\nexec {PROGRAM}\n");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let backend = WorkerBackend::open(Config { program: Some(program), ..with_pin(PIN) }).unwrap();
        let Ok(fds) = std::fs::read_dir(format!("/proc/{}/fd", backend.worker_pid().unwrap())) else {
            return println!("skipped: a_descriptor_left_open_does_not_reach_the_driver: only root can look");
        };
        let open = fds.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
        assert!(open.into_iter().all(|target| target != Path::new("/etc/passwd")));
        assert_signs(&backend, &p256(&backend).await).await;
    });
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
