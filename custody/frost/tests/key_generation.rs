//! Key generation: every threshold, every cheat, every holder stopped at every step.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use std::collections::BTreeMap;

use common::{OpenSealer, Run, SUITES, foreign_verifies, id, sign};
use hufu_frost::dkg::{Agreement, Outgoing, Participant, Round, Setup, begin};
use hufu_frost::{Error, Group, Identifier, KeyShare, Misconduct, RandomError, SetId, Suite};
use hufu_secret::SecretBytes;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

#[test]
fn every_threshold_makes_a_key_that_any_t_sign_with() {
    for suite in SUITES {
        for n in 2..=8 {
            for t in 2..=n {
                let shares = common::shares(suite, t, n);
                let seed = format!("{suite} {t} {n}");
                let choice: [u8; 32] = Sha256::digest(&seed).into();
                let mut signers: Vec<_> = shares.iter().collect();
                signers.sort_by_key(|share| choice[usize::from(share.me().number())]);
                signers.truncate(t.into());
                let message = choice;
                let signature = sign(&signers, &message, &seed).unwrap();
                assert!(foreign_verifies(shares[0].group(), &message, &signature), "{seed}");
                signers.pop();
                if signers.len() > 1 {
                    assert_eq!(sign(&signers, &message, &seed), Err(Error::WrongPackage), "{seed}");
                }
            }
        }
    }
}

#[test]
fn share_is_restored_by_its_own_holder_only() {
    for suite in SUITES {
        let shares = common::shares(suite, 2, 3);
        let group = Group::from_bytes(&shares[0].group().to_bytes()).unwrap();
        let copy = |share: &KeyShare| SecretBytes::from_slice(share.secret().expose());
        assert!(KeyShare::new(group.clone(), id(1), copy(&shares[0])).is_ok());
        assert_eq!(KeyShare::new(group.clone(), id(2), copy(&shares[0])).unwrap_err(), Error::WrongSecret);
        assert_eq!(
            KeyShare::new(group.clone(), id(4), copy(&shares[0])).unwrap_err(),
            Error::UnknownHolder { number: 4 }
        );
        assert!(KeyShare::new(group, id(1), SecretBytes::from_slice(&[0xff; 32])).is_err());
    }
}

#[test]
fn debug_output_holds_no_secret() {
    for suite in SUITES {
        let shares = common::shares(suite, 2, 2);
        let (nonces, _) = common::commitments(&[&shares[0]], common::session("s"), b"m", "debug");
        let shown = format!("{:?} {:?}", shares[0], nonces[0]);
        assert!(shown.contains("[redacted]"));
        assert!(!shown.contains(&hex::encode(shares[0].secret().expose())), "{shown}");
    }
}

/// Takes a round 1 package apart and puts it together again with the set, points and proof that `change` makes of it.
fn edit(package: &[u8], change: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) -> Vec<u8> {
    let mut decoder = minicbor::Decoder::new(package);
    decoder.array().unwrap();
    let domain = decoder.str().unwrap().to_owned();
    decoder.u32().unwrap();
    decoder.array().unwrap();
    let start = decoder.position();
    for _ in 0..4 {
        decoder.skip().unwrap();
    }
    let fixed = package[start..decoder.position()].to_vec();
    let mut points = decoder.bytes().unwrap().to_vec();
    let mut proof = decoder.bytes().unwrap().to_vec();
    change(&mut points, &mut proof);
    let mut out = minicbor::Encoder::new(Vec::new());
    out.array(3).unwrap().str(&domain).unwrap().u32(1).unwrap().array(6).unwrap();
    let mut bytes = out.into_writer();
    bytes.extend(fixed);
    let mut out = minicbor::Encoder::new(bytes);
    out.bytes(&points).unwrap().bytes(&proof).unwrap();
    out.into_writer()
}

fn assert_named(result: Result<impl std::fmt::Debug, Error>, culprit: u8, expected: &[Misconduct]) {
    let Err(Error::Misbehaved { culprits, how }) = result else { panic!("{result:?}") };
    assert_eq!(culprits, [id(culprit)]);
    assert!(expected.contains(&how), "{how}");
}

#[test]
fn rogue_commitment_is_named() {
    for suite in SUITES {
        let run = Run::new(suite, 2, 3, "rogue");
        let len = suite.point_len();
        // The cheat takes the generator's multiple that it likes, without knowing the logarithm: here holder 2's
        // points.
        let (_, victim) = run.begin(id(2));
        let mut stolen = Vec::new();
        edit(&victim, |points, _| stolen.clone_from(points));
        let states = run.round1(|from, _, package| match from.number() {
            3 => edit(package, |points, _| points[..len].copy_from_slice(&stolen[..len])),
            _ => package.to_vec(),
        });
        assert_named(run.echo(states.unwrap()), 3, &[Misconduct::WrongProof]);
    }
}

#[test]
fn replayed_package_of_another_is_named() {
    for suite in SUITES {
        let run = Run::new(suite, 2, 3, "replay");
        let (_, victim) = run.begin(id(1));
        let (mut points, mut proof) = (Vec::new(), Vec::new());
        edit(&victim, |p, q| (points, proof) = (p.clone(), q.clone()));
        let states = run.round1(|from, _, package| match from.number() {
            3 => edit(package, |p, q| (*p, *q) = (points.clone(), proof.clone())),
            _ => package.to_vec(),
        });
        assert_named(run.echo(states.unwrap()), 3, &[Misconduct::WrongProof]);
    }
}

#[test]
fn package_of_another_set_threshold_or_sender_is_named() {
    for suite in SUITES {
        let run = Run::new(suite, 2, 3, "one");
        let other = Run { set: SetId([9; 32]), ..Run::new(suite, 2, 3, "one") };
        let wider = Run { set: run.set, ..Run::new(suite, 3, 3, "one") };
        let (mut state, _) = run.begin(id(1));
        assert_named(state.receive(id(2), &other.begin(id(2)).1), 2, &[Misconduct::OtherSet]);
        assert_named(state.receive(id(2), &wider.begin(id(2)).1), 2, &[Misconduct::OtherSet]);
        assert_named(state.receive(id(2), &run.begin(id(3)).1), 2, &[Misconduct::Malformed]);
        assert_named(state.receive(id(2), b"nothing"), 2, &[Misconduct::Malformed]);
        let longer = edit(&run.begin(id(2)).1, |points, _| points.extend_from_within(..suite.point_len()));
        assert_named(state.receive(id(2), &longer), 2, &[Misconduct::Malformed]);
        assert_eq!(state.receive(id(1), &run.begin(id(1)).1), Err(Error::UnknownHolder { number: 1 }));
        assert_eq!(state.receive(id(4), b""), Err(Error::UnknownHolder { number: 4 }));
    }
}

#[test]
fn two_packages_of_one_sender_are_a_contradiction() {
    let run = Run::new(Suite::Ed25519, 2, 3, "a");
    let again = Run { seed: "b".into(), ..Run::new(Suite::Ed25519, 2, 3, "a") };
    let (mut state, _) = run.begin(id(1));
    state.receive(id(2), &run.begin(id(2)).1).unwrap();
    state.receive(id(2), &run.begin(id(2)).1).unwrap();
    assert_named(state.receive(id(2), &again.begin(id(2)).1), 2, &[Misconduct::Contradiction]);
}

#[test]
fn equivocation_is_found_before_any_share_is_dealt_and_names_nobody() {
    for suite in SUITES {
        let run = Run::new(suite, 2, 4, "equivocation");
        let again = Run { seed: "another polynomial".into(), ..Run::new(suite, 2, 4, "equivocation") };
        let (_, second) = again.begin(id(4));
        let states = run.round1(|from, to, package| match (from.number(), to.number()) {
            (4, 1) => second.clone(),
            _ => package.to_vec(),
        });
        for (holder, state) in run.echo(states.unwrap()).unwrap() {
            let dealt = state.finish(&mut OpenSealer(holder));
            assert_eq!(dealt.map(|_| ()).unwrap_err(), Error::Disagreement, "holder {holder} dealt");
        }
    }
}

#[test]
fn wrong_share_is_named_by_who_got_it() {
    for suite in SUITES {
        let run = Run::new(suite, 3, 4, "wrong share");
        let (states, sealed) = run.deal(run.echo(run.round1(|_, _, p| p.to_vec()).unwrap()).unwrap()).unwrap();
        let mut states: BTreeMap<Identifier, _> = states;
        let mut altered = sealed.clone();
        let last_bit = altered.get_mut(&(id(2), id(1))).unwrap().last_mut().unwrap();
        *last_bit ^= 1;
        run.deliver(&mut states, &altered).unwrap();
        for (holder, state) in states {
            let finished = state.finish();
            match holder.number() {
                1 => assert_named(finished, 2, &[Misconduct::WrongShare]),
                _ => assert!(finished.is_ok()),
            }
        }
    }
}

#[test]
fn share_for_another_holder_set_or_round_is_named() {
    for suite in SUITES {
        let run = Run::new(suite, 2, 3, "swap");
        let (mut states, sealed) = run.deal(run.echo(run.round1(|_, _, p| p.to_vec()).unwrap()).unwrap()).unwrap();
        let other = Run::new(suite, 2, 3, "other");
        let (_, others) = other.deal(other.echo(other.round1(|_, _, p| p.to_vec()).unwrap()).unwrap()).unwrap();
        let state = states.get_mut(&id(1)).unwrap();
        let sealer = &mut OpenSealer(id(1));
        for wrong in [&sealed[&(id(2), id(3))], &sealed[&(id(3), id(1))], &others[&(id(2), id(1))], &vec![0; 2_000]] {
            assert_named(state.receive(id(2), wrong, sealer), 2, &[Misconduct::WrongShare, Misconduct::Malformed]);
        }
        state.receive(id(2), &sealed[&(id(2), id(1))], sealer).unwrap();
    }
}

#[test]
fn share_of_another_round_1_of_the_same_set_is_named() {
    let run = Run::new(Suite::Ed25519, 2, 3, "first try");
    let again = Run { set: run.set, ..Run::new(Suite::Ed25519, 2, 3, "second try") };
    let deal = |run: &Run| run.deal(run.echo(run.round1(|_, _, p| p.to_vec()).unwrap()).unwrap()).unwrap();
    let ((mut states, _), (_, others)) = (deal(&run), deal(&again));
    let received = states.get_mut(&id(1)).unwrap().receive(id(2), &others[&(id(2), id(1))], &mut OpenSealer(id(1)));
    assert_named(received, 2, &[Misconduct::OtherSet]);
}

/// Opens everything: what is bound inside the package holds also when the sealing binds nothing.
struct CarelessSealer;

impl hufu_frost::dkg::Sealer for CarelessSealer {
    fn seal(&mut self, _: Identifier, _: &[u8], secret: &SecretBytes) -> Result<Vec<u8>, hufu_frost::dkg::SealError> {
        Ok(secret.expose().to_vec())
    }

    fn open(&mut self, _: Identifier, _: &[u8], sealed: &[u8]) -> Result<SecretBytes, hufu_frost::dkg::SealError> {
        Ok(SecretBytes::from_slice(sealed))
    }
}

/// A holder whose own key has failed.
struct BrokenSealer;

impl hufu_frost::dkg::Sealer for BrokenSealer {
    fn seal(&mut self, _: Identifier, _: &[u8], _: &SecretBytes) -> Result<Vec<u8>, hufu_frost::dkg::SealError> {
        Err(hufu_frost::dkg::SealError::Own)
    }

    fn open(&mut self, _: Identifier, _: &[u8], _: &[u8]) -> Result<SecretBytes, hufu_frost::dkg::SealError> {
        Err(hufu_frost::dkg::SealError::Own)
    }
}

#[test]
fn holder_whose_own_key_fails_names_nobody() {
    let run = Run::new(Suite::Ed25519, 2, 3, "broken");
    let states = run.echo(run.round1(|_, _, p| p.to_vec()).unwrap()).unwrap();
    let (mut states, sealed) = run.deal(states).unwrap();
    let received = states.get_mut(&id(1)).unwrap().receive(id(2), &sealed[&(id(2), id(1))], &mut BrokenSealer);
    assert_eq!(received, Err(Error::Seal(hufu_frost::dkg::SealError::Own)));
}

#[test]
fn package_binds_set_sender_and_receiver_by_itself() {
    let dealt = |seed: &str| {
        let run = Run::new(Suite::Ed25519, 2, 3, seed);
        let states = run.echo(run.round1(|_, _, p| p.to_vec()).unwrap()).unwrap();
        let deal = |(holder, state): (Identifier, hufu_frost::dkg::Echoing)| {
            let (state, packages) = state.finish(&mut CarelessSealer).unwrap();
            (holder, (state, packages.into_iter().collect::<BTreeMap<_, _>>()))
        };
        states.into_iter().map(deal).collect::<BTreeMap<_, _>>()
    };
    let (mut ours, theirs) = (dealt("ours"), dealt("theirs"));
    let for_three = ours[&id(2)].1[&id(3)].clone();
    let of_three = ours[&id(3)].1[&id(1)].clone();
    let other_set = theirs[&id(2)].1[&id(1)].clone();
    let state = &mut ours.get_mut(&id(1)).unwrap().0;
    assert_named(state.receive(id(2), &for_three, &mut CarelessSealer), 2, &[Misconduct::Malformed]);
    assert_named(state.receive(id(2), &of_three, &mut CarelessSealer), 2, &[Misconduct::Malformed]);
    assert_named(state.receive(id(2), &other_set, &mut CarelessSealer), 2, &[Misconduct::OtherSet]);
}

#[test]
fn holder_stopped_at_any_step_leaves_no_key() {
    for suite in SUITES {
        let run = Run::new(suite, 2, 3, "stopped");
        let dead = id(3);
        let incomplete = Error::Incomplete { missing: vec![dead] };
        // Before round 1.
        let (mut state, _) = run.begin(id(1));
        state.receive(id(2), &run.begin(id(2)).1).unwrap();
        assert_eq!(state.missing(), [dead]);
        assert_eq!(state.finish().unwrap_err(), incomplete);
        // Before its echo.
        let states = run.round1(|_, _, p| p.to_vec()).unwrap();
        let mut echoing: BTreeMap<_, _> = BTreeMap::new();
        let mut echoes = BTreeMap::new();
        for (holder, state) in states {
            let (state, echo) = state.finish().unwrap();
            echoing.insert(holder, state);
            echoes.insert(holder, echo);
        }
        let mut first = echoing.remove(&id(1)).unwrap();
        first.receive(id(2), &echoes[&id(2)]).unwrap();
        assert_eq!(first.finish(&mut OpenSealer(id(1))).map(|_| ()).unwrap_err(), incomplete);
        // Before its shares.
        let (mut sharing, sealed) = run.deal(run.echo(run.round1(|_, _, p| p.to_vec()).unwrap()).unwrap()).unwrap();
        let mut first = sharing.remove(&id(1)).unwrap();
        first.receive(id(2), &sealed[&(id(2), id(1))], &mut OpenSealer(id(1))).unwrap();
        assert_eq!(first.finish().map(|_| ()).unwrap_err(), incomplete);
        // Before its outcome.
        let (mut sharing, sealed) = run.deal(run.echo(run.round1(|_, _, p| p.to_vec()).unwrap()).unwrap()).unwrap();
        run.deliver(&mut sharing, &sealed).unwrap();
        let mut agreement = Agreement::new(run.suite, run.threshold, run.set);
        for (holder, state) in sharing.into_iter().filter(|(holder, _)| *holder != dead) {
            agreement.receive(holder, &state.finish().unwrap().1).unwrap();
        }
        assert_eq!(agreement.finish().unwrap_err(), incomplete);
    }
}

#[test]
fn outcomes_that_differ_make_no_key() {
    let mut agreement = Agreement::new(Suite::Ed25519, hufu_frost::Threshold::new(2, 2).unwrap(), SetId([1; 32]));
    let outcomes = |seed: &str| {
        let run = Run { set: SetId([1; 32]), ..Run::new(Suite::Ed25519, 2, 2, seed) };
        let (mut states, sealed) = run.deal(run.echo(run.round1(|_, _, p| p.to_vec()).unwrap()).unwrap()).unwrap();
        run.deliver(&mut states, &sealed).unwrap();
        states.into_iter().map(|(holder, state)| (holder, state.finish().unwrap().1)).collect::<BTreeMap<_, _>>()
    };
    let (one, two) = (outcomes("one"), outcomes("two"));
    agreement.receive(id(1), &one[&id(1)]).unwrap();
    assert_named(agreement.receive(id(1), &two[&id(1)]), 1, &[Misconduct::Contradiction]);
    assert_named(agreement.receive(id(2), &two[&id(1)]), 2, &[Misconduct::Malformed]);
    agreement.receive(id(2), &two[&id(2)]).unwrap();
    assert_eq!(agreement.finish().unwrap_err(), Error::Disagreement);
}

#[test]
fn failing_random_source_is_an_error() {
    for suite in SUITES {
        for good in 0..3 {
            let setup = Setup::new(suite, hufu_frost::Threshold::new(2, 3).unwrap(), SetId([1; 32]), id(1)).unwrap();
            let mut left = good;
            let mut source = common::random("fails");
            let mut failing = |buffer: &mut [u8]| {
                left -= 1;
                if left < 0 { Err(RandomError) } else { source(buffer) }
            };
            assert_eq!(begin(setup, &mut failing).map(|_| ()).unwrap_err(), Error::Random(RandomError));
        }
    }
}

/// All holders as participants, and what is on the way: (from, to, round, bytes).
struct Crowd {
    run: Run,
    participants: BTreeMap<Identifier, Participant>,
    on_the_way: Vec<(Identifier, Identifier, Round, Vec<u8>)>,
    agreement: Agreement,
}

impl Crowd {
    fn new(run: Run) -> Self {
        let agreement = Agreement::new(run.suite, run.threshold, run.set);
        let mut crowd = Self { run, participants: BTreeMap::new(), on_the_way: Vec::new(), agreement };
        for me in crowd.run.holders() {
            let setup = Setup::new(crowd.run.suite, crowd.run.threshold, crowd.run.set, me).unwrap();
            let seed = format!("{} {me}", crowd.run.seed);
            let (participant, first) = Participant::begin(setup, &mut common::random(&seed)).unwrap();
            crowd.participants.insert(me, participant);
            crowd.send(me, vec![first]);
        }
        crowd
    }

    fn send(&mut self, from: Identifier, outgoing: Vec<Outgoing>) {
        for Outgoing { to, round, bytes } in outgoing {
            match (to, round) {
                (_, Round::Outcome) => self.agreement.receive(from, &bytes).unwrap(),
                (Some(to), _) => self.on_the_way.push((from, to, round, bytes)),
                (None, _) => {
                    let others = self.run.holders().into_iter().filter(|other| *other != from);
                    self.on_the_way.extend(others.map(|to| (from, to, round, bytes.clone())));
                }
            }
        }
    }

    /// Delivers what `choose` picks, until nothing is on the way. A message is now and then delivered twice.
    fn deliver(&mut self, mut choose: impl FnMut(usize) -> usize, dead: impl Fn(usize, Identifier) -> bool) {
        let mut step = 0;
        while !self.on_the_way.is_empty() {
            let at = choose(self.on_the_way.len());
            let (from, to, round, bytes) = self.on_the_way[at].clone();
            if step % 5 != 0 {
                self.on_the_way.swap_remove(at);
            }
            if !dead(step, to) {
                let participant = self.participants.get_mut(&to).unwrap();
                let outgoing = participant.receive(from, round, &bytes, &mut OpenSealer(to)).unwrap();
                self.send(to, outgoing);
            }
            step += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_in_any_order_make_the_same_key(
        suite in prop::sample::select(&common::SUITES),
        (t, n) in (2u8..=6).prop_flat_map(|n| (2..=n, Just(n))),
        order in prop::collection::vec(any::<prop::sample::Index>(), 32),
    ) {
        let mut crowd = Crowd::new(Run::new(suite, t, n, "any order"));
        let mut next = order.iter().cycle();
        crowd.deliver(|len| next.next().unwrap().index(len), |_, _| false);
        let group = crowd.agreement.finish().unwrap();
        let shares: Vec<_> = crowd.participants.into_values().map(|one| one.finish().unwrap()).collect();
        let in_order = Run::new(suite, t, n, "any order").shares();
        prop_assert_eq!(&group, in_order[0].group());
        let signers: Vec<_> = shares.iter().rev().take(t.into()).collect();
        let signature = sign(&signers, b"message", "any order").unwrap();
        prop_assert!(foreign_verifies(&group, b"message", &signature));
    }

    #[test]
    fn participant_stopped_at_any_message_leaves_no_key_or_a_whole_one(
        suite in prop::sample::select(&common::SUITES),
        stop in 0usize..60,
        order in prop::collection::vec(any::<prop::sample::Index>(), 32),
    ) {
        let mut crowd = Crowd::new(Run::new(suite, 2, 4, "stopped"));
        let mut next = order.iter().cycle();
        let dead = id(3);
        crowd.deliver(|len| next.next().unwrap().index(len), |step, to| to == dead && step >= stop);
        let waiting = crowd.participants.iter().filter(|(holder, one)| **holder != dead && !one.missing().is_empty());
        for (_, one) in waiting {
            prop_assert_eq!(one.missing(), vec![dead]);
        }
        match crowd.agreement.finish() {
            Ok(group) => prop_assert!(crowd.participants.into_values().all(|one| *one.finish().unwrap().group() == group)),
            Err(Error::Incomplete { missing }) => prop_assert!(missing.contains(&dead)),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

#[test]
fn participant_ends_with_the_first_error() {
    let run = Run::new(Suite::Ed25519, 2, 3, "ends");
    let setup = Setup::new(run.suite, run.threshold, run.set, id(1)).unwrap();
    let (mut one, _) = Participant::begin(setup, &mut common::random("ends")).unwrap();
    let sealer = &mut OpenSealer(id(1));
    // Strangers change nothing; early messages wait, one of each sender and round.
    assert_eq!(one.receive(id(4), Round::Commitment, b"", sealer), Err(Error::UnknownHolder { number: 4 }));
    assert_eq!(one.receive(id(2), Round::Share, b"early", sealer), Ok(vec![]));
    assert_eq!(one.receive(id(2), Round::Share, b"early", sealer), Ok(vec![]));
    assert_named(one.receive(id(2), Round::Share, b"other", sealer), 2, &[Misconduct::Contradiction]);
    assert_eq!(one.receive(id(3), Round::Commitment, b"", sealer), Err(Error::Over));
    assert!(one.finish().is_none());
    let (mut one, _) = Participant::begin(setup, &mut common::random("ends")).unwrap();
    assert_named(one.receive(id(2), Round::Echo, &[0; 3_000], sealer), 2, &[Misconduct::Malformed]);
    let (mut one, _) = Participant::begin(setup, &mut common::random("ends")).unwrap();
    assert_named(one.receive(id(2), Round::Outcome, b"", sealer), 2, &[Misconduct::Malformed]);
}

#[test]
fn largest_group_and_its_largest_messages_are_within_their_bounds() {
    let suite = Suite::Bip340;
    let all = Run::new(suite, 64, 64, "largest");
    let (mut state, _) = all.begin(id(1));
    state.receive(id(64), &all.begin(id(64)).1).unwrap();
    let shares = common::shares(suite, 2, 64);
    let message = vec![7; hufu_frost::MESSAGE_LEN_MAX];
    let signature = sign(&shares.iter().collect::<Vec<_>>(), &message, "largest").unwrap();
    assert!(foreign_verifies(shares[0].group(), &message, &signature));
}
