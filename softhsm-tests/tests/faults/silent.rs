//! Faults that the device does not tell of: only a check of the signature finds them.

use std::time::Duration;

use hufu_sdk::v1;

use crate::phases::Phase;
use crate::scene::{ALL, Scene, well};

const RSA: &[(&str, v1::Algorithm)] = &[("rsa-a", v1::Algorithm::Rsa3072), ("rsa-b", v1::Algorithm::Rsa3072)];

/// After the device has forgotten its sessions, a search finds another key of the same kind.
#[test]
fn a_key_that_was_swapped_at_a_reopening_signs_nothing() {
    released_is_right(
        "swapped at a reopening",
        ALL,
        "",
        "C_FindObjects probability=0.3 swap\nC_Sign probability=0.02 close-sessions",
    );
}

/// A bit that flips while an RSA signature by the Chinese remainder theorem is made tells the key (Boneh, DeMillo,
/// Lipton), so these are always checked.
#[test]
fn a_spoiled_rsa_signature_is_never_released() {
    released_is_right("spoiled RSA signatures", RSA, "", "C_Sign probability=0.2 flip");
}

#[test]
fn nothing_wrong_is_released_where_every_signature_is_verified() {
    released_is_right(
        "every signature verified",
        ALL,
        "verify = \"always\"",
        "C_Sign probability=0.05 flip\nC_SignInit probability=0.05 swap\nC_SignInit probability=0.02 renumber",
    );
}

fn released_is_right(test: &'static str, keys: &[(&str, v1::Algorithm)], token_line: &str, script: &'static str) {
    let Some(mut scene) = Scene::start(test, keys, token_line) else { return };
    scene.call();
    for _ in 0..3 {
        scene.run(&Phase { name: test, script, time: Duration::from_millis(800) });
    }
    scene.hang_up();
    let client = scene.runtime.block_on(async { scene.daemon.client("admin") });
    let alarms = scene.runtime.block_on(well(&client)).alarms;
    // A person has to look at a token that makes wrong signatures.
    assert!(!alarms.is_empty() && alarms.iter().all(|alarm| alarm.kind == "WRONG_OUTPUT"), "{alarms:?}");
}
