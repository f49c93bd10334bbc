//! Custodians who bring something wrong, processes that do not answer, and what is left when a ceremony ends.

use std::sync::atomic::Ordering;

use hufu_ceremony::{Awaited, State, Word};
use hufu_core::algorithm::Algorithm;
use hufu_core::changeset::Collection;
use hufu_core::record::{KeyState, Locator, Origin, Protection, Target, VersionRecord};
use hufu_custodian::SealingKey;
use hufu_engine::api::{CeremonyWord, TargetView};
use sha2::{Digest as _, Sha256};

use crate::ceremonies::{DAY_MS, DELAY_MS, Stage, rule};
use crate::common::server::Server;
use crate::common::world::ALICE;
use crate::recovery::{CUSTODIANS, outcome, shared, stage};
use crate::requests::version;

/// Shares that were brought, and targets, as the database has them.
fn left(stage: &Stage) -> (usize, usize) {
    let rows = stage.world.site.store.snapshot().rows;
    let shares = rows.get(&Collection::CeremonyFile).into_iter().flatten();
    (shares.filter(|(id, _)| id.starts_with("share/")).count(), stage.world.rows(Collection::Target))
}

/// A key, and a ceremony about it that waits for shares.
fn ready(stage: &mut Stage, number: u64, kind: &str) -> (VersionRecord, TargetView) {
    if number == 1 {
        stage.make(shared("data", Algorithm::Aes256Gcm, Protection::Software)).unwrap();
    }
    let made = stage.record("data", 1);
    let target = stage.target("data");
    let act = match kind {
        "refresh" => stage.anew(kind, "data", "confirmations = 3", &target),
        _ => stage.act(kind, "data", 1, &target),
    };
    stage.ready(number, &act);
    (made, target)
}

/// Brings something that looks like the share of an index, and does not open.
fn spoil(stage: &mut Stage, number: u64, of: &VersionRecord, index: u32, target: &TargetView) -> &'static str {
    let share = stage.stored(of).1.swap_remove(index as usize - 1);
    let who = CUSTODIANS[index as usize - 1];
    let to = SealingKey::from_spki(&target.record.public_key).unwrap();
    let request = stage.get(number).ceremony.digest().0;
    let person = stage.person(who);
    let resealed = share.open(&stage.dealer(), person).unwrap().reseal(&to, &request).unwrap();
    let mut statement = resealed.statement();
    let mut spoilt = resealed.signed(person.sign(statement.clone()));
    *spoilt.sealed.last_mut().unwrap() ^= 1;
    // The digest of what is sealed stands at the end of what is signed.
    let digest = statement.len() - 32;
    statement[digest..].copy_from_slice(&Sha256::digest(&spoilt.sealed));
    spoilt.signed = person.sign(statement);
    match stage.bring_share(number, who, index, spoilt.to_bytes()) {
        Ok(_) => "",
        error => rule(error),
    }
}

/// Time goes on by this much, and the background looks.
fn later(stage: &mut Stage, ms: u64) {
    stage.world.site.time.advance(ms);
    // What fails is tried again.
    let _ = stage.world.run(async |server| server.engine.hold_ceremonies().await);
}

#[test]
fn a_bad_share_is_struck_out_and_a_fourth_custodian_helps() {
    for kind in ["drill", "recovery", "refresh"] {
        let mut stage = stage();
        let (made, target) = ready(&mut stage, 1, kind);
        stage.share(1, &made, 1, &target);
        stage.share(1, &made, 2, &target);
        assert_eq!(spoil(&mut stage, 1, &made, 3, &target), "");
        assert_eq!(left(&stage), (3, 1));
        let begun = stage.execute(1).unwrap();
        assert_eq!(
            (begun.ceremony.state(), begun.ceremony.awaited(begun.now)),
            (State::Executing, Awaited::Shares(1))
        );
        let struck = &begun.ceremony.struck()[0];
        assert_eq!((struck.who.as_str(), struck.index), ("cho", 3), "{kind}");
        assert!(struck.why.as_str().starts_with("what `cho` holds or sent (share 3) is refused: "), "{}", struck.why);
        assert_eq!(left(&stage), (2, 1), "what was struck out is gone");
        let asked = stage.world.site.asked.count.load(Ordering::Relaxed);
        later(&mut stage, 5_000);
        stage.world.restart();
        later(&mut stage, 5_000);
        assert_eq!(stage.world.site.asked.count.load(Ordering::Relaxed), asked, "nothing is tried meanwhile");
        stage.share(1, &made, 4, &target);
        later(&mut stage, 1_000);
        let view = stage.get(1);
        if kind == "refresh" {
            assert_eq!(view.ceremony.steps().count(), 1, "dealt anew");
            continue;
        }
        assert_eq!(view.ceremony.state(), State::Executed);
        assert!(outcome(&view).contains("by the shares of ann, ben, dee"), "{}", outcome(&view));
        assert_eq!(left(&stage), (0, 0));
        let report = hufu_ceremony::verify(&stage.transcript(1), &stage.pins()).unwrap();
        assert!(
            report.words().contains("shares struck out, as the service says: cho, index 3, "),
            "{}",
            report.words()
        );
        assert_eq!(stage.record("data", 1).origin == Origin::Recovered, kind == "recovery");
    }
}

/// A custodian with a junk share cannot have it begin so that nobody stops it any more.
#[test]
fn a_junk_share_leaves_veto_and_cancellation_as_they_were() {
    for (word, of, who, ends) in [
        (CeremonyWord::Veto, Word::Veto, "eve", State::Rejected),
        (CeremonyWord::Cancel, Word::Cancel, "ann", State::Cancelled),
    ] {
        let mut stage = stage();
        let (made, target) = ready(&mut stage, 1, "recovery");
        stage.share(1, &made, 1, &target);
        stage.share(1, &made, 2, &target);
        assert_eq!(spoil(&mut stage, 1, &made, 3, &target), "");
        assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executing);
        let ceremony = stage.get(1).ceremony;
        let statement = stage.statement(&ceremony, who, of);
        assert_eq!(stage.bring(1, word, &statement).unwrap().ceremony.state(), ends);
        assert_eq!(left(&stage), (0, 0), "shares and target are gone with it");
        later(&mut stage, DELAY_MS);
        assert_eq!(stage.state(1), ends);
        assert_eq!(stage.record("data", 1), made);
        hufu_ceremony::verify(&stage.transcript(1), &stage.pins()).unwrap();
    }
}

#[test]
fn who_brought_something_wrong_makes_it_good_and_nobody_tries_for_ever() {
    let mut stage = stage();
    let (made, target) = ready(&mut stage, 1, "recovery");
    for index in [1, 2] {
        stage.share(1, &made, index, &target);
    }
    for turn in 0..3 {
        assert_eq!(spoil(&mut stage, 1, &made, 3, &target), "", "turn {turn}");
        if turn == 0 {
            stage.execute(1).unwrap();
        }
        later(&mut stage, 1_000);
        assert_eq!(stage.get(1).ceremony.struck().len(), turn + 1);
    }
    assert_eq!(spoil(&mut stage, 1, &made, 3, &target), "CEREMONY_STRUCK_OUT");
    // Another one is wrong once, and then right.
    assert_eq!(spoil(&mut stage, 1, &made, 4, &target), "");
    later(&mut stage, 1_000);
    stage.share(1, &made, 4, &target);
    later(&mut stage, 1_000);
    assert_eq!(stage.state(1), State::Executed);
    assert_eq!(left(&stage), (0, 0));
}

#[test]
fn a_ceremony_without_enough_right_shares_fails_when_its_time_is_over() {
    let mut stage = stage();
    let (made, target) = ready(&mut stage, 1, "recovery");
    for index in [1, 2] {
        stage.share(1, &made, index, &target);
    }
    spoil(&mut stage, 1, &made, 3, &target);
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executing);
    later(&mut stage, 5 * DAY_MS);
    let failed = stage.get(1);
    assert_eq!(failed.ceremony.state(), State::Failed);
    assert_eq!(outcome(&failed), "SHARE_REFUSED: 1 more were needed in time in place of what was struck out of cho");
    assert_eq!(left(&stage), (0, 0));
    assert_eq!(stage.record("data", 1), made, "the key is as it was");
}

#[test]
fn a_process_that_does_not_answer_is_asked_seldom_and_not_for_ever() {
    let mut stage = stage();
    let (made, target) = ready(&mut stage, 1, "recovery");
    for index in [1, 2, 3] {
        stage.share(1, &made, index, &target);
    }
    let asked = stage.world.site.asked.clone();
    asked.left.store(0, Ordering::Relaxed);
    stage.execute(1).unwrap();
    for _ in 0..600 {
        later(&mut stage, 1_000);
    }
    let often = asked.count.load(Ordering::Relaxed);
    assert!((8..=20).contains(&often), "{often} times in ten minutes");
    assert_eq!(stage.state(1), State::Executing);
    later(&mut stage, 5 * DAY_MS);
    let failed = stage.get(1);
    assert_eq!(failed.ceremony.state(), State::Failed);
    assert!(outcome(&failed).starts_with("BACKEND_UNAVAILABLE: "), "{}", outcome(&failed));
    assert_eq!((left(&stage), stage.record("data", 1)), ((0, 0), made));
    stage.world.reconcile();
    assert_eq!(stage.world.rows(Collection::Intent), 0);
}

#[test]
fn a_key_that_was_put_together_is_rotated_however_long_that_takes() {
    let mut stage = stage();
    let (made, target) = ready(&mut stage, 1, "recovery");
    for index in [1, 2, 3] {
        stage.share(1, &made, index, &target);
    }
    // The first answer puts it together; then the next version cannot be split.
    let left_answers = |stage: &Stage, left| stage.world.site.asked.left.store(left, Ordering::Relaxed);
    left_answers(&stage, 1);
    assert_eq!(stage.execute(1).unwrap().ceremony.state(), State::Executing);
    let back = stage.record("data", 1);
    assert_eq!((back.origin, back.state), (Origin::Recovered, KeyState::Deactivated), "it protects nothing new");
    later(&mut stage, 5 * DAY_MS);
    assert_eq!(stage.state(1), State::Executing, "its time is over, and it goes on");
    left_answers(&stage, u32::MAX);
    stage.world.reconcile();
    later(&mut stage, DELAY_MS);
    assert_eq!(stage.state(1), State::Executed);
    assert_eq!(stage.record("data", 2).state, KeyState::Active);
    assert_eq!(left(&stage), (0, 0));
}

#[test]
fn nothing_is_left_however_a_ceremony_ends() {
    let mut stage = stage();
    for (number, end) in (1..).zip(["vetoed", "cancelled", "expired"]) {
        let (made, target) = ready(&mut stage, number, "drill");
        stage.share(number, &made, 2, &target);
        assert_eq!(left(&stage), (1, 1));
        let of = stage.get(number).ceremony;
        let decide = |word, who: &str| (word, stage.statement(&of, who, word_of(word)));
        let decided = match end {
            "vetoed" => Some(decide(CeremonyWord::Veto, "eve")),
            "cancelled" => Some(decide(CeremonyWord::Cancel, "ann")),
            _ => None,
        };
        match decided {
            Some((word, statement)) => {
                let call = async |server: &Server, caller| {
                    server.engine.decide_ceremony(&caller, number, word, &statement).await
                };
                stage.world.call(ALICE, call).unwrap();
            }
            None => later(&mut stage, 5 * DAY_MS),
        }
        assert!(stage.state(number).is_final());
        assert_eq!(left(&stage), (0, 0), "{end}");
        hufu_ceremony::verify(&stage.transcript(number), &stage.pins()).unwrap();
    }
}

fn word_of(word: CeremonyWord) -> Word {
    match word {
        CeremonyWord::Approve => Word::Approve,
        CeremonyWord::Veto => Word::Veto,
        CeremonyWord::Cancel => Word::Cancel,
    }
}

#[test]
fn an_end_at_any_commit_strikes_out_once_and_leaves_nothing() {
    for cuts in 0.. {
        let mut stage = stage();
        let (made, target) = ready(&mut stage, 1, "recovery");
        for index in [1, 2] {
            stage.share(1, &made, index, &target);
        }
        spoil(&mut stage, 1, &made, 3, &target);
        let caller = stage.world.run(async |server| ALICE.call(server).await).unwrap();
        let whole = stage.world.run_cut(cuts, async |server| server.engine.execute_ceremony(&caller, 1).await);
        stage.world.restart();
        stage.world.reconcile();
        if stage.state(1) == State::Ready {
            stage.execute(1).unwrap();
        }
        later(&mut stage, 200_000);
        assert_eq!(stage.get(1).ceremony.struck().len(), 1, "cut after {cuts} commits");
        stage.share(1, &made, 5, &target);
        // And once more, on the way to the end.
        stage.world.run_cut(cuts, async |server| server.engine.hold_ceremonies().await);
        stage.world.restart();
        stage.world.reconcile();
        later(&mut stage, 200_000);
        assert_eq!(stage.state(1), State::Executed, "cut after {cuts} commits");
        assert_eq!((left(&stage), stage.record("data", 2).state), ((0, 0), KeyState::Active));
        assert!(stage.world.version(&version("data", 3)).is_err());
        if whole.is_some() {
            return assert!(cuts >= 3, "{cuts}");
        }
    }
}

#[test]
fn a_target_follows_the_tenants_key_while_its_ceremony_goes_on() {
    let mut stage = stage();
    let (made, target) = ready(&mut stage, 1, "recovery");
    let under = |stage: &Stage| {
        let rows = stage.world.site.store.snapshot().rows;
        let row = rows[&Collection::Target].values().next().unwrap().clone();
        match <Target as hufu_core::record::Record>::from_row(&row).unwrap().locator {
            Locator::Wrapped { wrapping_key, .. } => wrapping_key,
            other => panic!("{other:?}"),
        }
    };
    let before = under(&stage);
    stage.share(1, &made, 1, &target);
    let rotate = async |server: &Server, caller| server.engine.rotate_tenant_key(&caller, &ALICE.tenant()).await;
    stage.world.call(ALICE, rotate).unwrap();
    for _ in 0..2 {
        stage.world.run(async |server: &Server| while server.engine.rewrap_step().await.unwrap() {});
        stage.world.site.time.advance(61_000);
    }
    let read = async |server: &Server, caller| server.engine.tenant_key(&caller, &ALICE.tenant()).await;
    assert!(stage.world.call(ALICE, read).unwrap().rotation.is_none(), "the old key is destroyed");
    assert_ne!(under(&stage), before);
    for index in [2, 3] {
        stage.share(1, &made, index, &target);
    }
    let done = stage.execute(1).unwrap();
    assert_eq!(done.ceremony.state(), State::Executed, "{}", outcome(&done));
}
