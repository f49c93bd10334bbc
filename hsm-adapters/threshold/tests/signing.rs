//! Signatures of holders, with holders that are down, slow or false.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::holder::{Mood, Step};
use common::{NOW_MS, Scene, holders_error, impatient_scene, scene};
use hufu_core::backend::{BackendError, Health, KeyBackend, KeyHandle};
use hufu_frost::Suite;

const MESSAGE: &[u8] = b"pay the bearer";

/// Whether implementations that share nothing with FROST take the signature.
fn foreign_verifies(scene_suite: Suite, spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match scene_suite {
        Suite::Ed25519 => openssl_verifies(spki, message, signature),
        Suite::Bip340 => {
            let key = k256::PublicKey::from_sec1_bytes(&spki[23..]).unwrap();
            let key = k256::schnorr::VerifyingKey::try_from(key).unwrap();
            key.verify_raw(message, &k256::schnorr::Signature::try_from(signature).unwrap()).is_ok()
        }
    }
}

fn openssl_verifies(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let (key, message, signature) = (file("key", spki), file("message", message), file("signature", signature));
    let mut openssl = Command::new("openssl");
    openssl.args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin", "-inkey"]).arg(key);
    openssl.arg("-in").arg(message).arg("-sigfile").arg(signature).stdout(Stdio::piped()).stdin(Stdio::piped());
    let mut child = openssl.spawn().unwrap();
    drop(child.stdin.take().unwrap().flush());
    child.wait_with_output().unwrap().status.success()
}

async fn signs(scene: &Scene, suite: Suite, key: &KeyHandle) -> Vec<String> {
    let (signature, faults) = scene.sign(key, MESSAGE).await.unwrap();
    let spki = key.public_key.as_deref().unwrap();
    assert!(foreign_verifies(suite, spki, MESSAGE, &signature));
    assert!(!foreign_verifies(suite, spki, b"another", &signature));
    faults
}

#[tokio::test]
async fn foreign_verifiers_take_the_signatures() {
    for (suite, t, n) in
        [(Suite::Ed25519, 2, 3), (Suite::Bip340, 2, 3), (Suite::Ed25519, 5, 7), (Suite::Bip340, 5, 7)]
    {
        let scene = scene(suite, t, n);
        let key = scene.key().await;
        assert_eq!(signs(&scene, suite, &key).await, Vec::<String>::new());
        assert_eq!(scene.backend.health(), Health::Serving);
    }
}

#[tokio::test]
async fn the_rest_sign_without_one_that_fails_at_any_step() {
    for step in [Step::Commit, Step::Sign] {
        for mood in [Mood::Down, Mood::Hangs, Mood::Refuses, Mood::Cheats] {
            // A holder that hangs costs time: one of them is enough.
            for nth in if mood == Mood::Hangs { 1..2 } else { 0..3 } {
                let scene = match mood {
                    Mood::Hangs => impatient_scene(Suite::Ed25519, 2, 3),
                    _ => scene(Suite::Ed25519, 2, 3),
                };
                let key = scene.key().await;
                scene.holders[nth].feels(step, mood);
                // Whoever it is, it is chosen within three signatures.
                let mut faults = Vec::new();
                for _ in 0..3 {
                    faults.extend(signs(&scene, Suite::Ed25519, &key).await);
                }
                let name = format!("h{}: ", nth + 1);
                assert!(!faults.is_empty(), "{step:?} {mood:?}: it was never chosen");
                assert!(faults.iter().all(|fault| fault.starts_with(&name)), "{step:?} {mood:?}: {faults:?}");
                let cheated = faults.iter().any(|fault| fault.contains("misbehaved"));
                assert_eq!(cheated, mood == Mood::Cheats, "{faults:?}");
            }
        }
    }
}

#[tokio::test]
async fn fewer_than_t_is_told_with_everybody_who_failed() {
    let scene = scene(Suite::Bip340, 2, 3);
    let key = scene.key().await;
    scene.holders[0].feels(Step::Commit, Mood::Down);
    scene.holders[2].feels(Step::Sign, Mood::Down);
    let error = holders_error(scene.sign(&key, MESSAGE).await.unwrap_err());
    let mut who: Vec<_> = error.faults.iter().map(|fault| fault.holder.as_str()).collect();
    who.sort_unstable();
    assert_eq!((who, error.refused), (vec!["h1", "h3"], false), "{error}");
    assert!(error.to_string().contains("1 holders are left to sign, and it takes 2"), "{error}");
}

#[tokio::test]
async fn mandates_for_something_else_sign_nothing() {
    let scene = scene(Suite::Ed25519, 2, 3);
    let key = scene.key().await;
    let other_message = scene.mandate(&key, b"another message");
    let expired = hufu_frost::Mandate { expires_at_ms: NOW_MS, ..scene.mandate(&key, MESSAGE) };
    let other_key =
        hufu_frost::Mandate { public_key: hufu_frost::PublicKeyDigest([1; 32]), ..scene.mandate(&key, MESSAGE) };
    for mandate in [other_message, expired, other_key] {
        let error = holders_error(scene.sign_under(&key, MESSAGE, mandate).await.unwrap_err());
        assert!(error.refused, "{error}");
    }
    assert!(scene.holders.iter().all(|holder| !holder.calls.lock().contains(&Step::Commit)));
    // What the service cannot see, holders do.
    let deployment = hufu_frost::Mandate { deployment: "another".into(), ..scene.mandate(&key, MESSAGE) };
    let stranger = hufu_frost::Mandate { requester: "h1".into(), ..scene.mandate(&key, MESSAGE) };
    let too_long = hufu_frost::Mandate { expires_at_ms: NOW_MS + 3_600_000, ..scene.mandate(&key, MESSAGE) };
    let unknown = {
        let mandate = scene.mandate(&key, MESSAGE);
        hufu_frost::Mandate { key: hufu_frost::KeyVersion { version: 2, ..mandate.key.clone() }, ..mandate }
    };
    for (mandate, word) in [
        (deployment, "mandate of another deployment"),
        (stranger, "unknown requester"),
        (too_long, "mandate good for too long"),
        (unknown, "requester may not use this key"),
    ] {
        let error = scene.sign_under(&key, MESSAGE, mandate).await.unwrap_err();
        let error = holders_error(error);
        assert!(error.refused && error.faults.len() >= 2, "{word}: {error}");
        assert!(word == "requester may not use this key" || error.to_string().contains(word), "{word}: {error}");
    }
}

#[tokio::test]
async fn a_mandate_signs_again_while_it_has_attempts() {
    let scene = scene(Suite::Ed25519, 2, 3);
    let key = scene.key().await;
    let mandate = hufu_frost::Mandate { attempts: 2, ..scene.mandate(&key, MESSAGE) };
    scene.sign_under(&key, MESSAGE, mandate.clone()).await.unwrap();
    let again = scene.sign_under(&key, MESSAGE, mandate.clone()).await;
    assert!(again.is_ok(), "a retry of the caller is another attempt: {again:?}");
    let error = holders_error(scene.sign_under(&key, MESSAGE, mandate).await.unwrap_err());
    assert!(error.refused, "{error}");
}

#[tokio::test]
async fn many_sign_at_once() {
    let scene = std::sync::Arc::new(scene(Suite::Ed25519, 2, 3));
    let key = std::sync::Arc::new(scene.key().await);
    let one = |nth: u8| {
        let (scene, key) = (scene.clone(), key.clone());
        async move { scene.sign(&key, &[nth]).await.map(|_| ()) }
    };
    let results = futures_util::future::join_all((0..48).map(one)).await;
    let bad: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!(bad.iter().all(|error| matches!(error, BackendError::Overloaded)), "{bad:?}");
    assert!(bad.is_empty(), "{} of 48 failed: {:?}", bad.len(), bad.first());
}
