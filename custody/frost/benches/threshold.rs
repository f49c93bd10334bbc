//! What a threshold signature costs beside a signature of one party, and what generating a key costs. Everything runs
//! on one thread, in processor time; those of a holder and of the coordinator are told apart, since in the field each
//! has its own machine. No network is in it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may fail by panicking and prints its results")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::{OpenSealer, Run, SUITES, commitments, random, session};
use ed25519_dalek::Signer;
use hufu_frost::{KeyShare, MessageDigest, SigningPackage, Suite, aggregate};

const MESSAGE: [u8; 32] = [0x5a; 32];

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let rounds = if quick { 3 } else { 300 };
    for suite in SUITES {
        let single = single_party(suite, rounds);
        println!("{suite}: one party signs: {:.1} µs", micros(single));
        for (t, n) in [(2, 3), (5, 7)] {
            signatures(suite, t, n, rounds, single);
        }
    }
    for suite in SUITES {
        key_generation(suite, 3, 5, if quick { 1 } else { 50 });
        if quick {
            println!("skipped: 32/64 with --quick");
        } else {
            key_generation(suite, 32, 64, 1);
        }
    }
}

/// The mean time of a signature by a key that one party holds, RFC 8032 or BIP-340.
fn single_party(suite: Suite, rounds: u32) -> Duration {
    match suite {
        Suite::Ed25519 => {
            let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
            mean(rounds * 10, || key.sign(black_box(&MESSAGE)))
        }
        Suite::Bip340 => {
            let key = k256::schnorr::SigningKey::from_slice(&[7; 32]).unwrap();
            mean(rounds * 10, || key.sign_raw(black_box(&MESSAGE), &[9; 32]).unwrap())
        }
    }
}

fn signatures(suite: Suite, t: u8, n: u8, rounds: u32, single: Duration) {
    let keys = common::shares(suite, t, n);
    let signers: Vec<_> = keys.iter().take(t.into()).collect();
    let group = signers.first().unwrap().group();
    let seeds: Vec<_> = (0..rounds).map(|round| format!("bench {round}")).collect();
    // One step of all signatures, then the next: so each step is long enough to be measured.
    let started = cpu();
    let committed = seeds.iter().map(|seed| commitments(&signers, session(seed), &MESSAGE, seed));
    let committed: Vec<_> = committed.collect();
    let commit = cpu() - started;
    let (nonces, commitments): (Vec<_>, Vec<_>) = committed.into_iter().unzip();
    let started = cpu();
    let package = |(seed, all): (&String, _)| SigningPackage::new(group, session(seed), &MESSAGE, all).unwrap();
    let packages: Vec<_> =
        seeds.iter().zip(&commitments).map(|(seed, all)| package((seed, all.as_slice()))).collect();
    let mut combine = cpu() - started;
    let started = cpu();
    let shares = nonces.into_iter().zip(&packages).map(|(nonces, package)| {
        let share = |(key, nonces): (&&KeyShare, _)| key.sign(nonces, package).unwrap();
        signers.iter().zip(nonces).map(share).collect::<Vec<_>>()
    });
    let shares: Vec<_> = shares.collect();
    let sign = cpu() - started;
    let started = cpu();
    for (package, shares) in packages.iter().zip(&shares) {
        black_box(aggregate(group, package, shares).unwrap());
    }
    combine += cpu() - started;
    // `commitments` also receives each commitment, as the coordinator does: that part is measured apart.
    let receive = receiving(&signers, rounds);
    println!("{suite}: reading one commitment: {:.0} µs", micros(receive));
    let holder = ((commit + sign) / rounds / t.into()).saturating_sub(receive);
    let coordinator = combine / rounds + receive * t.into();
    let latency = holder + coordinator;
    println!(
        "{suite} {t}/{n}: latency {:.0} µs ({:.0} × one party): a holder {:.0} µs ({:.0}/s), the coordinator {:.0} µs ({:.0}/s)",
        micros(latency),
        micros(latency) / micros(single),
        micros(holder),
        1e6 / micros(holder),
        micros(coordinator),
        1e6 / micros(coordinator),
    );
}

/// The mean time of reading and checking one commitment.
fn receiving(signers: &[&KeyShare], rounds: u32) -> Duration {
    let key = signers.first().unwrap();
    let digest = MessageDigest::of(&MESSAGE);
    let (nonces, commitment) = key.commit(session("receive"), digest, &mut random("receive")).unwrap();
    let bytes = commitment.to_bytes();
    let receive = || hufu_frost::Commitment::receive(key.group(), nonces.purpose(), key.me(), &bytes).unwrap();
    mean(rounds, receive)
}

/// One holder's time in each step; the others' steps run too, unmeasured.
fn key_generation(suite: Suite, t: u8, n: u8, rounds: u32) {
    let mut steps = [Duration::ZERO; 3];
    for _ in 0..rounds {
        for (sum, step) in steps.iter_mut().zip(key_generation_steps(&Run::new(suite, t, n, "bench"))) {
            *sum += step / rounds;
        }
    }
    let [begin, prove, combine] = steps.map(millis);
    println!(
        "{suite} {t}/{n}: key generation {:.1} ms a holder (commit {begin:.1}, check proofs {prove:.1}, check shares {combine:.1})",
        begin + prove + combine,
    );
}

fn key_generation_steps(run: &Run) -> [Duration; 3] {
    let me = common::id(1);
    let started = cpu();
    black_box(run.begin(me));
    let begin = cpu() - started;
    let mut states = run.round1(|_, _, package| package.to_vec()).unwrap();
    let mine = states.remove(&me).unwrap();
    let started = cpu();
    black_box(mine.finish().unwrap());
    let prove = cpu() - started;
    let states = run.echo(run.round1(|_, _, package| package.to_vec()).unwrap()).unwrap();
    let (mut states, sealed) = run.deal(states).unwrap();
    let mut mine = states.remove(&me).unwrap();
    for ((from, _), package) in sealed.iter().filter(|((_, to), _)| *to == me) {
        mine.receive(*from, package, &mut OpenSealer(me)).unwrap();
    }
    let started = cpu();
    black_box(mine.finish().unwrap());
    [begin, prove, cpu() - started]
}

fn mean<T>(rounds: u32, mut work: impl FnMut() -> T) -> Duration {
    let started = cpu();
    for _ in 0..rounds {
        black_box(work());
    }
    (cpu() - started) / rounds
}

/// The processor's time that this thread has had, which others on the machine do not change; wall time where the
/// system does not tell it.
fn cpu() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
