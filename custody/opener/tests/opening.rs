//! Keys are split and put together, and whatever does not belong is named.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod common;

use common::{Held, REQUEST, Scene, opener};
use hufu_core::algorithm::{Algorithm, Form};
use hufu_opener::{Answer, Opening, Recover, Redeal, Refused, Task};

fn recover(scene: &Scene, opening: Opening) -> Answer {
    opener().answer(&Task::Recover(Box::new(Recover { opening, wrap_to: scene.wrap_to() })))
}

fn refusals(answer: Answer) -> Vec<String> {
    let Answer::Refused(Refused::Shares(wrong, missing)) = answer else { panic!("{answer:?}") };
    wrong.into_iter().map(|one| one.why).chain([missing]).collect()
}

#[test]
fn what_any_three_put_together_is_what_was_split_whatever_the_algorithm() {
    let scene = Scene::new();
    let all = hufu_core::algorithm::TABLE.iter().map(|entry| entry.algorithm);
    for algorithm in all.filter(|algorithm| !matches!(algorithm, Algorithm::Rsa4096)) {
        let held = scene.split(algorithm);
        let made = scene.unwrap(held.wrapped.as_ref().unwrap());
        assert_eq!(held.public_key.is_some(), !matches!(algorithm.entry().form, Form::Secret(_)), "{algorithm}");
        let opening = scene.opening(&held, scene.handed(&held, &[5, 1, 3]));
        let Answer::Recovered { wrapped, by, wrong } = recover(&scene, opening) else { panic!("{algorithm}") };
        assert!(scene.unwrap(&wrapped) == made, "{algorithm}");
        assert_eq!((by.len(), wrong.len()), (3, 0));
    }
}

#[test]
fn two_of_three_make_nothing() {
    let scene = Scene::new();
    let held = scene.split(Algorithm::Aes256Gcm);
    let wrong = refusals(recover(&scene, scene.opening(&held, scene.handed(&held, &[2, 4]))));
    assert_eq!(wrong, ["1 more needed, from any of `custodian-1`, `custodian-3`, `custodian-5`"]);
}

#[test]
fn whoever_brings_something_wrong_is_named_and_enough_others_go_on() {
    let scene = Scene::new();
    let (held, other) = (scene.split(Algorithm::P256), scene.split(Algorithm::P256));
    let target = scene.target.custodian().sealing;
    let mut swapped = scene.handed(&held, &[1, 2, 4]);
    swapped.push(scene.hand(&other.shares[2], &target, &REQUEST));
    swapped.push(scene.hand(&held.shares[4], &target, &[8; 32]));
    swapped.push(swapped[0].clone());
    let Answer::Recovered { by, wrong, .. } = recover(&scene, scene.opening(&held, swapped)) else { panic!() };
    assert_eq!(by.len(), 3);
    assert_eq!(wrong.iter().map(|one| one.place).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(
        wrong.into_iter().map(|one| one.why).collect::<Vec<_>>(),
        [
            "what `custodian-3` holds or sent (share 3) is refused: it is of another set",
            "what `custodian-5` holds or sent (share 5) is refused: it is for another request",
            "what `custodian-1` holds or sent (share 1) is refused: it is there already",
        ]
    );
}

#[test]
fn a_share_sealed_to_another_target_does_not_open() {
    let scene = Scene::new();
    let held = scene.split(Algorithm::Aes256Gcm);
    let mut handed = scene.handed(&held, &[1, 2]);
    handed.push(scene.hand(&held.shares[2], &scene.dealer.custodian().sealing, &REQUEST));
    let wrong = refusals(recover(&scene, scene.opening(&held, handed)));
    assert!(wrong[0].starts_with("what `custodian-3`") && wrong[0].ends_with("it is for another key"), "{wrong:?}");
}

#[test]
fn another_key_than_the_one_on_record_is_none() {
    let scene = Scene::new();
    for algorithm in [Algorithm::P256, Algorithm::Ed25519, Algorithm::Rsa2048] {
        let (held, other) = (scene.split(algorithm), scene.split(algorithm));
        let held = Held { public_key: other.public_key, ..held };
        let answer = recover(&scene, scene.opening(&held, scene.handed(&held, &[1, 2, 3])));
        assert_eq!(answer, Answer::Refused(Refused::OtherKey), "{algorithm}");
    }
}

#[test]
fn a_manifest_of_another_dealer_or_another_than_was_approved_is_refused() {
    let scene = Scene::new();
    let (held, other) = (scene.split(Algorithm::Aes256Gcm), scene.split(Algorithm::Aes256Gcm));
    let mut opening = scene.opening(&held, scene.handed(&held, &[1, 2, 3]));
    opening.expected = other.manifest.digest();
    assert!(matches!(recover(&scene, opening), Answer::Refused(Refused::Manifest(_))));
    let mut opening = scene.opening(&held, scene.handed(&held, &[1, 2, 3]));
    opening.dealer = scene.people[0].custodian().signing;
    assert!(matches!(recover(&scene, opening), Answer::Refused(Refused::Manifest(_))));
}

#[test]
fn a_rehearsal_gives_nothing_out_and_a_new_epoch_makes_the_same_key() {
    let scene = Scene::new();
    for algorithm in [Algorithm::Sm2, Algorithm::MlDsa65] {
        let held = scene.split(algorithm);
        let opening = scene.opening(&held, scene.handed(&held, &[1, 2, 3]));
        let rehearsed = opener().answer(&Task::Rehearse(Box::new(opening)));
        assert!(matches!(rehearsed, Answer::Rehearsed { ref by, .. } if by.len() == 3), "{rehearsed:?}");
        let opening = scene.opening(&held, scene.handed(&held, &[1, 2, 3]));
        let terms = scene.terms(2, &scene.names()[..3]);
        let Answer::Redealt { dealt, .. } = opener().answer(&Task::Redeal(Box::new(Redeal { opening, terms })))
        else {
            panic!("{algorithm}")
        };
        let (manifest, shares) = scene.sign(&dealt);
        assert_eq!(manifest.unverified().epoch(), 2);
        let anew = Held { manifest, shares, public_key: held.public_key.clone(), wrapped: None };
        let opening = scene.opening(&anew, scene.handed(&anew, &[3, 1]));
        let Answer::Recovered { wrapped, .. } = recover(&scene, opening) else { panic!("{algorithm}") };
        assert!(scene.unwrap(&wrapped) == scene.unwrap(held.wrapped.as_ref().unwrap()), "{algorithm}");
        // The old epoch is another manifest: its shares do not mix with the new ones.
        let mixed = scene.handed(&anew, &[1]).into_iter().chain(scene.handed(&held, &[2, 3])).collect();
        let wrong = refusals(recover(&scene, scene.opening(&anew, mixed)));
        assert!(wrong.iter().filter(|why| why.contains("it is of epoch 1, not 2")).count() == 2, "{wrong:?}");
    }
}
