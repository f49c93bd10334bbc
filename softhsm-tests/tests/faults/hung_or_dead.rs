//! Calls that never come back, and drivers that take their process with them.

use std::time::Duration;

use hufu_sdk::v1;

use crate::phases::Phase;
use crate::scene::{ALL, SIGNERS, Scene, settled};

const KEYS: &[(&str, v1::Algorithm)] = &[("p256-a", v1::Algorithm::P256), ("p256-b", v1::Algorithm::P256)];
/// The driver in a process of its own.
const ISOLATED: &str = "isolation = \"process\"";

#[test]
fn calls_that_hang_for_ever_cost_their_sessions_and_not_the_service() {
    let Some(mut scene) = Scene::start("some sessions hang", KEYS, "") else { return };
    scene.call();
    scene.run(&phase("two of four sessions hang", "C_Sign count=2 hang=forever"));
    scene.hang_up();
}

#[test]
fn a_driver_that_hangs_in_every_session_is_replaced() {
    let Some(mut scene) = Scene::start("all sessions hang", KEYS, ISOLATED) else { return };
    scene.call();
    // The driver is given five seconds beyond a call's deadline before it is taken for hung.
    let (name, script) = ("all sessions hang", "C_Sign count=4 hang=forever");
    scene.run(&Phase { name, script, time: Duration::from_secs(8) });
    scene.hang_up();
    all_is_well(&scene);
}

#[test]
fn a_driver_that_crashes_is_replaced() {
    let Some(mut scene) = Scene::start("the driver crashes", ALL, ISOLATED) else { return };
    let pid = scene.daemon.pid();
    scene.call_with(SIGNERS, true);
    for (name, script) in [
        ("a crash while signing", "C_Sign count=1 crash"),
        ("a crash after signing many times", "C_SignInit after=50 count=1 crash"),
        ("a crash at login", "C_Login count=1 crash\nC_Sign count=1 close-sessions"),
        ("a crash while a key is made", "C_GenerateKeyPair count=1 crash"),
        ("crashes at random", "* probability=0.002 crash"),
    ] {
        scene.run(&phase(name, script));
    }
    scene.hang_up();
    assert_eq!(scene.daemon.pid(), pid);
    all_is_well(&scene);
}

fn phase(name: &'static str, script: &'static str) -> Phase {
    Phase { name, script, time: Duration::from_millis(1_000) }
}

fn all_is_well(scene: &Scene) {
    let client = scene.runtime.block_on(async { scene.daemon.client("admin") });
    scene.runtime.block_on(settled(&client));
}
