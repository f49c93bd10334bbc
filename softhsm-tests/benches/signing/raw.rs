//! The raw loops that everything is compared with.

use std::path::Path;
use std::process::{self, Command};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use hufu_softhsm_tests::{Tool, softhsm_module};
use sm2::dsa::SigningKey;
use sm2::dsa::signature::Signer as _;

use crate::case::MESSAGE;
use crate::common::load::{Sample, Span};
use crate::common::pace::Pace;
use crate::common::process::cpu_time;
use crate::target::Key;

/// Tells a bench that was started again to be the raw loop on the token.
const TOKEN_LOOP: &str = "--raw-token-loop";
const PIN: &str = "648219";
/// SoftHSM signs digests only.
const DIGEST: [u8; 32] = [0xa5; 32];
/// P-256 as an EcParameters OBJECT IDENTIFIER (RFC 5480 §2.1.1.1).
const P256_PARAMETERS: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// The library below a key, in a loop on this thread.
pub(crate) fn library(key: Key, span: Span) -> Sample {
    let pace = Pace::begin();
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let sm2 = SigningKey::from_slice("1234567812345678", &[7; 32]).unwrap();
    let sign = || match key {
        Key::Sm2 => drop(sm2.sign(&MESSAGE)),
        Key::P256 | Key::P256Hsm => drop(p256.sign(&SystemRandom::new(), &MESSAGE).unwrap()),
    };
    repeat(span.warm_up, sign);
    let (cpu, began) = (cpu_time(process::id()), Instant::now());
    let done = repeat(span.measured, sign);
    pace.relate(sample(done, cpu_time(process::id()) - cpu, began.elapsed(), 1))
}

/// The token in a loop on each of so many sessions, in a process of its own.
pub(crate) fn token(sessions: usize, span: Span) -> Sample {
    let scratch = tempfile::tempdir().unwrap();
    let conf = scratch.path().join("softhsm2.conf");
    make_token(scratch.path(), &conf);
    let pace = Pace::begin();
    let again = Command::new(env::current_exe().unwrap())
        .args([TOKEN_LOOP, &sessions.to_string(), &span.measured.as_millis().to_string()])
        .env("SOFTHSM2_CONF", &conf)
        .output()
        .unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let text = String::from_utf8(again.stdout).unwrap();
    let numbers: Vec<u64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [done, cpu_us, wall_us] = numbers[..] else { panic!("three numbers: {text}") };
    pace.relate(sample(done, Duration::from_micros(cpu_us), Duration::from_micros(wall_us), sessions))
}

fn make_token(dir: &Path, conf: &Path) {
    let tokens = dir.join("tokens");
    fs::create_dir(&tokens).unwrap();
    fs::write(conf, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    Tool::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "raw", "--pin", PIN, "--so-pin", PIN])
        .env("SOFTHSM2_CONF", conf)
        .ok();
}

/// The arguments of a bench that was started again for the loop on the token: sessions and milliseconds.
pub(crate) fn token_loop_wanted(arguments: &[String]) -> Option<(usize, Duration)> {
    let [first, sessions, milliseconds] = arguments else { return None };
    let wanted = first == TOKEN_LOOP;
    wanted.then(|| (sessions.parse().unwrap(), Duration::from_millis(milliseconds.parse().unwrap())))
}

/// Signs on every session for a while; prints how many signatures there were and their processor and wall time in
/// microseconds.
pub(crate) fn sign_on_token((sessions, span): (usize, Duration)) {
    let context = Pkcs11::new(softhsm_module()).unwrap();
    context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slot = context.get_slots_with_initialized_token().unwrap()[0];
    let first = context.open_rw_session(slot).unwrap();
    first.login(UserType::User, Some(&AuthPin::new(PIN.into()))).unwrap();
    let key = generate(&first);
    let others = (1..sessions).map(|_| context.open_rw_session(slot).unwrap());
    let all: Vec<Session> = std::iter::once(first).chain(others).collect();
    let (cpu, began) = (cpu_time(process::id()), Instant::now());
    let threads = all.into_iter().map(|session| {
        thread::spawn(move || repeat(span, || drop(session.sign(&Mechanism::Ecdsa, key, &DIGEST).unwrap())))
    });
    let threads: Vec<_> = threads.collect();
    let done: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("{done} {} {}", (cpu_time(process::id()) - cpu).as_micros(), began.elapsed().as_micros());
}

fn generate(session: &Session) -> ObjectHandle {
    let public = [Attribute::EcParams(P256_PARAMETERS.to_vec()), Attribute::Verify(true)];
    let private =
        [Attribute::Token(true), Attribute::Private(true), Attribute::Sensitive(true), Attribute::Sign(true)];
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap().1
}

fn repeat(span: Duration, work: impl Fn()) -> u64 {
    let end = Instant::now() + span;
    let mut done = 0;
    while Instant::now() < end {
        work();
        done += 1;
    }
    done
}

/// A loop has no latency of its own: each signature follows the one before.
fn sample(done: u64, cpu: Duration, wall: Duration, threads: usize) -> Sample {
    let done = done as f64;
    let each_us = wall.as_secs_f64() * 1e6 * threads as f64 / done;
    Sample {
        rate: done / wall.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / done,
        steady_cpu_us: f64::NAN,
        p50_us: each_us,
        p99_us: f64::NAN,
    }
}
