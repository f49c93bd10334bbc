//! One signature among many holders: any of them stopped or started anew at any step, any of them cheating.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use common::field::{Blow, Field, mandate, signed};
use common::{SUITES, foreign_verifies, id, shares};
use hufu_frost::{
    Ask, Coordinator, Error, Fault, FaultKind, KeyShare, Misconduct, Outcome, Progress, Refusal, Request, Suite,
};
use proptest::prelude::*;

const MESSAGE: &[u8] = b"one message";

fn no_blow(_: usize, _: &Ask) -> Option<Blow> {
    None
}

fn honest(_: &Ask, answer: Option<Vec<u8>>) -> Option<Vec<u8>> {
    answer
}

#[track_caller]
fn assert_signed(field: &Field, progress: &Progress) {
    let Progress::Signed(signature) = progress else { panic!("{progress:?}") };
    assert!(foreign_verifies(&field.group(), MESSAGE, signature));
}

#[test]
fn honest_holders_sign_at_the_first_attempt() {
    for suite in SUITES {
        let mut field = Field::new(&shares(suite, 3, 5));
        let (progress, coordinator) = field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, no_blow, honest);
        assert_signed(&field, &progress);
        assert_eq!((coordinator.attempt(), coordinator.faults()), (0, &[][..]));
        assert_eq!((field.step, field.record.shares()), (6, 3));
        assert!(field.record.audits.iter().all(|(_, audit)| audit.outcome == Outcome::Allowed));
    }
}

#[test]
fn holder_stopped_at_any_step_does_not_stop_the_signature_and_no_nonce_is_used_twice() {
    for suite in SUITES {
        for (t, n) in [(2, 3), (3, 5)] {
            let keys = shares(suite, t, n);
            for blow in [Blow::DiesBefore, Blow::DiesAfter, Blow::RestartsBefore, Blow::RestartsAfter] {
                for at in 0..usize::from(t) * 2 {
                    let mut field = Field::new(&keys);
                    let strike = |step: usize, _: &Ask| (step == at).then_some(blow);
                    let (progress, coordinator) =
                        field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, strike, honest);
                    assert_signed(&field, &progress);
                    assert!(coordinator.faults().len() <= 1, "{blow:?} at {at}: {:?}", coordinator.faults());
                    // The same field goes on with other messages.
                    let next = hufu_frost::Mandate { seed: [2; 32], ..mandate(&field.group(), MESSAGE) };
                    let (progress, _) = field.sign(signed(next), MESSAGE, no_blow, honest);
                    assert_signed(&field, &progress);
                }
            }
        }
    }
}

#[test]
fn two_holders_stopped_at_any_two_steps_leave_three_of_five() {
    let keys = shares(Suite::Ed25519, 3, 5);
    for first in 0..6 {
        for second in first + 1..12 {
            let mut field = Field::new(&keys);
            let strike = |step: usize, _: &Ask| (step == first || step == second).then_some(Blow::DiesAfter);
            let (progress, _) = field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, strike, honest);
            assert_signed(&field, &progress);
        }
    }
}

#[test]
fn fewer_than_t_holders_sign_nothing() {
    for suite in SUITES {
        let keys = shares(suite, 2, 3);
        let mut field = Field::new(&keys);
        let strike = |step: usize, _: &Ask| (step > 0).then_some(Blow::DiesBefore);
        let (progress, coordinator) = field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, strike, honest);
        assert_eq!(progress, Progress::Failed(Error::TooFewHolders { left: 1, needed: 2 }));
        assert_eq!(coordinator.faults().len(), 2);
        let begun = Coordinator::begin(
            field.group(),
            signed(mandate(&field.group(), MESSAGE)),
            MESSAGE.to_vec(),
            &[id(1), id(1)],
            0,
        );
        assert_eq!(begun.map(|_| ()).unwrap_err(), Error::TooFewHolders { left: 1, needed: 2 });
    }
}

/// Signs while `cheat` changes the answers of holder 2, and expects that it is named for that and the rest sign.
#[track_caller]
fn assert_named(keys: &[KeyShare], expected: Misconduct, mut cheat: impl FnMut(&Ask, Vec<u8>) -> Vec<u8>) {
    let mut field = Field::new(keys);
    let tamper = |ask: &Ask, answer: Option<Vec<u8>>| match ask.holder.number() {
        2 => answer.map(|answer| cheat(ask, answer)),
        _ => answer,
    };
    let (progress, coordinator) = field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, no_blow, tamper);
    assert_signed(&field, &progress);
    let faults: Vec<_> = coordinator.faults().iter().map(|fault| (fault.holder, fault.kind)).collect();
    assert_eq!(faults, [(id(2), FaultKind::Misbehaved(expected))]);
}

fn is_commit(ask: &Ask) -> bool {
    matches!(ask.request, Request::Commit(_))
}

/// Changes the lowest bit of the scalar at a share's end.
fn bend(suite: Suite, mut share: Vec<u8>) -> Vec<u8> {
    let at = if suite == Suite::Ed25519 { share.len() - 32 } else { share.len() - 1 };
    share[at] ^= 1;
    share
}

#[test]
fn cheating_holder_is_named_and_replaced() {
    for suite in SUITES {
        let keys = shares(suite, 2, 4);
        let len = suite.point_len();
        assert_named(&keys, Misconduct::WrongSignatureShare, |ask, answer| match is_commit(ask) {
            true => answer,
            false => bend(suite, answer),
        });
        // A commitment to other nonces than its own: the binding point of somebody else, or its own hiding point
        // negated.
        let foreign = common::commitments(&[&keys[3]], common::session("x"), MESSAGE, "x").1[0].to_bytes();
        assert_named(&keys, Misconduct::WrongSignatureShare, |ask, mut answer| {
            if is_commit(ask) {
                let at = answer.len() - len;
                answer[at..].copy_from_slice(&foreign[foreign.len() - len..]);
                answer
            } else {
                // An honest holder refuses such a package; the cheat makes up a share.
                let package = match &ask.request {
                    Request::Sign(package) | Request::Commit(package) => package,
                };
                made_up_share(package)
            }
        });
        // The commitment of another session, as it was.
        assert_named(&keys, Misconduct::OtherSession, |ask, answer| match is_commit(ask) {
            true => {
                let digest = hufu_frost::MessageDigest::of(MESSAGE);
                let made = keys[1].commit(common::session("x"), digest, &mut common::random("x"));
                made.unwrap().1.to_bytes()
            }
            false => answer,
        });
        assert_named(&keys, Misconduct::WrongCommitment, |ask, mut answer| match is_commit(ask) {
            true => {
                let at = answer.len() - len;
                answer[at..].fill(0xff);
                answer
            }
            false => answer,
        });
        assert_named(&keys, Misconduct::Malformed, |_, _| b"noise".to_vec());
    }
}

/// A well-formed share of holder 2 in the package's session, of a scalar out of the air.
fn made_up_share(package: &[u8]) -> Vec<u8> {
    let package = hufu_frost::SigningPackage::from_bytes(package).unwrap();
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder.array(3).unwrap().str("hufu-sign-share").unwrap().u32(1).unwrap().array(4).unwrap();
    encoder.encode(package.purpose().group).unwrap().encode(package.session()).unwrap().u8(2).unwrap();
    encoder.bytes(&[5; 32]).unwrap();
    encoder.into_writer()
}

#[test]
fn commitment_replayed_from_an_earlier_attempt_is_named() {
    for suite in SUITES {
        let keys = shares(suite, 3, 4);
        let points_len = 2 * (suite.point_len() + 2);
        let mut first: Option<Vec<u8>> = None;
        let mut spoiled = false;
        let mut field = Field::new(&keys);
        let tamper = |ask: &Ask, answer: Option<Vec<u8>>| {
            let mut answer = answer?;
            match (ask.holder.number(), is_commit(ask)) {
                // Holder 2 puts its old points under the new session's head.
                (2, true) => match &first {
                    Some(old) => {
                        let at = answer.len() - points_len;
                        answer[at..].copy_from_slice(&old[old.len() - points_len..]);
                    }
                    None => first = Some(answer.clone()),
                },
                // Holder 1 makes the first attempt fail.
                (1, false) if !spoiled => {
                    spoiled = true;
                    answer = bend(suite, answer);
                }
                _ => {}
            }
            Some(answer)
        };
        let (progress, coordinator) = field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, no_blow, tamper);
        assert_eq!(progress, Progress::Failed(Error::TooFewHolders { left: 2, needed: 3 }));
        let named = |holder, attempt, how| Fault { holder: id(holder), attempt, kind: FaultKind::Misbehaved(how) };
        let expected = [named(1, 0, Misconduct::WrongSignatureShare), named(2, 1, Misconduct::ReplayedCommitment)];
        assert_eq!(coordinator.faults(), expected);
    }
}

#[test]
fn copied_commitment_names_the_copier_not_the_copied() {
    for suite in SUITES {
        let keys = shares(suite, 2, 3);
        let points_len = 2 * (suite.point_len() + 2);
        let mut of_one: Option<Vec<u8>> = None;
        let mut field = Field::new(&keys);
        let tamper = |ask: &Ask, answer: Option<Vec<u8>>| {
            let mut answer = answer?;
            match (ask.holder.number(), is_commit(ask)) {
                (1, true) => of_one = Some(answer.clone()),
                (2, true) => {
                    let (at, one) = (answer.len() - points_len, of_one.clone().unwrap());
                    answer[at..].copy_from_slice(&one[one.len() - points_len..]);
                }
                (2, false) => {
                    let Request::Sign(package) = &ask.request else { panic!("not a package") };
                    answer = made_up_share(package);
                }
                _ => {}
            }
            Some(answer)
        };
        let (progress, coordinator) = field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, no_blow, tamper);
        assert_signed(&field, &progress);
        assert!(coordinator.faults().iter().all(|fault| fault.holder == id(2)));
    }
}

#[test]
fn coordinator_started_anew_goes_on_with_the_next_attempt() {
    let keys = shares(Suite::Ed25519, 3, 3);
    let mut field = Field::new(&keys);
    let (first, _) = field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, no_blow, honest);
    assert_signed(&field, &first);
    let (second, coordinator) = field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, no_blow, honest);
    assert_signed(&field, &second);
    assert_eq!(coordinator.attempt(), 1);
    assert_eq!(coordinator.faults()[0].kind, FaultKind::Refused(Refusal::SessionUsed));
}

#[test]
fn mandate_is_worth_no_more_attempts_than_it_says() {
    let keys = shares(Suite::Ed25519, 2, 2);
    let mut field = Field::new(&keys);
    let two = signed(hufu_frost::Mandate { attempts: 2, ..mandate(&field.group(), MESSAGE) });
    for _ in 0..2 {
        let (progress, _) = field.sign(two.clone(), MESSAGE, no_blow, honest);
        assert_signed(&field, &progress);
    }
    let (third, _) = field.sign(two, MESSAGE, no_blow, honest);
    assert_eq!(third, Progress::Failed(Error::NoAttemptLeft));
    assert_eq!(field.record.shares(), 4);
}

#[test]
fn late_answers_and_expired_mandates_change_nothing() {
    use common::field::NOW_MS;
    let keys = shares(Suite::Ed25519, 2, 3);
    let mut field = Field::new(&keys);
    let begin = |field: &Field| {
        let live = field.live();
        Coordinator::begin(field.group(), signed(mandate(&field.group(), MESSAGE)), MESSAGE.to_vec(), &live, NOW_MS)
            .unwrap()
    };
    let (mut coordinator, asks) = begin(&field);
    let late = field.deliver(&asks[0], None).unwrap();
    let Progress::Ask(replaced) = coordinator.unanswered(asks[0].ticket, NOW_MS) else { panic!("over") };
    assert_eq!(replaced[0].holder, id(3));
    assert_eq!(coordinator.answered(asks[0].ticket, &late, NOW_MS), Progress::Ask(vec![]));
    assert_eq!(coordinator.awaited().count(), 2);
    let ended = coordinator.answered(asks[1].ticket, b"", NOW_MS + 60_000);
    assert_eq!(ended, Progress::Failed(Error::MandateExpired));
    assert_eq!(coordinator.answered(replaced[0].ticket, b"", NOW_MS), Progress::Ask(vec![]));
    let begun = Coordinator::begin(
        field.group(),
        signed(mandate(&field.group(), MESSAGE)),
        MESSAGE.to_vec(),
        &field.live(),
        NOW_MS + 60_000,
    );
    assert_eq!(begun.map(|_| ()).unwrap_err(), Error::MandateExpired);
    let other = Coordinator::begin(
        field.group(),
        signed(mandate(&field.group(), b"another")),
        MESSAGE.to_vec(),
        &field.live(),
        NOW_MS,
    );
    assert_eq!(other.map(|_| ()).unwrap_err(), Error::OtherPurpose);
}

/// Keys for every threshold, made once.
fn keys_of(suite: Suite, t: u8, n: u8) -> Arc<Vec<KeyShare>> {
    type Made = BTreeMap<(String, u8, u8), Arc<Vec<KeyShare>>>;
    static MADE: OnceLock<Mutex<Made>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    Arc::clone(made.entry((suite.to_string(), t, n)).or_insert_with(|| Arc::new(shares(suite, t, n))))
}

/// What a bad holder does to its answers.
fn spoil(suite: Suite, how: u8, answer: Vec<u8>, old: &mut Option<Vec<u8>>) -> Option<Vec<u8>> {
    let is_share = hufu_frost::recognise(&answer) == Some("hufu-sign-share");
    match how {
        0 => None,
        1 if is_share => Some(bend(suite, answer)),
        2 => Some(old.replace(answer.clone()).unwrap_or(answer)),
        3 => Some(answer[..answer.len() / 2].to_vec()),
        _ => Some(answer),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any threshold, any blows, any bad holders: no nonce is used twice, no honest holder is named, what comes out
    /// verifies, and it does come out while t good holders live and attempts are left.
    #[test]
    fn any_trouble_at_any_threshold(
        suite in prop::sample::select(&SUITES),
        (t, n) in (2u8..=8).prop_flat_map(|n| (2..=n, Just(n))),
        bad in prop::collection::btree_map(1u8..=8, 0u8..5, 0..3),
        blows in prop::collection::btree_map(0usize..40, 0u8..4, 0..4),
    ) {
        let mut field = Field::new(&keys_of(suite, t, n));
        let struck = RefCell::new(BTreeSet::new());
        let blow = |step: usize, ask: &Ask| {
            let blow = [Blow::DiesBefore, Blow::DiesAfter, Blow::RestartsBefore, Blow::RestartsAfter];
            let found = blows.get(&step).map(|index| blow[usize::from(*index)]);
            if found.is_some() {
                struck.borrow_mut().insert(ask.holder);
            }
            found
        };
        let mut old = BTreeMap::new();
        let tamper = |ask: &Ask, answer: Option<Vec<u8>>| match bad.get(&ask.holder.number()) {
            Some(how) => spoil(suite, *how, answer?, old.entry(ask.holder).or_default()),
            None => answer,
        };
        let (progress, coordinator) = field.sign(signed(mandate(&field.group(), MESSAGE)), MESSAGE, blow, tamper);
        for fault in coordinator.faults() {
            let is_bad = bad.contains_key(&fault.holder.number());
            match fault.kind {
                FaultKind::Misbehaved(_) => prop_assert!(is_bad, "{fault:?}"),
                _ => prop_assert!(is_bad || struck.borrow().contains(&fault.holder), "{fault:?}"),
            }
        }
        let troubled = struck.borrow().iter().filter(|holder| !bad.contains_key(&holder.number())).count();
        let bad = bad.keys().filter(|number| **number <= n).count();
        match progress {
            Progress::Signed(signature) => prop_assert!(foreign_verifies(&field.group(), MESSAGE, &signature)),
            _ => prop_assert!(bad + troubled > usize::from(n - t), "{progress:?} {:?}", coordinator.faults()),
        }
    }
}
