//! SIGKILL for a holder and for the service, at each step of a key generation and of a signature, with everything that holders gave
//! out written down on the way: no nonce makes two shares, t holders sign, and what was cut is begun anew under the same name.

use std::thread;

use super::field::{AS, Field, Setting};
use super::openssl_takes;
use super::relay::{Call, Side, Stop};

/// Every call of a generation to one holder; each of the three rounds brings messages once.
const GENERATION: [(Call, usize); 5] =
    [(Call::Begin, 1), (Call::Continue, 1), (Call::Continue, 2), (Call::Continue, 3), (Call::Finish, 1)];
const SIDES: [Side; 2] = [Side::Before, Side::After];

/// Who is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Victim {
    Service,
    Holder,
}

fn relayed() -> Field {
    Field::new(Setting { relayed: true, ..Setting::default() })
}

/// Runs a line while somebody is killed at that call; answers with the exit code.
fn run_and_kill(field: &mut Field, line: &str, stop: Stop, victim: Victim) -> i32 {
    let (cli, waits) = (field.cli(), field.relays().stop_at(stop));
    thread::scope(|scope| {
        let run = scope.spawn(|| cli.run(line));
        let at = waits.reached();
        let code = match victim {
            Victim::Service => {
                field.restart_service();
                waits.go_on();
                run.join().unwrap().code
            }
            Victim::Holder => {
                let stopped = field.kill(at);
                waits.go_on();
                let code = run.join().unwrap().code;
                field.restart(at, stopped);
                code
            }
        };
        field.wait_for(3);
        code
    })
}

fn sign_and_verify(field: &Field, key: &str) {
    let cli = field.cli();
    cli.ok(&format!("key public {key} --out {key}.pem"));
    cli.ok(&format!("sign {key} --in message --out sig {AS}"));
    openssl_takes(&cli, &format!("{key}.pem"), "sig");
}

/// A generation that was cut at each step, by the end of `victim`.
fn cut_generations(victim: Victim) {
    let mut field = relayed();
    field.cli().write("message", b"pay the bearer");
    let mut cut = 0;
    for (step, (call, nth)) in GENERATION.into_iter().enumerate() {
        for side in SIDES {
            let name = format!("k{step}{}", u8::from(side == Side::After));
            let stop = Stop { holder: Some(0), call, nth, side };
            let line = field.creation(&name, "--algorithm ed25519", 2);
            let code = run_and_kill(&mut field, &format!("--timeout 20s {line}"), stop, victim);
            let there = field.cli().run(&format!("key show {name}")).code == 0;
            // The service answers for a key that is there; one that died had no time to say so.
            assert!(code != 0 || there, "{stop:?}");
            if !there {
                cut += 1;
                field.cli().ok(&line);
            }
            sign_and_verify(&field, &name);
        }
    }
    let (commitments, shares) = field.relays().judge();
    println!("{victim:?}: {cut} generations cut, {commitments} commitments, {shares} signature shares");
    assert!(cut >= 8 && shares >= 20, "{cut} {shares}");
}

#[test]
fn generation_is_begun_anew_under_the_same_name_when_the_service_is_killed_at_any_step() {
    cut_generations(Victim::Service);
}

#[test]
fn generation_is_begun_anew_under_the_same_name_when_a_holder_is_killed_at_any_step() {
    cut_generations(Victim::Holder);
}

#[test]
fn signing_goes_on_and_no_nonce_is_used_twice_whoever_is_killed_between_its_steps() {
    let mut field = relayed();
    field.cli().write("message", b"pay the bearer");
    field.create("hot", "--algorithm ed25519", 2);
    field.create("cold", "--algorithm secp256k1 --scheme schnorr-bip340", 2);
    for key in ["hot", "cold"] {
        for victim in [Victim::Holder, Victim::Service] {
            for call in [Call::Commit, Call::Sign] {
                for side in SIDES {
                    let stop = Stop { holder: None, call, nth: 1, side };
                    let line = format!("--timeout 20s sign {key} --in message --out sig {AS}");
                    let code = run_and_kill(&mut field, &line, stop, victim);
                    // Two of three live when a holder dies. Who has asked a service that died asks again.
                    assert!(code == 0 || victim == Victim::Service, "{key} {stop:?}");
                    field.cli().ok(&format!("sign {key} --in message --out sig {AS}"));
                    field.cli().ok(&format!("verify {key} --in message --sig sig"));
                }
            }
        }
    }
    let (commitments, shares) = field.relays().judge();
    println!("{commitments} commitments, {shares} signature shares");
    assert!(commitments >= 48 && shares >= 48, "{commitments} {shares}");
}

#[test]
fn holder_that_cheats_on_the_wire_is_named_and_the_others_sign() {
    let field = relayed();
    let cli = field.cli();
    cli.write("message", b"pay the bearer");
    field.create("hot", "--algorithm ed25519", 2);
    field.relays().cheat(Some(1));
    // Whose turn it is changes: three signatures ask it at least once.
    for _ in 0..3 {
        sign_and_verify(&field, "hot");
    }
    let status = cli.json("status").to_string();
    assert!(status.contains("HOLDER_MISBEHAVED") && status.contains("south"), "{status}");
    let trail = cli.json("audit list --limit 200").to_string();
    assert!(trail.contains("south: misbehaved"), "{trail}");
    field.relays().judge();
}
