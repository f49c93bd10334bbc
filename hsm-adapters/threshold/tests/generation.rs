//! Keys made among holders, and what fails on the way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use common::holder::{Mood, Step};
use common::{LONG, NOW_MS, config, holders_error, impatient_scene, scene, scene_with};
use hufu_core::backend::KeyBackend;
use hufu_core::record::Attestation;
use hufu_frost::{Suite, Threshold};
use hufu_threshold::Config;

#[tokio::test]
async fn all_holders_come_to_one_key_and_keep_it() {
    for (suite, t, n) in
        [(Suite::Ed25519, 2, 3), (Suite::Bip340, 2, 3), (Suite::Ed25519, 5, 7), (Suite::Bip340, 5, 7)]
    {
        let scene = scene(suite, t, n);
        let generated = scene.generate().await.unwrap();
        assert_eq!(generated.attestation, Attestation::Holders { threshold: t, holders: n, simulated: false });
        assert!(scene.holders.iter().all(|holder| holder.shares() == 1));
    }
}

#[tokio::test]
async fn a_holder_that_fails_at_any_step_is_named_and_nothing_comes_of_it() {
    let down = [(Step::Describe, Mood::Down), (Step::Begin, Mood::Down), (Step::Continue, Mood::Down)];
    let refuses = [(Step::Begin, Mood::Refuses), (Step::Continue, Mood::Refuses), (Step::Finish, Mood::Refuses)];
    let hangs = [(Step::Describe, Mood::Hangs)];
    for (step, mood) in down.into_iter().chain(refuses).chain(hangs) {
        let scene = impatient_scene(Suite::Ed25519, 2, 3);
        scene.holders[1].feels(step, mood);
        let error = holders_error(scene.generate().await.unwrap_err());
        let who: Vec<_> = error.faults.iter().map(|fault| fault.holder.as_str()).collect();
        assert_eq!((who, error.refused), (vec!["h2"], mood == Mood::Refuses), "{step:?} {mood:?}: {error}");
        assert!(scene.holders.iter().all(|holder| holder.shares() == 0), "{step:?} {mood:?}");
        // The next one has nothing of it in its way.
        scene.holders[1].moods.lock().clear();
        scene.generate().await.unwrap();
    }
}

#[tokio::test]
async fn a_holder_whose_answer_is_lost_at_the_end_is_asked_again() {
    let scene = scene(Suite::Ed25519, 2, 3);
    scene.holders[2].feels(Step::Finish, Mood::LosesTheAnswer);
    scene.generate().await.unwrap();
    assert_eq!(scene.holders[2].calls.lock().iter().filter(|step| **step == Step::Finish).count(), 2);
}

#[tokio::test]
async fn a_share_that_stays_behind_is_told_of() {
    let scene = scene(Suite::Ed25519, 2, 3);
    scene.holders[0].feels(Step::Finish, Mood::Down);
    scene.holders[1].feels(Step::Destroy, Mood::Refuses);
    let error = holders_error(scene.generate().await.unwrap_err());
    assert!(error.what.contains("`h2` may have kept a share"), "{error}");
    assert_eq!(scene.holders.iter().map(|holder| holder.shares()).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(error.faults[0].holder, "h1");
}

#[tokio::test]
async fn who_cheats_is_named() {
    // Under another key, then with a wrong share and a wrong outcome, then about what is kept.
    for (step, word) in
        [(Step::Begin, "h3: misbehaved"), (Step::Continue, "holder 3 misbehaved"), (Step::Finish, "h3: misbehaved")]
    {
        let scene = scene(Suite::Ed25519, 2, 3);
        scene.holders[2].feels(step, Mood::Cheats);
        let error = holders_error(scene.generate().await.unwrap_err());
        assert!(error.to_string().contains(word), "{step:?}: {error}");
        assert!(scene.holders.iter().all(|holder| holder.shares() == 0), "{step:?}");
    }
}

#[tokio::test]
async fn a_mandate_for_something_else_reaches_nobody() {
    let scene = scene(Suite::Ed25519, 2, 3);
    let right = scene.generation_mandate();
    let mut wrong = vec![right.clone(); 6];
    wrong[0].deployment = "another".into();
    wrong[1].key.version = 2;
    wrong[2].suite = Suite::Bip340;
    wrong[3].threshold = Threshold::new(3, 3).unwrap();
    wrong[4].holders.swap(0, 1);
    wrong[5].expires_at_ms = NOW_MS;
    for mandate in wrong {
        let error = holders_error(scene.generate_under(mandate).await.unwrap_err());
        assert!(error.refused && error.what.starts_with("the mandate is for"), "{error}");
    }
    assert!(scene.holders.iter().all(|holder| holder.calls.lock().is_empty()));
    let stranger = hufu_frost::GenerationMandate { requester: "h1".into(), ..right };
    let error = holders_error(scene.generate_under(stranger).await.unwrap_err());
    assert!(error.refused && error.faults.len() == 3, "{error}");
}

#[tokio::test]
async fn a_holder_of_another_name_deployment_roster_or_nature_takes_no_part() {
    for nth in 0..4 {
        let scene = scene(Suite::Ed25519, 2, 3);
        {
            let mut info = scene.holders[0].info.lock();
            match nth {
                0 => info.name = "h9".into(),
                1 => info.deployment = "another".into(),
                2 => info.roster = vec![0; 32],
                _ => info.simulated = true,
            }
        }
        let error = holders_error(scene.generate().await.unwrap_err());
        assert_eq!(error.faults[0].holder, "h1", "{error}");
    }
    let scene = scene_with(Suite::Ed25519, 2, 3, Config { simulations_allowed: true, ..config(LONG) });
    scene.holders[0].info.lock().simulated = true;
    let generated = scene.generate().await.unwrap();
    assert!(generated.attestation.is_simulated() && scene.backend.capabilities().simulated);
}

#[tokio::test]
async fn destruction_is_done_when_all_have_said_so() {
    let scene = scene(Suite::Ed25519, 2, 3);
    let key = scene.key().await;
    scene.holders[0].feels(Step::Destroy, Mood::Down);
    let error = holders_error(scene.destroy(&key).await.unwrap_err());
    assert_eq!((error.faults.len(), error.refused), (1, false), "{error}");
    scene.holders[0].feels(Step::Destroy, Mood::Refuses);
    assert!(holders_error(scene.destroy(&key).await.unwrap_err()).refused);
    scene.holders[0].moods.lock().clear();
    scene.destroy(&key).await.unwrap();
    assert!(scene.holders.iter().all(|holder| holder.shares() == 0));
    assert!(scene.sign(&key, b"m").await.is_err());
}
